package eventlistener

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"
)

// errJSON is the cause where a JSON form makes no event.
var errJSON = errors.New("it is not an event in the JSON form")

// OfJSON makes an event of its JSON form again, with the serial given: it renders the same bytes in every form. What the JSON form leaves out
// is lost: of times what is below a millisecond, of names what is not UTF-8. Errors tell what is wrong with b and do not quote it.
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
	switch t := typ; {
	case t.Is(ProcessState):
		e.change = m.stateChange()
	case t.Is(ProcessLog):
		e.text, e.data = m.text("channel"), m.data()
	case t.Is(ProcessCommunication):
		e.data = m.data()
	case t == RemoteCommunication:
		e.text, e.detail = m.text("type"), m.text("data")
	case t.Is(TickEvent):
		e.number = m.number("when")
	case t.Is(ProcessGroup):
		e.text = m.text("groupname")
	case t == ConfigReloaded:
		e.groups = new([reloadLists][]string)
		for i, f := range [reloadLists]*field{added, changed, removed} {
			m.value(f.key, &e.groups[i])
		}
	case t == EventsDiscarded:
		e.text, e.number = m.text("subscriber"), m.number("discarded")
	case t == LogDropped:
		e.text, e.number, e.detail = m.text("channel"), m.number("bytes"), m.text("sink")
	case t.Is(PluginState):
		e.text, e.change.From, e.number, e.detail = m.text("pluginname"), m.text("from_state"), m.number("pid"), m.text("reason")
	}
	if m.bad {
		return nil, errJSON
	}
	return e, nil
}

// jsonMembers are the members of an object. One that is not there is its type's zero value; after one of another type it is bad.
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

// data is what a process said; nil where that is nothing.
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

func (m *jsonMembers) stateChange() StateChange {
	c := StateChange{From: m.text("from_state"), Tries: int(m.number("tries"))}
	m.value("expected", &c.Expected)
	var uptime float64 // seconds
	m.value("uptime", &uptime)
	c.Exit.Uptime = time.Duration(math.Round(uptime*1000)) * time.Millisecond
	if _, c.Exit.Ended = m.all["exitstatus"]; c.Exit.Ended {
		c.Exit.Status, c.Exit.Signal = int(m.number("exitstatus")), int(m.number("signal"))
		m.value("coredump", &c.Exit.CoreDumped)
	}
	return c
}
