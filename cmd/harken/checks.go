package main

import (
	"strings"

	"harken/poller"
	"harken/respond"
	"harken/secevent"
	"harken/ssf"
)

// checkSchedule says what is wrong with a schedule; an empty one is the default.
func checkSchedule(path, schedule string) []ssf.Problem {
	if schedule == "" {
		return nil
	}
	if _, err := poller.ParseSchedule(schedule); err != nil {
		return []ssf.Problem{{Path: path, Message: strings.TrimPrefix(err.Error(), "schedule: ")}}
	}
	return nil
}

// checkConnector compiles a connector's document, the preset's parts included.
func checkConnector(path string, spec ssf.ConnectorSpec) []ssf.Problem {
	presets, err := respond.Presets()
	if err != nil {
		return []ssf.Problem{{Path: path, Message: err.Error()}}
	}
	return respond.CheckSpec(spec, presets, path)
}

// checkTolerances says which names are no tolerances of this version.
func checkTolerances(path string, names []string) []ssf.Problem {
	if err := secevent.CheckTolerances(names); err != nil {
		return []ssf.Problem{{Path: path, Message: err.Error()}}
	}
	return nil
}
