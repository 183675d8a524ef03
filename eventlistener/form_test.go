package eventlistener

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestFormsOfPayloads(t *testing.T) {
	who := Process{"web_00", "web", 4711}
	ended := Exit{Ended: true, Status: 3, Signal: 0, Uptime: 1500 * time.Millisecond}
	for _, c := range []struct {
		event                    *Event
		supervisor, extended, js string
	}{
		{NewProcessState(ProcessStateExited, who, "RUNNING", 0, false, ended),
			"processname:web_00 groupname:web from_state:RUNNING expected:0 pid:4711",
			" seq:1 time:1700000000.250 tries:0 uptime:1.500 exitstatus:3 signal:0 coredump:0",
			`,"processname":"web_00","groupname":"web","pid":4711,"from_state":"RUNNING","tries":0,"expected":false,"uptime":1.500,"exitstatus":3,"signal":0,"coredump":false}`},
		{NewProcessState(ProcessStateBackoff, Process{"web_00", "web", 0}, "STARTING", 2, false, Exit{}),
			"processname:web_00 groupname:web from_state:STARTING tries:2",
			" seq:1 time:1700000000.250",
			`,"processname":"web_00","groupname":"web","pid":0,"from_state":"STARTING","tries":2}`},
		{NewProcessState(ProcessStateBackoff, who, "STARTING", 2, false, Exit{Ended: true, Signal: 11, CoreDumped: true}),
			"processname:web_00 groupname:web from_state:STARTING tries:2",
			" seq:1 time:1700000000.250 pid:4711 uptime:0.000 exitstatus:0 signal:11 coredump:1",
			`,"processname":"web_00","groupname":"web","pid":4711,"from_state":"STARTING","tries":2,"uptime":0.000,"exitstatus":0,"signal":11,"coredump":true}`},
		{NewProcessLog(ProcessLogStderr, who, []byte("größer\n\"x\"\x01\u2028")),
			"processname:web_00 groupname:web pid:4711 channel:stderr|\ngrößer\n\"x\"\x01\u2028",
			" seq:1 time:1700000000.250",
			`,"processname":"web_00","groupname":"web","pid":4711,"channel":"stderr","data":"größer\n\"x\"\u0001\u2028"}`},
		{NewProcessCommunication(ProcessCommunicationStdout, who, []byte("\xff\x00")),
			"processname:web_00 groupname:web pid:4711|\nUndecodable: b'\\xff\\x00'",
			" seq:1 time:1700000000.250",
			`,"processname":"web_00","groupname":"web","pid":4711,"data_base64":"/wA="}`},
		{NewRemoteCommunication("kind", "a\nb"), "type:kind|\na\nb", " seq:1 time:1700000000.250", `,"type":"kind","data":"a\nb"}`},
		{NewTick(Tick60, 60), "when:60", " seq:1 time:1700000000.250", `,"when":60}`},
		{NewSupervisorState(SupervisorStateChangeRunning), "", "seq:1 time:1700000000.250", `}`},
		{NewProcessGroup(ProcessGroupAdded, "web"), "groupname:web|\n", " seq:1 time:1700000000.250", `,"groupname":"web"}`},
		{NewConfigReloaded([]string{"a", "b"}, nil, []string{"c"}), "added:a,b changed: removed:c", " seq:1 time:1700000000.250", `,"added":["a","b"],"changed":[],"removed":["c"]}`},
		{NewPluginState(PluginStateBackoff, "p", "RUNNING", 0, "it died"), "pluginname:p from_state:RUNNING pid:0|\nit died", " seq:1 time:1700000000.250", `,"pluginname":"p","from_state":"RUNNING","pid":0,"reason":"it died"}`},
		{NewEventsDiscarded("l", 3), "subscriber:l discarded:3", " seq:1 time:1700000000.250", `,"subscriber":"l","discarded":3}`},
		{NewLogDropped(who, "stdout", 9), "processname:web_00 groupname:web pid:4711 channel:stdout bytes:9", " seq:1 time:1700000000.250",
			`,"processname":"web_00","groupname":"web","pid":4711,"channel":"stdout","bytes":9}`},
	} {
		t.Run(c.event.Type().String(), func(t *testing.T) {
			b := NewBus()
			b.Now = func() time.Time { return time.Unix(1700000000, 250e6) }
			b.Publish(c.event)
			first, rest, _ := strings.Cut(c.supervisor, "|")
			js := `{"eventname":"` + c.event.Type().String() + `","seq":1,"time":"2023-11-14T22:13:20.250Z"` + c.js
			for f, want := range map[Form]string{SupervisorForm: first + rest, ExtendedForm: first + c.extended + rest, JSONForm: js} {
				got, chars := c.event.PayloadIn(f)
				if string(got) != want || chars != len([]rune(want)) {
					t.Errorf("%s, %d characters:\n got %q\nwant %q", f, chars, got, want)
				}
			}
			if got, _ := c.event.PayloadIn(JSONForm); !json.Valid(got) {
				t.Errorf("no JSON: %s", got)
			}
		})
	}
}

