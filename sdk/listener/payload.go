package listener

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// Process identifies the process that an event is about.
type Process struct {
	Name  string
	Group string
	Pid   int // 0 if the event does not contain it
}

// Namespec returns the name of the process in XML-RPC and supervisorctl: "group:name", or the name alone if the group
// has the same name or is empty.
func (p Process) Namespec() string {
	if p.Group == "" {
		return p.Name
	}
	return pytext.Namespec(p.Group, p.Name)
}

// ProcessState is the payload of PROCESS_STATE_*.
type ProcessState struct {
	Process
	State    string // the state entered, e.g. "EXITED"
	From     string // the state left, e.g. "RUNNING"
	Tries    int    // start attempts that failed so far; sent with STARTING and BACKOFF
	Expected bool   // whether the exit status is one of exitcodes; sent with EXITED
	// Exit is how the process ended; nil if the payload does not contain it: only
	// payload=extended and payload=json do.
	Exit *Exit
}

// Exit is how a process ended.
type Exit struct {
	Status   int // exit status; 0 for a signal
	Signal   int // the signal's number; 0 for an exit
	CoreDump bool
	Uptime   time.Duration
}

// ProcessLog is the payload of PROCESS_LOG_*: output of a program with
// stdout_events_enabled or stderr_events_enabled.
type ProcessLog struct {
	Process
	Channel string // "stdout" or "stderr"
	Data    []byte // what was read at a time: neither a line nor whole lines
}

// ProcessCommunication is the payload of PROCESS_COMMUNICATION_*: what a program wrote between capture tags.
type ProcessCommunication struct {
	Process
	Channel string // "stdout" or "stderr"
	Data    []byte
}

// RemoteCommunication is the payload of REMOTE_COMMUNICATION: the arguments of supervisor.sendRemoteCommEvent.
type RemoteCommunication struct {
	Type string
	Data []byte
}

// Tick is the payload of TICK_*.
type Tick struct {
	When   time.Time     // the period's first second
	Period time.Duration // 5 s, 60 s or 3600 s
}

// ProcessGroup is the payload of PROCESS_GROUP_ADDED and PROCESS_GROUP_REMOVED.
type ProcessGroup struct {
	Name  string
	Added bool
}

// SupervisorState is the state reported by SUPERVISOR_STATE_CHANGE_*.
type SupervisorState struct {
	State string // "RUNNING" or "STOPPING"
}

// Other is the payload of an event type that has no struct of its own.
type Other struct {
	Tokens map[string]string
	Data   []byte
}

// Decode returns the payload as the struct of its type, for use in a type switch: ProcessState, ProcessLog,
// ProcessCommunication, RemoteCommunication, Tick, ProcessGroup, SupervisorState or Other.
func (e Event) Decode() (any, error) {
	t, _ := e.Type() // an unknown type is AnyEvent, under none of these
	switch {
	case t.Is(eventlistener.ProcessState):
		return e.ProcessState()
	case t.Is(eventlistener.ProcessLog):
		return e.ProcessLog()
	case t.Is(eventlistener.ProcessCommunication):
		return e.ProcessCommunication()
	case t.Is(eventlistener.RemoteCommunication):
		return e.RemoteCommunication()
	case t.Is(eventlistener.TickEvent):
		return e.Tick()
	case t.Is(eventlistener.ProcessGroup):
		return e.ProcessGroup()
	case t.Is(eventlistener.SupervisorStateChange):
		return e.SupervisorState()
	}
	tokens, data, err := e.Tokens()
	return Other{tokens, data}, err
}

// ProcessState returns the payload of a PROCESS_STATE_* event. Like the methods for the other types, it returns an
// error if the event is of another type or the payload is incomplete.
func (e Event) ProcessState() (ProcessState, error) {
	f, err := e.fields(eventlistener.ProcessState)
	if err != nil {
		return ProcessState{}, err
	}
	p := ProcessState{
		Process:  f.process(),
		State:    strings.TrimPrefix(e.Name(), "PROCESS_STATE_"),
		From:     f.text("from_state"),
		Tries:    f.count("tries", false),
		Expected: f.tokens["expected"] == "1",
	}
	if _, told := f.tokens["exitstatus"]; told {
		p.Exit = &Exit{
			Status:   f.count("exitstatus", true),
			Signal:   f.count("signal", false),
			CoreDump: f.tokens["coredump"] == "1",
			Uptime:   f.seconds("uptime"),
		}
	}
	return p, f.err
}

