package eventlistener

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Process names the process an event is about, as it was when the event was
// made.
type Process struct {
	Name  string // the process's own name, e.g. "web_00"
	Group string // its group; "" when it is in none
	Pid   int    // its process id; 0 when it has none
}

// Exit is how a process ended, as far as the event that carries it knows.
// Supervisor's payloads do not show it.
type Exit struct {
	Ended      bool          // whether the event is of a process that ended; else the next three say nothing
	Status     int           // exit status; 0 when a signal ended the process
	Signal     int           // number of the signal that ended it; 0 when it exited
	CoreDumped bool          // whether it left a core file
	Uptime     time.Duration // how long it was up
}

// StateChange is what a PROCESS_STATE_* event carries beside its process.
type StateChange struct {
	From     string // Supervisor's name of the state left, e.g. "STARTING"
	Tries    int    // start attempts that failed so far; sent with STARTING and BACKOFF
	Expected bool   // whether the exit was one of exitcodes; sent with EXITED
	Exit     Exit
}

// Event is one thing that happened. Made by one of the New functions, given to
// Bus.Publish once, it is immutable from then on and may be read from any
// goroutine; it is always handled by pointer. It holds copies of all it needs,
// so its payload reports how things were when it was made.
type Event struct {
	typ     Type
	seq     uint64
	serial  atomic.Int64 // the serial plus one; 0: none yet
	time    time.Time
	size    int // about how many bytes it keeps in memory, once published
	process Process
	change  StateChange
	text    string // group, channel or REMOTE_COMMUNICATION's type
	detail  string // REMOTE_COMMUNICATION's data
	number  int64  // a tick's time, or a count
	groups  *[reloadLists][]string
	data    []byte // output; a part of payload once that is rendered, where it can be

	once    sync.Once
	payload []byte
	chars   int
	further atomic.Pointer[furtherForms]
}

// Type returns the event's type.
func (e *Event) Type() Type { return e.typ }

// Seq is the event's number on its bus, from 1; 0 before it was published.
func (e *Event) Seq() uint64 { return e.seq }

// Size is about how many bytes the event keeps in memory; 0 before it was published.
func (e *Event) Size() int { return e.size }

// Time is when the event was published; zero before.
func (e *Event) Time() time.Time { return e.time }

// Serial is the number under which listeners see the event, from 0. It is
// false until a listener pool has accepted the event (supervisor/process.py,
// _acceptEvent).
func (e *Event) Serial() (int64, bool) {
	n := e.serial.Load()
	return n - 1, n != 0
}

// Process returns the process that the event is about; false for an event that is not about a process.
func (e *Event) Process() (Process, bool) {
	return e.process, e.process.Name != ""
}

// StateChange returns the data of a PROCESS_STATE_* event; false for others.
func (e *Event) StateChange() (StateChange, bool) {
	return e.change, e.typ.Is(ProcessState)
}

// Payload is the text listeners get after the header, in Supervisor's form
// (supervisor/events.py). It is rendered on first use and shared by all who ask
// afterwards: nobody may write to it. It is always valid UTF-8.
func (e *Event) Payload() []byte {
	e.once.Do(e.fill)
	return e.payload
}

// CharLen returns the length of the payload in characters (code points), which Supervisor announces as len. For an
// ASCII payload it is the number of bytes.
func (e *Event) CharLen() int {
	e.once.Do(e.fill)
	return e.chars
}

func (e *Event) fill() {
	// Room for the keys and numbers of any one payload beside its variable parts.
	const keys = 96
	size := keys + len(e.process.Name) + len(e.process.Group) + len(e.text) + len(e.detail) + len(e.data)
	e.payload = e.appendPayload(make([]byte, 0, size))
	plain := asciiPrefix(e.payload)
	if !utf8.Valid(e.payload[plain:]) { // a name; readers by character would lose their place
		e.payload = bytes.ToValidUTF8(e.payload, []byte("\uFFFD"))
	}
	e.chars = plain + utf8.RuneCount(e.payload[plain:])
	if n := len(e.payload) - len(e.data); n >= 0 && utf8.Valid(e.data) {
		e.data = e.payload[n:] // up to 128 KiB that a buffered event need not hold twice
	}
}

// asciiPrefix is the length of a beginning of b that is plain ASCII; all of it,
// but for up to seven bytes, where b is. Most payloads are, and need then not be
// decoded to be counted.
func asciiPrefix(b []byte) int {
	n := 0
	for n+8 <= len(b) && binary.LittleEndian.Uint64(b[n:])&0x8080808080808080 == 0 {
		n += 8
	}
	return n
}

