// Package host runs plugins: programs that go-plugin's protocol over gRPC connects to the daemon, and that add notifiers,
// log sinks and XML-RPC namespaces to it. Nothing that a plugin does reaches the supervisor: it is never waited for there.
//
// A [Host] has a goroutine for each plugin that keeps its process: launched by the [Launcher] that supervisord fills from
// its spawner and reaper (runner.go), watched while it starts, asked for its health, given its instances (instance.go) and
// restarted when it fails. Who calls an instance is given the connection to a process that runs, or at once the reason why
// there is none. What plugins call back arrives at a socket of the host's own (callback.go).
package host
