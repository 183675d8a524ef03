package listener

import (
	"reflect"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

func event(name, payload string) Event {
	return Event{Header: eventlistener.Header{EventName: name}, Payload: []byte(payload)}
}

func TestPayloads(t *testing.T) {
	cat := Process{"cat", "cat", 7}
	for _, c := range []struct {
		what  string
		event Event
		want  any
	}{
		{"an exit", event("PROCESS_STATE_EXITED", "processname:cat groupname:cat from_state:RUNNING expected:0 pid:7"),
			ProcessState{Process: cat, State: "EXITED", From: "RUNNING"}},
		{"an expected exit", event("PROCESS_STATE_EXITED", "processname:cat groupname:cat from_state:RUNNING expected:1 pid:7"),
			ProcessState{Process: cat, State: "EXITED", From: "RUNNING", Expected: true}},
		{"a start", event("PROCESS_STATE_STARTING", "processname:b groupname:g from_state:BACKOFF tries:2"),
			ProcessState{Process: Process{"b", "g", 0}, State: "STARTING", From: "BACKOFF", Tries: 2}},
		{"a fatal one", event("PROCESS_STATE_FATAL", "processname:cat groupname:cat from_state:BACKOFF"),
			ProcessState{Process: Process{"cat", "cat", 0}, State: "FATAL", From: "BACKOFF"}},
		{"an extended exit", event("PROCESS_STATE_EXITED", "processname:cat groupname:cat from_state:RUNNING expected:0 pid:7 seq:9 time:1.5 tries:0 uptime:12.250 exitstatus:0 signal:11 coredump:1"),
			ProcessState{Process: cat, State: "EXITED", From: "RUNNING", Exit: &Exit{0, 11, true, 12250 * time.Millisecond}}},
		{"an exit in JSON", Event{Header: eventlistener.Header{EventName: "PROCESS_STATE_EXITED"}, JSON: true, Payload: []byte(
			`{"eventname":"PROCESS_STATE_EXITED","seq":9,"time":"2026-01-02T03:04:05.000Z","processname":"cat","groupname":"cat","pid":7,"from_state":"RUNNING","tries":0,"expected":true,"uptime":12.250,"exitstatus":3,"signal":0,"coredump":false}`)},
			ProcessState{Process: cat, State: "EXITED", From: "RUNNING", Expected: true, Exit: &Exit{3, 0, false, 12250 * time.Millisecond}}},
		{"names with spaces", event("PROCESS_STATE_FATAL", "processname:a b groupname:c d from_state:BACKOFF"),
			ProcessState{Process: Process{"a b", "c d", 0}, State: "FATAL", From: "BACKOFF"}},
		{"a log", event("PROCESS_LOG_STDERR", "processname:cat groupname:cat pid:7 channel:stderr\na\nb:c\n"),
			ProcessLog{cat, "stderr", []byte("a\nb:c\n")}},
		{"a log in JSON", Event{Header: eventlistener.Header{EventName: "PROCESS_LOG_STDOUT"}, JSON: true, Payload: []byte(
			`{"processname":"cat","groupname":"cat","pid":7,"channel":"stdout","data_base64":"/w=="}`)},
			ProcessLog{cat, "stdout", []byte{0xff}}},
		{"communication", event("PROCESS_COMMUNICATION_STDOUT", "processname:cat groupname:cat pid:7\nhi"),
			ProcessCommunication{cat, "stdout", []byte("hi")}},
		{"remote communication", event("REMOTE_COMMUNICATION", "type:a b:c d\nx:y\nz"),
			RemoteCommunication{"a b:c d", []byte("x:y\nz")}},
		{"remote communication in JSON", Event{Header: eventlistener.Header{EventName: "REMOTE_COMMUNICATION"}, JSON: true, Payload: []byte(`{"type":"k","data":"v"}`)},
			RemoteCommunication{"k", []byte("v")}},
		{"a tick", event("TICK_60", "when:120"), Tick{time.Unix(120, 0), time.Minute}},
		{"a group added", event("PROCESS_GROUP_ADDED", "groupname:g\n"), ProcessGroup{"g", true}},
		{"a group removed", event("PROCESS_GROUP_REMOVED", "groupname:g"), ProcessGroup{"g", false}},
		{"the supervisor", event("SUPERVISOR_STATE_CHANGE_STOPPING", ""), SupervisorState{"STOPPING"}},
		{"Hark's own", event("EVENTS_DISCARDED", "subscriber:x discarded:3"), Other{map[string]string{"subscriber": "x", "discarded": "3"}, nil}},
		{"an unknown type", event("NEW_ONE", "a:b\nc"), Other{map[string]string{"a": "b"}, []byte("c")}},
		{"lists in JSON", Event{Header: eventlistener.Header{EventName: "CONFIG_RELOADED"}, JSON: true, Payload: []byte(`{"added":["a","b"],"removed":[],"x":{"y":1}}`)},
			Other{map[string]string{"added": "a,b", "removed": "", "x": "map[y:1]"}, nil}},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := c.event.Decode()
			if err != nil {
				t.Fatal(err)
			}
			if o, ok := got.(Other); ok && len(o.Data) == 0 {
				o.Data = nil
				got = o
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %#v, want %#v", got, c.want)
			}
		})
	}
}