// ProcessLog returns the payload of a PROCESS_LOG_* event.
func (e Event) ProcessLog() (ProcessLog, error) {
	f, err := e.fields(eventlistener.ProcessLog)
	if err != nil {
		return ProcessLog{}, err
	}
	return ProcessLog{f.process(), f.text("channel"), f.data}, f.err
}

// ProcessCommunication returns the payload of a PROCESS_COMMUNICATION_* event.
func (e Event) ProcessCommunication() (ProcessCommunication, error) {
	f, err := e.fields(eventlistener.ProcessCommunication)
	if err != nil {
		return ProcessCommunication{}, err
	}
	channel := strings.ToLower(strings.TrimPrefix(e.Name(), "PROCESS_COMMUNICATION_"))
	return ProcessCommunication{f.process(), channel, f.data}, f.err
}

// RemoteCommunication returns the payload of a REMOTE_COMMUNICATION event.
func (e Event) RemoteCommunication() (RemoteCommunication, error) {
	f, err := e.fields(eventlistener.RemoteCommunication)
	if err != nil {
		return RemoteCommunication{}, err
	}
	return RemoteCommunication{f.text("type"), f.data}, f.err
}

// Tick returns the payload of a TICK_* event.
func (e Event) Tick() (Tick, error) {
	f, err := e.fields(eventlistener.TickEvent)
	if err != nil {
		return Tick{}, err
	}
	period, err := strconv.Atoi(strings.TrimPrefix(e.Name(), "TICK_"))
	if err != nil {
		return Tick{}, fmt.Errorf("cannot read the payload of %s: no period in the name", e.Name())
	}
	when := f.count("when", true)
	return Tick{time.Unix(int64(when), 0), time.Duration(period) * time.Second}, f.err
}

// ProcessGroup returns the payload of a PROCESS_GROUP_* event.
func (e Event) ProcessGroup() (ProcessGroup, error) {
	f, err := e.fields(eventlistener.ProcessGroup)
	if err != nil {
		return ProcessGroup{}, err
	}
	return ProcessGroup{f.text("groupname"), e.Is(eventlistener.ProcessGroupAdded)}, f.err
}

// SupervisorState returns the state of a SUPERVISOR_STATE_CHANGE_* event, whose payload is empty.
func (e Event) SupervisorState() (SupervisorState, error) {
	_, err := e.fields(eventlistener.SupervisorStateChange)
	return SupervisorState{strings.TrimPrefix(e.Name(), "SUPERVISOR_STATE_CHANGE_")}, err
}

// fields are a payload's tokens while they are being read; err is the first thing
// that was amiss.
type fields struct {
	event  string
	tokens map[string]string
	data   []byte
	err    error
}

func (e Event) fields(t eventlistener.Type) (*fields, error) {
	if !e.Is(t) {
		return nil, fmt.Errorf("cannot read the payload of %s as one of %s", e.Name(), t)
	}
	tokens, data, err := e.Tokens()
	if err != nil {
		return nil, err
	}
	return &fields{event: e.Name(), tokens: tokens, data: data}, nil
}

func (f *fields) process() Process {
	return Process{f.text("processname"), f.text("groupname"), f.count("pid", false)}
}

func (f *fields) text(key string) string {
	v, ok := f.tokens[key]
	if !ok {
		f.amiss("%s is missing", key)
	}
	return v
}

func (f *fields) count(key string, required bool) int {
	v, ok := f.tokens[key]
	if !ok && !required {
		return 0
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		f.amiss("%s is %q, not a number", key, v)
	}
	return n
}

func (f *fields) seconds(key string) time.Duration {
	v, ok := f.tokens[key]
	if !ok {
		return 0
	}
	n, err := strconv.ParseFloat(v, 64)
	if err != nil {
		f.amiss("%s is %q, not a number", key, v)
	}
	return time.Duration(n * float64(time.Second))
}

func (f *fields) amiss(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf("cannot read the payload of "+f.event+": "+format, args...)
	}
}
