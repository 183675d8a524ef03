// Package plugins is the host of plugins: programs that go-plugin's protocol over gRPC connects to the daemon, and that add
// notifiers, log sinks and XML-RPC namespaces to it. Nothing that a plugin does reaches the supervisor: it is never waited for there.
//
// A Host has a goroutine for each plugin that keeps its process: launched by the Launcher that supervisord fills from its
// spawner and reaper (runner.go), watched while it starts, asked how it is, given its instances (instance.go), restarted when it
// fails. Who calls an instance is given the connection to a process that runs, or at once the reason why there is none. What plugins call back arrives at a
// socket of the host's own (callback.go).
//
// Outlets are the notifiers and log sinks: queues and policies between the events and outputs of the supervisor and the instances that
// deliver them.
package plugins