func TestAPayloadIsRenderedOnceInEachForm(t *testing.T) {
	e := NewTick(Tick5, 5)
	NewBus().Publish(e)
	for _, f := range []Form{SupervisorForm, ExtendedForm, JSONForm} {
		one, _ := e.PayloadIn(f)
		two, _ := e.PayloadIn(f)
		if &one[0] != &two[0] {
			t.Errorf("%s is rendered again", f)
		}
	}
}

func FuzzJSONString(f *testing.F) {
	f.Add("a\"\\\n\r\t\x00\u2028é\xff\U0001F600")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(AppendJSONString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := string([]rune(s)); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}

func TestProgramsChooseEventsByNamespec(t *testing.T) {
	at := func(group, name string) *Event {
		return NewProcessState(ProcessStateExited, Process{name, group, 1}, "RUNNING", 0, true, Exit{})
	}
	for _, c := range []struct {
		patterns string
		event    *Event
		want     bool
	}{
		{"cat", at("cat", "cat"), true},
		{"cat", at("cat", "cat_00"), false},
		{"cat", at("zoo", "cat"), false},
		{"cat:*", at("cat", "cat"), true},
		{"cat:*", at("cat", "cat_00"), true},
		{"web:web_0?", at("web", "web_01"), true},
		{"web:web_0?", at("web", "web_10"), false},
		{"web:*_[!0]*", at("web", "web_10"), true},
		{"*:db", at("a", "db"), true},
		{"*", at("web", "web_01"), true},
		{"x cat", at("cat", "cat"), true},
		{"x", NewTick(Tick5, 0), true},
		{"x", NewProcessGroup(ProcessGroupAdded, "web"), true},
		{"x", NewLogDropped(Process{"cat", "cat", 1}, "stdout", 1), false},
	} {
		p, err := ParsePrograms(strings.Fields(c.patterns))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Pass(c.event); got != c.want {
			t.Errorf("%q lets %s pass: %v", c.patterns, c.event.Payload(), got)
		}
	}
	var all *Programs
	if !all.Pass(at("a", "b")) || all.Patterns() != nil {
		t.Error("no filter filters")
	}
	for _, bad := range []string{"", "[", "a[b-"} {
		if _, err := ParsePrograms([]string{bad}); err == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
}

func TestAFilteredEventTakesNoNumbers(t *testing.T) {
	b := NewBus()
	only, _ := ParsePrograms([]string{"cat"})
	p := NewPool(b, PoolConfig{BufferSize: 5, Programs: only})
	b.Subscribe(p, []Type{AnyEvent})
	dog := NewProcessState(ProcessStateExited, Process{"dog", "dog", 1}, "RUNNING", 0, true, Exit{})
	cat := NewProcessState(ProcessStateExited, Process{"cat", "cat", 1}, "RUNNING", 0, true, Exit{})
	b.Publish(dog)
	b.Publish(cat)
	if _, ok := dog.Serial(); ok || p.Queued() != 1 || p.queue.front().serial != 0 || p.Counters.Accepted != 1 {
		t.Errorf("%d queued, %+v", p.Queued(), p.Counters)
	}
	if serial, _ := cat.Serial(); serial != 0 {
		t.Errorf("serial %d", serial)
	}
}
