// Package logsink has log sinks. A [Sink] gathers what programs write into batches that its plugin acknowledges. What waits
// is in a bounded buffer with a stated overflow, or in a spool, and goroutines of its own send it, so that a plugin that
// hangs, fails or lies delays neither the thread that reads output, unless block says so, nor another sink.
package logsink
