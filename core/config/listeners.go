package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// printResultHandler is the result handler of the package supervisor-stdout, which containers use. It and the default are built in.
const printResultHandler = "supervisor_stdout:event_handler"

// Listener is what an [eventlistener:x] section adds.
type Listener struct {
	Events         []eventlistener.Type    `key:"events" is:"required" sample:"EVENT" doc:"The types of events that the listeners are sent. A type includes all types below it." example:"PROCESS_STATE,TICK_60"`
	BufferSize     int                     `key:"buffer_size" default:"10" unit:"events" min:"1" says:"[{section}] section sets invalid buffer_size ({value})" sample:"10" doc:"How many events are kept while all listeners of the pool are busy."`
	ResultHandler  string                  `key:"result_handler" type:"result handler" default:"supervisor.dispatchers:default_handler" doc:"What judges the results of listeners. supervisor_stdout:event_handler, which writes them to the daemon's stdout, is the only other one."`
	Priority       int                     `key:"priority" is:"elsewhere" default:"-1" sample:"-1" doc:"Pools of a lower priority start first and stop last."`
	RedirectStderr bool                    `key:"redirect_stderr" is:"elsewhere" default:"false" sample:"false" doc:"It cannot be true: the stdout of a listener belongs to the protocol."`
	Programs       *eventlistener.Programs `key:"programs" is:"hark" doc:"Only events about these processes are sent, and events about no process. Without it, events about all." example:"web:*,billing"`
	Overflow       eventlistener.Overflow  `key:"overflow" is:"hark" default:"discard_oldest" doc:"What happens to events when the buffer is full. The oldest or the newest is discarded (discard_oldest, discard_newest), or all events are kept on disk (spool)."`
	Spool
	MaxInFlight    int                `key:"max_in_flight" is:"hark" default:"1" unit:"events" min:"1" max:"4096" doc:"How many times a listener may write READY ahead, and so how many events it may be sent before it answers the first."`
	AckTimeout     time.Duration      `key:"ack_timeout" type:"seconds" is:"hark" default:"0" unit:"seconds" min:"0" max:"31536000" doc:"How long a listener may take to answer an event before it is restarted and the event is sent again; 0 waits without a limit."`
	MaxDeliveries  int                `key:"max_deliveries" is:"hark" default:"0" unit:"deliveries" min:"0" max:"2147483647" doc:"After how many failed deliveries an event is written to the dead letters instead of being sent again; 0 has no limit."`
	RestartOnError bool               `key:"on_protocol_error" type:"what to do with a breach of the protocol" is:"hark" default:"unknown" doc:"What becomes of a listener that breaks the protocol. It is sent nothing until somebody restarts it (unknown), or it is restarted at once (restart)."`
	Stdin          bool               `key:"stdin" is:"hark" default:"false" doc:"Whether sendProcessStdin may write to the listeners, between the events of the protocol."`
	Payload        eventlistener.Form `key:"payload" is:"hark" default:"supervisor" doc:"The form of events: Supervisor's, Supervisor's with more tokens (extended), or JSON (json)."`
	PrintResults   bool               `key:"-"` // ResultHandler is supervisor_stdout:event_handler: results go to the daemon's standard output
}

// Spool says where events or output are kept on disk, with overflow=spool. It is empty without.
type Spool struct {
	SpoolDir      string `key:"spool_dir" type:"spool directory" is:"hark" doc:"The directory of the spool, with overflow=spool. It must be there: otherwise events are kept in memory, with an error in the activity log. Without it, childlogdir." example:"/var/spool/hark"`
	SpoolMaxBytes int64  `key:"spool_maxbytes" type:"size" is:"hark" default:"64MB" unit:"bytes" min:"1MB" doc:"The size of the spool at which the oldest in it is discarded."`
	SpoolSync     bool   `key:"spool_sync" is:"hark" default:"false" doc:"Whether the disk is waited for, so that what is in the spool survives a loss of power. This is slower."`
}

// listenerTable are the keys of [eventlistener:x] besides those of a program.
func listenerTable() *table {
	return tableOf[Listener](func() []string {
		return []string{"priority", "buffer_size", "result_handler", "events", "redirect_stderr"}
	})
}

func (l *loader) readListener(section, name string) *Group {
	r := l.reads(section)
	to := fresh[Listener](listenerTable())
	r.fill(listenerTable().supervisors, &to)
	to.PrintResults = entryPoint(to.ResultHandler) == printResultHandler
	if to.RedirectStderr {
		l.reject(section, "redirect_stderr", fmt.Sprintf("[%s] section sets redirect_stderr=true but this is not allowed because it will "+
			"interfere with the eventlistener protocol", section),
			"cannot be true: a listener's stdout belongs to the protocol; accepted: false")
	}
	processes := l.processes(section, name)
	r.fill(listenerTable().harks, &to)
	r.spool(&to.Spool, to.Overflow == eventlistener.SpoolEvents)
	return &Group{Name: name, Kind: ListenerGroup, Priority: to.Priority, Listener: &to, Processes: processes}
}

// checkResultHandler refuses a result handler that is not built in.
func checkResultHandler(r *reader, k *key, _ setting, handler string) {
	if known := entryPoint(handler); known == k.Default || known == printResultHandler {
		return
	}
	const why = "it is Python, which Hark does not run"
	r.l.reject(r.section, k.Key,
		fmt.Sprintf("%s cannot be resolved within [%s]: %s", handler, r.section, why),
		fmt.Sprintf("cannot use %q: %s; accepted: %s or %s", handler, why, k.Default, printResultHandler))
}

// spool empties a spool that is not wanted, and warns of its keys.
func (r *reader) spool(s *Spool, wanted bool) {
	if wanted {
		return
	}
	*s = Spool{}
	for _, key := range []string{"spool_dir", "spool_maxbytes", "spool_sync"} {
		if r.l.raw(r.section, key).state == present {
			r.l.own(func() { r.l.warn(r.section, key, "has no effect without overflow=spool") })
		}
	}
}

// events reads the subscribed types: any case, each once, in the order written.
// (Supervisor keeps them in a set and so in no order.)
func (l *loader) events(v setting) []eventlistener.Type {
	names := stringList(strings.ToUpper(l.text(v, "")))
	if len(names) == 0 && v.state != broken {
		l.reject(v.section, v.key, fmt.Sprintf(`[%s] section requires an "events" line`, v.section),
			"there is no event to listen for; accepted: "+listenerTable().key("events").Type.Accepts)
	}
	var types []eventlistener.Type
	for _, name := range names {
		t, ok := eventlistener.ParseType(name)
		if !ok {
			text := fmt.Sprintf("there is no event type %q; accepted: EVENT, PROCESS_STATE, TICK_60 and the like", name)
			if near := Nearest(name, typeNames()); near != "" {
				text += fmt.Sprintf("; did you mean %s?", near)
			}
			l.reject(v.section, v.key, fmt.Sprintf("Unknown event type %s in [%s] events", name, v.section), text)
			continue
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// typeNames are the names of all types of events.
func typeNames() (names []string) {
	for _, t := range eventlistener.Types() {
		names = append(names, t.String())
	}
	return names
}
