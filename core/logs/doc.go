// Package logs handles a child's output: a Splitter separates plain
// bytes from captured ones and strips ANSI escapes, a File writes, rotates,
// clears and reopens a log as Supervisor's handlers do, Read and Tail answer the
// XML-RPC calls, a Follower feeds /logtail, and an Activity writes the daemon's
// own log without ever blocking its callers. The package does not log: errors
// are returned (see Trouble), once an episode, for the loop to announce.
package logs
