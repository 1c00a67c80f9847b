package ssf

// Objects are the configured objects of the configuration file. At start one transaction takes them over: vanished ones
// are retired, never deleted; a clash with an object made in the dashboard is an error that names both.
type Objects struct {
	Transmitters []TransmitterSpec
	Sources      []SourceSpec
	Connectors   []ConnectorSpec
}
