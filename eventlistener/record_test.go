package eventlistener

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// oneOfEach has an event of every type that is ever sent.
func oneOfEach() []*Event {
	who := Process{"web_00", "web", 4711}
	ended := Exit{Ended: true, Status: 3, Signal: 11, CoreDumped: true, Uptime: 1500 * time.Millisecond}
	all := []*Event{
		NewProcessState(ProcessStateExited, who, "RUNNING", 0, true, ended),
		NewProcessState(ProcessStateBackoff, Process{"b", "b", 0}, "STARTING", 2, false, Exit{}),
		NewProcessLog(ProcessLogStdout, who, []byte("größer\n\x00")),
		NewProcessLog(ProcessLogStderr, who, []byte("\xff\xfe")),
		NewProcessLog(ProcessLogStderr, who, nil),
		NewProcessCommunication(ProcessCommunicationStdout, who, []byte("\xff\x00")),
		NewProcessCommunication(ProcessCommunicationStderr, who, bytes.Repeat([]byte("x"), 100_000)),
		NewRemoteCommunication("kind", "a\nb"),
		NewRemoteCommunication("", "\xff"),
		NewTick(Tick5, 5), NewTick(Tick60, -60), NewTick(Tick3600, 1<<40),
		NewSupervisorState(SupervisorStateChangeRunning), NewSupervisorState(SupervisorStateChangeStopping),
		NewProcessGroup(ProcessGroupAdded, "web"), NewProcessGroup(ProcessGroupRemoved, "wéb"),
		NewConfigReloaded([]string{"a", "b"}, nil, []string{"c", ""}), NewConfigReloaded(nil, nil, nil),
		NewEventsDiscarded("l", 3),
		NewPluginState(PluginStateStarting, "slack", "BACKOFF", 0, ""),
		NewPluginState(PluginStateRunning, "slack", "STARTING", 2766, ""),
		NewPluginState(PluginStateBackoff, "slack", "RUNNING", 0, "terminated by SIGKILL"),
		NewPluginState(PluginStateFatal, "slack", "BACKOFF", 0, "exit status 1: panic: no token"),
		NewPluginState(PluginStateStopping, "slack", "RUNNING", 2766, ""),
		NewPluginState(PluginStateStopped, "slack", "STOPPING", 0, ""),
		NewLogDropped(who, "stdout", 9),
	}
	for _, t := range []Type{ProcessStateStopped, ProcessStateStarting, ProcessStateStopping, ProcessStateFatal, ProcessStateRunning, ProcessStateUnknown} {
		all = append(all, NewProcessState(t, who, "RUNNING", 1, false, Exit{}))
	}
	for _, t := range Types() {
		if e := Sample(t, who, "tëxt\n"); e != nil {
			all = append(all, e)
		}
	}
	return all
}

func TestEveryEventComesBackFromItsRecordAsItWas(t *testing.T) {
	b := NewBus()
	b.Now = func() time.Time { return time.Unix(1700000000, 250e6) }
	b.Resume(41, 6)
	covered := make(map[Type]bool)
	for _, e := range oneOfEach() {
		covered[e.Type()] = true
		b.Publish(e)
		e.giveSerial(b.NextSerial)
		r := e.toRecord(9)
		if e.Seq() < 42 || r.Seq != e.Seq() || r.Serial < 7 || r.PoolSerial != 9 || !r.Time.Equal(e.Time()) || r.Kind != e.Type().String() {
			t.Fatalf("record %+v", r)
		}
		r.Data = bytes.Clone(r.Data)
		got, err := eventOf(&r)
		if err != nil {
			t.Fatalf("%s: %v", e.Type(), err)
		}
		serial, ok := got.Serial()
		want, _ := e.Serial()
		if got.Type() != e.Type() || got.Seq() != e.Seq() || !ok || serial != want || !got.Time().Equal(e.Time()) {
			t.Errorf("%s: number %d, serial %d at %v", got.Type(), got.Seq(), serial, got.Time())
		}
		for _, f := range []Form{SupervisorForm, ExtendedForm, JSONForm} {
			a, n := e.PayloadIn(f)
			b, m := got.PayloadIn(f)
			if !bytes.Equal(a, b) || n != m {
				t.Errorf("%s as %s:\nwas %.200q\nis  %.200q", e.Type(), f, a, b)
			}
		}
		p, about := e.Process()
		q, aboutToo := got.Process()
		x, state := e.StateChange()
		y, stateToo := got.StateChange()
		if p != q || about != aboutToo || x != y || state != stateToo {
			t.Errorf("%s: %+v %+v is %+v %+v", e.Type(), p, x, q, y)
		}
		// Whatever is cut off, nothing wrong comes out of it.
		for cut := range min(len(r.Data), 200) {
			short := r
			short.Data = r.Data[:cut]
			if _, err := eventOf(&short); err == nil {
				t.Errorf("%s: %d of %d bytes are accepted", e.Type(), cut, len(r.Data))
			}
		}
	}
	for _, kind := range Types() {
		if kind.IsSent() && !covered[kind] {
			t.Errorf("%s is not among the samples", kind)
		}
	}
}

