// Package sdk is what the author of a plugin imports. A plugin is a program that Hark's host starts and with which it
// speaks gRPC. A plugin can be of three kinds, and of several at once: a [Notifier] notifies people of events, a
// [LogSink] receives the output of programs, a [Namespace] adds XML-RPC methods.
//
//	func main() {
//		sdk.Serve(sdk.Plugin{
//			Name: "shout", Version: "1.0.0", Doc: "Shouts about events.",
//			Kinds: []sdk.Kind{sdk.NotifierOf(Config{Volume: 11}, New)},
//		})
//	}
//
// One process serves every section of the configuration that names the plugin: each is an instance, made by
// the function given to NotifierOf, LogSinkOf or NamespaceOf from a struct filled with the section's keys. An
// instance may be used by several goroutines at once, except where its interface says otherwise.
package sdk

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/internal/pytext"
	"github.com/hark-supervisor/hark/internal/wire"
)

// Plugin is a plugin, as passed to Serve.
type Plugin struct {
	Name    string // lower-case letters, digits and hyphens; what plugin = NAME says
	Version string // its own, e.g. 1.0.0
	Doc     string // one sentence, for people
	Kinds   []Kind // what it can be, each kind once

	// Permission is the permission to call the daemon that the plugin needs. It is information for people, who grant it in
	// the plugin's section; only plugins that come with Hark get it without that.
	Permission Permission
}

// Permission is what a plugin may call of the daemon's methods.
type Permission int

// The permissions, least first.
const (
	NoCalls   Permission = iota // none
	ReadCalls                   // those that change nothing: permissions = read
	AllCalls                    // all: permissions = control
)

// Instance describes a new instance and its environment.
type Instance struct {
	Name   string // x of [notifier:x]
	Daemon Daemon
	Log    hclog.Logger // its lines reach the daemon's activity log, under the plugin's and the instance's name
	Host   Host         // calls back; every call fails where the plugin has no permission
}

// Daemon is the daemon that the plugin belongs to.
type Daemon struct {
	Identifier string // identifier= of [supervisord]
	Hostname   string
	Version    string // Hark's own
}

// Host calls XML-RPC methods of the daemon, as far as permissions= of the plugin's section allows.
type Host interface {
	// Call calls a method by its full name, e.g. "supervisor.getProcessInfo". Parameters and results are those of
	// Namespace.Call. It blocks until the daemon has answered or ctx is done. The error is a *Fault where the daemon
	// answered with one.
	Call(ctx context.Context, method string, params ...any) (any, error)
}

// Closer is implemented by instances that hold resources. Close is called once, when no call of the instance is in
// progress, and its context has a deadline for flushing.
type Closer interface {
	Close(ctx context.Context) error
}

// HealthChecker is implemented by instances that can report that something is wrong with them. The result is shown to
// people. Health must return within a second, so it reports what is already known and calls no other service.
type HealthChecker interface {
	Health() error
}

// Fault is an XML-RPC answer that reports a failure. If a Namespace's Call returns it, the client gets its code.
type Fault struct {
	Code int
	Text string
}

// Error returns the fault's text.
func (f *Fault) Error() string { return f.Text }

// FaultOf returns the fault that an error is or wraps: of a Host's Call, the daemon's. Any other error is FAILED (30) with
// its text, and no error is nil.
func FaultOf(err error) *Fault {
	var f *Fault
	if err == nil || errors.As(err, &f) {
		return f
	}
	return &Fault{Code: wire.Failed, Text: err.Error()}
}

// Event is one event of the daemon, as sent to listeners (PROTOCOL.md, section 6).
type Event struct {
	Seq     uint64 // its number in the daemon, rising
	Type    string // e.g. PROCESS_STATE_EXITED
	Time    time.Time
	Group   string
	Process string // "" for an event about no process
	Pid     int    // 0: none
	From    string // the state left, of PROCESS_STATE_*
	Tries   int    // starts that failed in a row, of PROCESS_STATE_*
	// Expected reports whether the exit was one of exitcodes, of PROCESS_STATE_EXITED.
	Expected bool
	Exit     *Exit  // how the process ended; nil if the event is not about an end
	Data     []byte // free text, of PROCESS_LOG_*, PROCESS_COMMUNICATION_* and REMOTE_COMMUNICATION
	Payload  []byte // what listeners read, in Supervisor's form
	JSON     []byte // the same in the JSON form
}

// Exit is how a process ended.
type Exit struct {
	Status     int // 0 where a signal ended it
	Signal     int // number; 0 where none did
	CoreDumped bool
	Uptime     time.Duration
}

// Namespec returns group:process, or the name alone if both are the same; "" for an event that is not about a process.
func (e *Event) Namespec() string {
	if e.Group == "" {
		return e.Process
	}
	return pytext.Namespec(e.Group, e.Process)
}