func TestPayloadsThatLackSomething(t *testing.T) {
	for _, e := range []Event{
		event("PROCESS_STATE_EXITED", ""),
		event("PROCESS_STATE_EXITED", "nonsense"),
		event("PROCESS_STATE_EXITED", "processname:a groupname:b from_state:c pid:x"),
		event("PROCESS_STATE_EXITED", "processname:a groupname:b from_state:c exitstatus:x"),
		event("PROCESS_STATE_EXITED", "processname:a groupname:b from_state:c exitstatus:1 uptime:x"),
		event("PROCESS_LOG_STDOUT", "processname:a groupname:b pid:1"),
		event("PROCESS_COMMUNICATION_STDOUT", "groupname:b pid:1"),
		event("REMOTE_COMMUNICATION", "data"),
		event("TICK_5", ""), event("TICK_5", "when:soon"), event("TICK", "when:5"),
		event("PROCESS_GROUP_ADDED", ""),
		{Header: eventlistener.Header{EventName: "TICK_5"}, JSON: true, Payload: []byte("when:5")},
		{Header: eventlistener.Header{EventName: "PROCESS_LOG_STDOUT"}, JSON: true, Payload: []byte(`{"data_base64":"?"}`)},
	} {
		if got, err := e.Decode(); err == nil {
			t.Errorf("%s %q: %#v", e.Name(), e.Payload, got)
		}
	}
	tick := event("TICK_5", "when:5")
	for name, read := range map[string]func() error{
		"ProcessState":         func() error { _, err := tick.ProcessState(); return err },
		"ProcessLog":           func() error { _, err := tick.ProcessLog(); return err },
		"ProcessCommunication": func() error { _, err := tick.ProcessCommunication(); return err },
		"RemoteCommunication":  func() error { _, err := tick.RemoteCommunication(); return err },
		"ProcessGroup":         func() error { _, err := tick.ProcessGroup(); return err },
		"SupervisorState":      func() error { _, err := tick.SupervisorState(); return err },
	} {
		if read() == nil {
			t.Errorf("%s of a tick", name)
		}
	}
}

func TestTypes(t *testing.T) {
	e := event("PROCESS_STATE_EXITED", "")
	if !e.Is(eventlistener.ProcessState) || !e.Is(eventlistener.AnyEvent) || e.Is(eventlistener.TickEvent) || event("NEW", "").Is(eventlistener.AnyEvent) {
		t.Error("wrong ancestry")
	}
	if (Process{"a", "g", 0}).Namespec() != "g:a" || (Process{"a", "a", 0}).Namespec() != "a" || (Process{"a", "", 0}).Namespec() != "a" {
		t.Error("wrong namespec")
	}
}

func TestFeatures(t *testing.T) {
	for s, want := range map[string]Features{
		"": {false, 1, "supervisor"}, " ": {false, 1, "supervisor"}, "3.0": {false, 1, "supervisor"},
		"3.0 bytes max_in_flight=64 payload=json": {true, 64, "json"},
		"3.0 later=1 max_in_flight=2 more":        {false, 2, "supervisor"},
		"3.0 max_in_flight=1000000":               {false, maxCredits, "supervisor"},
	} {
		if got, err := ParseFeatures(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{"2.0", "bytes", "3.0 max_in_flight=", "3.0 max_in_flight=0", "3.0 max_in_flight=x", "3.0 max_in_flight"} {
		if got, err := ParseFeatures(s); err == nil {
			t.Errorf("%q: %+v", s, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("PROCESS_STATE_EXITED", "processname:cat groupname:cat from_state:RUNNING expected:0 pid:7", false)
	f.Add("PROCESS_LOG_STDOUT", `{"processname":"a","data":"x"}`, true)
	f.Add("REMOTE_COMMUNICATION", "type:a\nb", false)
	f.Fuzz(func(t *testing.T, name, payload string, isJSON bool) {
		e := event(name, payload)
		e.JSON = isJSON
		if tokens, _, err := e.Tokens(); err == nil && tokens == nil {
			t.Error("neither tokens nor an error")
		}
		_, _ = e.Decode()
	})
}