// What version 1 wrote must be read forever.
func TestRecordsOfVersion1AreRead(t *testing.T) {
	const written = "01067765625f3030037765624e" + "0752554e4e494e47" + "00" + "07" + "0616" + "80bcc1960b" + "00" + "00" + "00" + "00"
	data, err := hex.DecodeString(written)
	if err != nil {
		t.Fatal(err)
	}
	r := spool.Record{Seq: 5, Serial: 4, Kind: "PROCESS_STATE_EXITED", Data: data, Time: time.Unix(1700000000, 0)}
	e, err := eventOf(&r)
	if err != nil {
		t.Fatal(err)
	}
	const want = "processname:web_00 groupname:web from_state:RUNNING expected:1 pid:39 seq:5 time:1700000000.000 tries:0 uptime:1.500 exitstatus:3 signal:11 coredump:1"
	if got, _ := e.PayloadIn(ExtendedForm); string(got) != want {
		t.Errorf("got %q", got)
	}
	if got := hex.EncodeToString(e.appendRecord(nil)); got != written {
		t.Errorf("is written as\n%s, was\n%s", got, written)
	}
	for name, change := range map[string]func(*spool.Record){
		"another version":  func(r *spool.Record) { r.Data = append([]byte{2}, r.Data[1:]...) },
		"an unknown type":  func(r *spool.Record) { r.Kind = "PROCESS_STATE_EATEN" },
		"more behind it":   func(r *spool.Record) { r.Data = append(bytes.Clone(r.Data), 0) },
		"nothing in it":    func(r *spool.Record) { r.Data = nil },
		"groups it has no": func(r *spool.Record) { r.Kind = "CONFIG_RELOADED" },
	} {
		bad := r
		change(&bad)
		e, err := eventOf(&bad)
		if err == nil || !strings.Contains(err.Error(), "cannot read its record") {
			t.Errorf("%s: %v", name, err)
		}
		if serial, _ := e.Serial(); serial != 4 || e.Seq() != 5 {
			t.Errorf("%s: the numbers are lost", name)
		}
	}
}

// A record is read or refused; what is read is written and read again alike.
func FuzzRecord(f *testing.F) {
	b := NewBus()
	for _, e := range oneOfEach() {
		b.Publish(e)
		f.Add(uint8(e.Type()), e.appendRecord(nil))
	}
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		r := spool.Record{Kind: Type(kind % uint8(numTypes)).String(), Data: data, Time: time.Unix(1, 0)}
		e, err := eventOf(&r)
		if err != nil {
			return
		}
		again := r
		again.Data = e.appendRecord(nil)
		twin, err := eventOf(&again)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []Form{SupervisorForm, ExtendedForm, JSONForm} {
			one, _ := e.PayloadIn(form)
			two, _ := twin.PayloadIn(form)
			if !bytes.Equal(one, two) {
				t.Fatalf("%q and %q", one, two)
			}
		}
	})
}
