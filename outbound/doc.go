// Package outbound is the one guarded way out: everything that leaves the machine goes through a Client.
package outbound
