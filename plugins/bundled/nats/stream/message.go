package stream

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/nats-io/nats.go"
)

// version of the messages. Headers are only added; one that changes its meaning raises it.
const version = "1"

// The headers of messages. Names of processes and the like are escaped as in subjects, but only where a header needs it.
const (
	HeaderID         = "Nats-Msg-Id"          // the same whenever an event or a line is sent again: JetStream drops the second
	HeaderExpected   = "Nats-Expected-Stream" // JetStream refuses what would go into another
	HeaderVersion    = "Hark-Version"
	HeaderEvent      = "Hark-Event"
	HeaderSeq        = "Hark-Seq"
	HeaderTime       = "Hark-Time"
	HeaderIdentifier = "Hark-Identifier"
	HeaderHostname   = "Hark-Hostname"
	HeaderGroup      = "Hark-Group"
	HeaderProcess    = "Hark-Process"
	HeaderPid        = "Hark-Pid"
	HeaderFrom       = "Hark-From-State"
	HeaderTries      = "Hark-Tries"
	HeaderExpectedly = "Hark-Expected"
	HeaderStatus     = "Hark-Exit-Status"
	HeaderSignal     = "Hark-Signal"
	HeaderCore       = "Hark-Core-Dumped"
	HeaderUptime     = "Hark-Uptime"
	HeaderOffset     = "Hark-Offset"
	HeaderContinued  = "Hark-Continued"
	HeaderTest       = "Hark-Test" // of what hark.testNotifier sends
)

// Source is where messages come from, and where they are to go.
type Source struct {
	Prefix     string // of subjects
	Stream     string // that the messages are for
	Identifier string // of the machine's supervisord
	Hostname   string
}

// Published is an event, as far as its message says it.
type Published struct {
	Seq            uint64
	Type           string
	Time           time.Time
	Group, Process string
	Pid            int
	From           string // of PROCESS_STATE_*
	Tries          int
	Expected       bool
	Exit           *End // nil if the event is not about an end
	Payload        []byte
}

// End is how a process ended.
type End struct {
	Status, Signal int
	CoreDumped     bool
	Uptime         time.Duration
}

// Output is a line of a program's output without its line feed, or a piece of output as it was read.
type Output struct {
	Group, Process string
	Pid            int
	Channel        string
	Time           time.Time
	Offset         uint64 // of the first byte in the channel
	Continued      bool   // it continues the line of the message before
	Data           []byte
}

func (s *Source) head(group, process string, pid int, at time.Time) nats.Header {
	h := nats.Header{}
	h.Set(HeaderVersion, version)
	h.Set(HeaderExpected, s.Stream)
	h.Set(HeaderTime, at.UTC().Format(time.RFC3339Nano))
	h.Set(HeaderIdentifier, header(s.Identifier))
	if s.Hostname != "" {
		h.Set(HeaderHostname, header(s.Hostname))
	}
	if process != "" {
		h.Set(HeaderGroup, header(group))
		h.Set(HeaderProcess, header(process))
	}
	if pid != 0 {
		h.Set(HeaderPid, strconv.Itoa(pid))
	}
	return h
}

// id identifies a message permanently: by the machine, the subject, and the time.
func (s *Source) id(parts ...string) string {
	return s.Prefix + "/" + Token(s.Identifier) + "/" + Token(s.Hostname) + "/" + strings.Join(parts, "/")
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 36) }

// Event makes the message of an event. Its body is the payload as listeners read it.
func (s *Source) Event(e *Published) *nats.Msg {
	h := s.head(e.Group, e.Process, e.Pid, e.Time)
	seq := strconv.FormatUint(e.Seq, 10)
	h.Set(HeaderID, s.id("e", seq, nanoseconds(e.Time)))
	h.Set(HeaderEvent, e.Type)
	h.Set(HeaderSeq, seq)
	if e.From != "" {
		h.Set(HeaderFrom, e.From)
		h.Set(HeaderTries, strconv.Itoa(e.Tries))
		h.Set(HeaderExpectedly, strconv.FormatBool(e.Expected))
	}
	if x := e.Exit; x != nil {
		h.Set(HeaderStatus, strconv.Itoa(x.Status))
		h.Set(HeaderSignal, strconv.Itoa(x.Signal))
		h.Set(HeaderCore, strconv.FormatBool(x.CoreDumped))
		h.Set(HeaderUptime, strconv.FormatFloat(x.Uptime.Seconds(), 'f', 3, 64))
	}
	return &nats.Msg{Subject: s.eventSubject(e.Group, e.Process, e.Type), Header: h, Data: e.Payload}
}

// Output makes the message of some output.
func (s *Source) Output(o *Output) *nats.Msg {
	h := s.head(o.Group, o.Process, o.Pid, o.Time)
	offset := strconv.FormatUint(o.Offset, 10)
	h.Set(HeaderID, s.id("l", Token(o.Group), Token(o.Process), o.Channel, offset, nanoseconds(o.Time)))
	h.Set(HeaderOffset, offset)
	if o.Continued {
		h.Set(HeaderContinued, "true")
	}
	return &nats.Msg{Subject: s.logSubject(o.Group, o.Process, o.Channel), Header: h, Data: o.Data}
}

// Received is what a listener learns of an event that was read from the stream.
type Received struct {
	Type           string
	Seq            int64 // its number in its machine's supervisord
	Identifier     string
	Group, Process string // empty for an event about no process
	Payload        []byte
}

// errNoEvent is of a message that the plugin has not made.
var errNoEvent = errors.New("it is not an event of Hark")

// Read takes an event's message apart. An error is final: the message will be the same next time.
func Read(h nats.Header, payload []byte) (Received, error) {
	r := Received{Type: h.Get(HeaderEvent), Payload: payload}
	if v := h.Get(HeaderVersion); r.Type == "" || v == "" {
		return r, errNoEvent
	} else if v != version {
		return r, fmt.Errorf("it is of version %.20q, which this program does not know", v)
	}
	if strings.ContainsFunc(r.Type, func(c rune) bool { return c <= ' ' || c > '~' || c == ':' }) {
		return r, fmt.Errorf("%.80q is not the name of an event", r.Type)
	}
	var err error
	if r.Seq, err = strconv.ParseInt(h.Get(HeaderSeq), 10, 64); err != nil || r.Seq < 0 {
		return r, fmt.Errorf("%s is %.40q, not a count", HeaderSeq, h.Get(HeaderSeq))
	}
	for _, f := range []struct {
		name string
		to   *string
	}{{HeaderIdentifier, &r.Identifier}, {HeaderGroup, &r.Group}, {HeaderProcess, &r.Process}} {
		if *f.to, err = unescape(h.Get(f.name)); err != nil {
			return r, fmt.Errorf("cannot read %s: %w", f.name, err)
		}
	}
	if strings.Contains(r.Identifier, "\n") {
		return r, fmt.Errorf("%s has a line feed, which no event's header can hold", HeaderIdentifier)
	}
	if !utf8.Valid(payload) {
		return r, errors.New("its payload is not UTF-8")
	}
	return r, nil
}

// Wire is the event as a listener reads it, header and payload: Supervisor's bytes, with the machine's identifier as server and the event's
// number in that machine as serial.
func (r *Received) Wire(pool string, poolSerial int64) []byte {
	dst := eventlistener.AppendHeader(nil, eventlistener.Header{
		Server: r.Identifier, Serial: r.Seq, Pool: pool, PoolSerial: poolSerial, EventName: r.Type,
		Len: utf8.RuneCount(r.Payload), Bytes: len(r.Payload),
	})
	return append(dst, r.Payload...)
}
