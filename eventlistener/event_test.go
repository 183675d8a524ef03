package eventlistener

import (
	"sync"
	"testing"
)

func TestPayloads(t *testing.T) {
	web := Process{"web_00", "web", 4711}
	for name, c := range map[string]struct {
		e    *Event
		want string
	}{
		"starting shows tries":           {NewProcessState(ProcessStateStarting, web, "BACKOFF", 2, false, Exit{}), "processname:web_00 groupname:web from_state:BACKOFF tries:2"},
		"exited shows expected and pid":  {NewProcessState(ProcessStateExited, web, "RUNNING", 0, true, Exit{}), "processname:web_00 groupname:web from_state:RUNNING expected:1 pid:4711"},
		"running shows the pid":          {NewProcessState(ProcessStateRunning, web, "STARTING", 0, false, Exit{}), "processname:web_00 groupname:web from_state:STARTING pid:4711"},
		"fatal shows neither":            {NewProcessState(ProcessStateFatal, web, "BACKOFF", 3, false, Exit{}), "processname:web_00 groupname:web from_state:BACKOFF"},
		"log":                            {NewProcessLog(ProcessLogStderr, web, []byte("oops\n")), "processname:web_00 groupname:web pid:4711 channel:stderr\noops\n"},
		"communication":                  {NewProcessCommunication(ProcessCommunicationStdout, web, []byte("hi")), "processname:web_00 groupname:web pid:4711\nhi"},
		"undecodable":                    {NewProcessCommunication(ProcessCommunicationStdout, web, []byte("h\xff'")), "processname:web_00 groupname:web pid:4711\nUndecodable: b\"h\\xff'\""},
		"remote":                         {NewRemoteCommunication("a", "b\nc"), "type:a\nb\nc"},
		"tick":                           {NewTick(Tick60, 120), "when:120"},
		"group ends in a newline":        {NewProcessGroup(ProcessGroupAdded, "web"), "groupname:web\n"},
		"supervisor state is empty":      {NewSupervisorState(SupervisorStateChangeRunning), ""},
		"config reloaded":                {NewConfigReloaded([]string{"a", "b"}, nil, []string{"c"}), "added:a,b changed: removed:c"},
		"events discarded":               {NewEventsDiscarded("mail", 3), "subscriber:mail discarded:3"},
		"log dropped":                    {NewLogDropped(web, "stdout", 4096), "processname:web_00 groupname:web pid:4711 channel:stdout bytes:4096"},
		"a name that is not UTF-8 is so": {NewProcessGroup(ProcessGroupAdded, "w\xff"), "groupname:w\uFFFD\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(c.e.Payload()); got != c.want {
				t.Errorf("payload %q, want %q", got, c.want)
			}
			if got := c.e.CharLen(); got != len([]rune(c.want)) {
				t.Errorf("CharLen %d of %q", got, c.want)
			}
		})
	}
}

func TestAnEventTellsWhatItIsAbout(t *testing.T) {
	p := Process{"web_00", "web", 4711}
	e := NewProcessState(ProcessStateExited, p, "RUNNING", 1, true, Exit{Signal: 9})
	if got, ok := e.Process(); !ok || got != p {
		t.Errorf("process %v, %v", got, ok)
	}
	if got, ok := e.StateChange(); !ok || got != (StateChange{"RUNNING", 1, true, Exit{Signal: 9}}) {
		t.Errorf("change %v, %v", got, ok)
	}
	tick := NewTick(Tick5, 5)
	if _, ok := tick.Process(); ok {
		t.Error("a tick is about a process")
	}
	if _, ok := tick.StateChange(); ok {
		t.Error("a tick is a state change")
	}
	if _, ok := tick.Serial(); ok || tick.Seq() != 0 || !tick.Time().IsZero() {
		t.Error("an unpublished event has a serial, seq or time")
	}
}

func TestAPayloadIsRenderedOnceForAll(t *testing.T) {
	e := NewProcessLog(ProcessLogStdout, Process{"a", "b", 1}, []byte("x"))
	bus := NewBus()
	pool := NewPool(bus, PoolConfig{BufferSize: 1})
	bus.Subscribe(pool, []Type{AnyEvent})
	var wg sync.WaitGroup
	var starts [8]*byte
	for i := range starts {
		wg.Go(func() {
			starts[i] = &e.Payload()[0]
			e.CharLen()
			e.Serial()
		})
	}
	pool.Accept(e) // the serial comes while others read
	wg.Wait()
	for _, start := range starts {
		if start != &e.Payload()[0] {
			t.Fatal("the payload is rendered again, or copied")
		}
	}
}

func TestTypes(t *testing.T) {
	for _, typ := range Types() {
		if got, ok := ParseType(typ.String()); !ok || got != typ {
			t.Errorf("ParseType(%q) is %v, %v", typ, got, ok)
		}
	}
	if _, ok := ParseType("PROCESS"); ok {
		t.Error("PROCESS is a type")
	}
	if LogDropped.Is(AnyEvent) || !LogDropped.Is(HarkEvent) || !Tick5.Is(TickEvent) || !Tick5.Is(AnyEvent) || TickEvent.Is(Tick5) {
		t.Error("wrong ancestry")
	}
}
