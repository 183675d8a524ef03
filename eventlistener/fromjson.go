package eventlistener

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// errJSON is returned for bytes that are not the JSON form of an event.
var errJSON = errors.New("it is not an event in the JSON form")

// OfJSON returns the event of a JSON form, with the serial given; its payload in every form is the same bytes. What the JSON form
// does not contain is lost: fractions of a millisecond of times, and bytes of names that are not UTF-8. Errors say what is wrong
// with b; of its values they quote at most the event type.
func OfJSON(b []byte, serial int64) (*Event, error) {
	m := jsonMembers{}
	if err := json.Unmarshal(b, &m.all); err != nil || m.all == nil {
		return nil, errJSON
	}
	kind := m.text("eventname")
	typ, known := ParseType(kind)
	if !known {
		return nil, fmt.Errorf("there is no event type %.40q", kind)
	}
	at, err := time.Parse(timeLayout, m.text("time"))
	if err != nil {
		return nil, errJSON
	}
	e := &Event{typ: typ, time: at, size: eventOverhead + len(b)}
	m.value("seq", &e.seq)
	e.serial.Store(serial + 1)
	if _, about := m.all["processname"]; about {
		e.process = Process{Name: m.text("processname"), Group: m.text("groupname"), Pid: int(m.number("pid"))}
	}
	for _, f := range membersOf[typ] {
		if f.read != nil {
			f.read(e, &m, f.key)
		}
	}
	if b := rows[typ].body; b != nil && b.read != nil {
		b.read(e, &m)
	}
	if m.bad {
		return nil, errJSON
	}
	return e, nil
}

// jsonMembers are the members of an object. A member that is missing has the zero value of its type; bad is set after a member of
// another type was read.
type jsonMembers struct {
	all map[string]json.RawMessage
	bad bool
}

func (m *jsonMembers) value(key string, to any) {
	if raw, ok := m.all[key]; ok && json.Unmarshal(raw, to) != nil {
		m.bad = true
	}
}

func (m *jsonMembers) text(key string) (s string) {
	m.value(key, &s)
	return s
}

func (m *jsonMembers) number(key string) (n int64) {
	m.value(key, &n)
	return n
}

// data returns the output of a process; nil if it is empty.
func (m *jsonMembers) data() []byte {
	if _, binary := m.all["data_base64"]; binary {
		b, err := base64.StdEncoding.DecodeString(m.text("data_base64"))
		m.bad = m.bad || err != nil
		return b
	}
	if s := m.text("data"); s != "" {
		return []byte(s)
	}
	return nil
}

// seconds is a time in seconds, exact to a millisecond.
func (m *jsonMembers) seconds(key string) time.Duration {
	var seconds float64
	m.value(key, &seconds)
	return time.Duration(math.Round(seconds*1000)) * time.Millisecond
}
