package eventlistener

import (
	"bytes"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// Process identifies the process that an event is about, as it was when the event was made.
type Process struct {
	Name  string // the process's own name, e.g. "web_00"
	Group string // its group; "" when it is in none
	Pid   int    // its process id; 0 when it has none
}

// Exit describes how a process ended. Payloads in Supervisor's form do not show it.
type Exit struct {
	Ended      bool          // whether the event is about a process that ended; if false, the other fields have no meaning
	Status     int           // exit status; 0 when a signal ended the process
	Signal     int           // number of the signal that ended it; 0 when it exited
	CoreDumped bool          // whether it left a core file
	Uptime     time.Duration // how long it was up
}

// StateChange has the values of a PROCESS_STATE_* event other than its process.
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

// Seq returns the event's number on its bus, from 1; 0 before it was published.
func (e *Event) Seq() uint64 { return e.seq }

// Size returns about how many bytes the event occupies in memory; 0 before it was published.
func (e *Event) Size() int { return e.size }

// Time returns when the event was published; the zero time before.
func (e *Event) Time() time.Time { return e.time }

// Serial returns the number under which listeners see the event, from 0; false until a listener pool has accepted the event
// (supervisor/process.py, _acceptEvent).
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

// Payload returns the text that listeners get after the header, in Supervisor's form (supervisor/events.py). It is rendered by
// the first call and shared by all callers, which must not change it. It is always valid UTF-8.
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
	// Room for the keys and numbers of any one payload in addition to its variable parts.
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

// asciiPrefix returns the length of a prefix of b that is plain ASCII; if all of b is, the prefix lacks at most seven bytes.
// Most payloads are plain ASCII, and their characters can then be counted without decoding them.
func asciiPrefix(b []byte) int {
	n := 0
	for n+8 <= len(b) && binary.LittleEndian.Uint64(b[n:])&0x8080808080808080 == 0 {
		n += 8
	}
	return n
}

// giveSerial sets the serial to the result of next, unless the event has one already, and returns the serial.
func (e *Event) giveSerial(next func() int64) int64 {
	if n := e.serial.Load(); n != 0 {
		return n - 1
	}
	n := next()
	e.serial.Store(n + 1)
	return n
}
