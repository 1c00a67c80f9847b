// Package poller looks after transmitters: it discovers them (SSF §7), manages their streams (SSF §8.1), polls and
// acknowledges (RFC 8936), asks for verification events, and puts every token that arrives, by whatever way, through one
// Intake. It also has the Scheduler that wakes all recurring jobs of the program.
//
// What it leaves to others: proving tokens and holding keys (behind Verifier and Keys, which the caller wires), how
// requests leave the machine (package outbound), what an event is about and what is done about it. It knows nothing of
// identities and actions.
//
// Decisions that bind it:
//
//   - Acknowledgements and error reports come from the store, read anew before each request, and are dropped there in the
//     commit of the answer to the request that carried them. So nothing is acknowledged that is not durable, and a crash
//     at any point costs at most a repetition.
//   - Cron only wakes. When a transmitter may be asked again, how often it failed and why is part of
//     ssf.TransmitterState, so that a restart neither hammers a peer nor forgets a Retry-After.
//   - Only an answer that stored something new is progress. Everything else but a healthy empty answer waits longer each
//     time, whatever the cause: refusals, garbage, an empty answer that promises more, the same bad token again.
//   - Each transmitter has its own client, credential and origins. An origin, once seen, is pinned; when discovery names
//     another one the stream is held and no credential is sent there.
//   - One transmitter that hangs, floods or lies delays no other: each has jobs of its own, verification slots are shared
//     fairly and given back by whoever waits for the network, and one committer groups whatever is ready.
package poller