// giveSerial sets the serial, if the event has none yet, to what next returns.
func (e *Event) giveSerial(next func() int64) int64 {
	if n := e.serial.Load(); n != 0 {
		return n - 1
	}
	n := next()
	e.serial.Store(n + 1)
	return n
}

// NewProcessState is the event of a process that entered a state; t is one of
// ProcessStateStopped to ProcessStateUnknown, from is Supervisor's name of the
// state left. tries is shown with STARTING and BACKOFF, expected with EXITED,
// the pid with EXITED, RUNNING, STOPPING and STOPPED; FATAL and UNKNOWN show
// none of them.
func NewProcessState(t Type, p Process, from string, tries int, expected bool, ex Exit) *Event {
	return &Event{
		typ: t, process: p,
		change: StateChange{From: from, Tries: tries, Expected: expected, Exit: ex},
	}
}

// NewProcessLog is the event of output a process wrote; t is ProcessLogStdout or
// ProcessLogStderr. The event takes ownership of data.
func NewProcessLog(t Type, p Process, data []byte) *Event {
	channel := "stdout"
	if t == ProcessLogStderr {
		channel = "stderr"
	}
	return &Event{typ: t, process: p, text: channel, data: data}
}

// NewProcessCommunication is the event of a block a process wrote between
// capture tags; t is ProcessCommunicationStdout or ProcessCommunicationStderr.
// The event takes ownership of data.
func NewProcessCommunication(t Type, p Process, data []byte) *Event {
	return &Event{typ: t, process: p, data: data}
}

// NewRemoteCommunication is the event of a call of
// supervisor.sendRemoteCommEvent with its two arguments.
func NewRemoteCommunication(kind, data string) *Event {
	return &Event{typ: RemoteCommunication, text: kind, detail: data}
}

// NewTick is the event of a period's beginning; t is Tick5, Tick60 or Tick3600,
// when the period's first second since the epoch.
func NewTick(t Type, when int64) *Event {
	return &Event{typ: t, number: when}
}

// NewProcessGroup is the event of a group that was added or removed; t is
// ProcessGroupAdded or ProcessGroupRemoved. The payload ends in a newline as
// Supervisor's does, though its documentation shows none.
func NewProcessGroup(t Type, group string) *Event {
	return &Event{typ: t, text: group}
}

// NewSupervisorState is the event of the supervisor's own start or stop; t is
// SupervisorStateChangeRunning or SupervisorStateChangeStopping. Its payload is
// empty.
func NewSupervisorState(t Type) *Event {
	return &Event{typ: t}
}

// NewConfigReloaded is Hark's event of a configuration that was read again, with
// the groups it adds, changes and removes. Payload:
// "added:a,b changed:c removed:".
func NewConfigReloaded(added, changed, removed []string) *Event {
	return &Event{typ: ConfigReloaded,
		groups: &[...][]string{slices.Clone(added), slices.Clone(changed), slices.Clone(removed)}}
}

// NewEventsDiscarded is Hark's event of count events lost to the full buffer of
// a subscriber. Payload: "subscriber:mylistener discarded:3".
func NewEventsDiscarded(subscriber string, count int64) *Event {
	return &Event{typ: EventsDiscarded, text: subscriber, number: count}
}

// NewLogDropped is Hark's event of output that reached no log: bytes of the
// channel ("stdout" or "stderr") of p. Payload:
// "processname:cat groupname:cat pid:7 channel:stdout bytes:4096".
func NewLogDropped(p Process, channel string, bytes int64) *Event {
	return &Event{typ: LogDropped, process: p, text: channel, number: bytes}
}

// NewSinkDropped is NewLogDropped of output that one log sink will not get, whatever became of it
// elsewhere. The payload has " sink:central" behind. p is empty where it is not known whose output it was.
func NewSinkDropped(sink string, p Process, channel string, bytes int64) *Event {
	e := NewLogDropped(p, channel, bytes)
	e.detail = sink
	return e
}

// NewPluginState is Hark's event of a plugin whose process has changed its state; t is one below PluginState. pid is 0 where there is no
// process; why tells of a failure, in one line. Payload: "pluginname:slack from_state:RUNNING pid:0", a line feed, and why.
func NewPluginState(t Type, plugin, from string, pid int, why string) *Event {
	return &Event{typ: t, text: plugin, detail: why, number: int64(pid), change: StateChange{From: from}}
}
