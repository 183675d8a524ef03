// Package outlets keeps the notifiers and log sinks of the daemon, over its lives: it adds, changes, removes and ends them,
// and has none of them wait for another.
package outlets
