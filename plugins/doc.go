// Package plugins is the host of plugins and what stands between them and the supervisor.
//
// A [Host] starts the process of each plugin, watches it, starts it again, and gives out its instances: the sections
// that it serves. [Outlets] are the notifiers and log sinks among them. A [Notifier] subscribes to the events and decides when
// its plugin is told of what (notifier_policy.go, which is pure: it is given the time); a [LogSink] gathers output into batches
// that its plugin acknowledges. Both have bounded queues with a stated overflow, or a spool, and goroutines of their
// own, so that a plugin that hangs, fails or lies delays neither the loop, nor the thread that reads output, nor another plugin.
package plugins
