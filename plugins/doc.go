// Package plugins is the host of plugins: programs that go-plugin's protocol over gRPC connects to the daemon, and that add
// notifiers, log sinks and XML-RPC namespaces to it. Nothing that a plugin does reaches the supervisor: it is never waited for there.
//
// A Host has a goroutine for each plugin that keeps its process: launched by the Launcher that supervisord fills from its
// spawner and reaper (runner.go), watched while it starts, asked how it is, given its instances (instance.go), restarted when it
// fails. Who calls an instance is given the connection to a process that runs, or at once the reason why there is none. What plugins call back arrives at a
// socket of the host's own (callback.go).
//
// Outlets are the notifiers and log sinks among them. A [Notifier] subscribes to the events and decides when its plugin is notified of what
// (notifier_policy.go, which is pure: it is given the time); a [LogSink] gathers output into batches that its plugin acknowledges. Both have
// bounded queues with a stated overflow, or a spool, and goroutines of their own, so that a plugin that hangs, fails or lies delays neither
// the loop, nor the thread that reads output, nor another plugin.
package plugins
