package eventlistener

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ask runs cases of one kind through Python's Supervisor.
func ask[C, A any](t *testing.T, kind string, cases []C) []A {
	t.Helper()
	request, err := json.Marshal(map[string]any{"kind": kind, "cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "-I", "testdata/reference.py")
	cmd.Stdin = bytes.NewReader(request)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run Debian's supervisor under /usr/bin/python3, which `make test` installs: %v\n%s", err, stderr.Bytes())
	}
	var answers []A
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d cases", len(answers), len(cases))
	}
	return answers
}

// eventCase describes an event to both sides.
type eventCase struct {
	Type     string `json:"type"`
	Name     string `json:"name,omitempty"`
	Group    string `json:"group,omitempty"`
	Pid      int    `json:"pid"`
	From     string `json:"from,omitempty"`
	Tries    int    `json:"tries"`
	Expected bool   `json:"expected"`
	Kind     string `json:"kind"`
	Data     []byte `json:"data"`
	When     int64  `json:"when"`
}

func (c eventCase) event(t *testing.T) *Event {
	typ, ok := ParseType(c.Type)
	if !ok {
		t.Fatalf("no type %q", c.Type)
	}
	p := Process{c.Name, c.Group, c.Pid}
	data := bytes.Clone(c.Data)
	switch {
	case typ.Is(ProcessState):
		return NewProcessState(typ, p, c.From, c.Tries, c.Expected, Exit{})
	case typ.Is(ProcessLog):
		return NewProcessLog(typ, p, data)
	case typ.Is(ProcessCommunication):
		return NewProcessCommunication(typ, p, data)
	case typ == RemoteCommunication:
		return NewRemoteCommunication(c.Kind, string(data))
	case typ.Is(TickEvent):
		return NewTick(typ, c.When)
	case typ.Is(ProcessGroup):
		return NewProcessGroup(typ, c.Group)
	}
	return NewSupervisorState(typ)
}

func payloadCases() []eventCase {
	var cases []eventCase
	who := []eventCase{{Name: "web_00", Group: "web", Pid: 4711}, {Name: "ünï", Group: "grüppe", Pid: 1}, {Name: "lone"}}
	for _, w := range who {
		for typ := ProcessStateStopped; typ <= ProcessStateUnknown; typ++ {
			for _, from := range []string{"STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"} {
				for _, expected := range []bool{false, true} {
					c := w
					c.Type, c.From, c.Expected, c.Tries = typ.String(), from, expected, 3
					cases = append(cases, c)
				}
			}
		}
		outputs := []string{"", "a line\n", "two\nlines\n", "grüße €\U0001F600\n", "\xff", "it's \"\xc3\" \\ \t\r\n\x00\x7f",
			"it's\xfe", "say \"x\"\xfe", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80", "cut \xe2\x82", "nul\x00"}
		for _, typ := range []Type{ProcessLogStdout, ProcessLogStderr, ProcessCommunicationStdout, ProcessCommunicationStderr} {
			for _, out := range outputs {
				c := w
				c.Type, c.Data = typ.String(), []byte(out)
				cases = append(cases, c)
			}
		}
		cases = append(cases, eventCase{Type: "PROCESS_GROUP_ADDED", Group: w.Name}, eventCase{Type: "PROCESS_GROUP_REMOVED", Group: w.Name})
	}
	for _, data := range []string{"", "x", "größer\nals €"} {
		cases = append(cases, eventCase{Type: "REMOTE_COMMUNICATION", Kind: "kind " + data, Data: []byte(data)})
	}
	for _, typ := range []string{"TICK_5", "TICK_60", "TICK_3600"} {
		cases = append(cases, eventCase{Type: typ, When: 1700000000})
	}
	return append(cases, eventCase{Type: "SUPERVISOR_STATE_CHANGE_RUNNING"}, eventCase{Type: "SUPERVISOR_STATE_CHANGE_STOPPING"})
}

func TestReferencePayloadsAreSupervisorsToTheByte(t *testing.T) {
	type answer struct {
		Payload []byte `json:"payload"`
		Chars   int    `json:"chars"`
	}
	cases := payloadCases()
	for i, a := range ask[eventCase, answer](t, "payload", cases) {
		e := cases[i].event(t)
		if !bytes.Equal(e.Payload(), a.Payload) {
			t.Errorf("%+v:\n got %q\nwant %q", cases[i], e.Payload(), a.Payload)
		}
		if e.CharLen() != a.Chars {
			t.Errorf("%+v: %d characters, want %d", cases[i], e.CharLen(), a.Chars)
		}
	}
}

func TestReferenceTypesAndParentsAreSupervisors(t *testing.T) {
	want := ask[int, map[string]string](t, "types", []int{0})[0]
	got := map[string]string{}
	for _, typ := range Types() {
		if !typ.Is(AnyEvent) {
			continue
		}
		parent := ""
		if p, ok := typ.Parent(); ok {
			parent = p.String()
		}
		got[typ.String()] = parent
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

func TestReferenceResultLinesAreReadAsPythonReadsThem(t *testing.T) {
	cases := [][]byte{}
	for _, s := range []string{"", "RESULT", "RESULT ", "RESULT 2", "RESULT  2 ", "RESULT 2\r", "RESULT\t2", "whatever2", "RESULT +2", "RESULT -2",
		"RESULT -0", "RESULT + 2", "RESULT 002", "RESULT 1_0", "RESULT 1__0", "RESULT _1", "RESULT 1_", "RESULT +_1", "RESULT 0x10", "RESULT 2.0", "RESULT 2 2",
		"RESULT \x1c2", "RESULT 2\x00", "RESULT \v2\f", "RESULT \xa02", "RESULT \xd9\xa3", "RESULT 9223372036854775807", "RESULT 9223372036854775808",
		"RESULT 99999999999999999999999999", "RESULT " + strings.Repeat("0", 4299) + "7", "RESULT " + strings.Repeat("0", 4300) + "7",
		"RESULT " + strings.Repeat("0_", 4299) + "7", "RESULT " + strings.Repeat("9", 4301)} {
		cases = append(cases, []byte(s))
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		b := []byte("RESULT ")
		for range rng.IntN(7) {
			b = append(b, "0012_+- \t\rx"[rng.IntN(11)])
		}
		cases = append(cases, b)
	}
	for i, want := range ask[[]byte, *string](t, "result_line", cases) {
		n, ok := resultLength(cases[i])
		switch {
		case want == nil || (*want)[0] == '-':
			if ok {
				t.Errorf("%.60q is read as %d, want a refusal", cases[i], n)
			}
		case len(*want) >= len("9223372036854775807"):
			if !ok || n != 1<<63-1 {
				t.Errorf("%.60q is read as %d, %v, want the largest", cases[i], n, ok)
			}
		case !ok || fmt.Sprint(n) != *want:
			t.Errorf("%.60q is read as %d, %v, want %s", cases[i], n, ok, *want)
		}
	}
}

// line is a log line: level and text.
type line [2]any

func logged(lines *[]line) func(Level, string) {
	return func(l Level, text string) { *lines = append(*lines, line{float64(l), text}) }
}

type dialogueStep struct {
	State    string `json:"state"`
	Log      []line `json:"log"`
	Rejected int    `json:"rejected"`
}

// listenerPieces are what dialogues are put together from.
var listenerPieces = []string{"READY\n", "READY\n", "READY\n", "RESULT 2\nOK", "RESULT 2\nOK", "RESULT 4\nFAIL", "RESULT 0\n", "RESULT 3\nOK\n",
	"RESULT  2 \r\nOK", "RESULT x\n", "RESULT \xff\n", "xxxxxxx2\nOK", "RE", "\n", "chatter ", "RESULT 10\n0123456789", "ready\n"}

func TestReferenceDialoguesEndAsUnderSupervisor(t *testing.T) {
	type dialogue struct {
		Steps [][]byte `json:"steps"` // nil: an event is sent
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var cases []dialogue
	for range 3000 {
		var d dialogue
		for range 1 + rng.IntN(8) {
			piece := []byte(listenerPieces[rng.IntN(len(listenerPieces))])
			for len(piece) > 0 {
				n := len(piece)
				if rng.IntN(3) == 0 {
					n = 1 + rng.IntN(len(piece))
				}
				d.Steps = append(d.Steps, piece[:n])
				piece = piece[n:]
			}
			if rng.IntN(4) > 0 {
				d.Steps = append(d.Steps, nil)
			}
		}
		cases = append(cases, d)
	}
	for i, want := range ask[dialogue, []dialogueStep](t, "dialogue", cases) {
		l := NewListener("l_0")
		var got []dialogueStep
		rejected := 0
		busy := false
		for _, step := range cases[i].Steps {
			if step == nil {
				busy = l.Sent() || busy
				continue
			}
			s := dialogueStep{Log: []line{}}
			for _, o := range l.Feed(step) {
				o.Log(0, logged(&s.Log))
				if busy && (o.Kind == Rejected || o.Kind == Violated) {
					rejected++
				}
				if o.Kind != BecameReady {
					busy = false
				}
			}
			s.State, s.Rejected = l.State().String(), rejected
			got = append(got, s)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("dialogue %q:\n got %v\nwant %v", cases[i].Steps, got, want)
		}
	}
}

type poolOp struct {
	Op    string     `json:"op"`
	M     int        `json:"m"`
	Data  []byte     `json:"data,omitempty"`
	Event *eventCase `json:"event,omitempty"`
}

type poolCase struct {
	Name    string   `json:"name"`
	Size    int      `json:"size"`
	Members int      `json:"members"`
	Types   []string `json:"types"`
	Ops     []poolOp `json:"ops"`
}

type poolStep struct {
	Log     []line     `json:"log"`
	Sent    [][]byte   `json:"sent"`
	States  []string   `json:"states"`
	Flights []int64    `json:"flights"`
	Buffer  [][2]int64 `json:"buffer"`
}

// stdin is a Sender that remembers.
type stdin struct {
	sent   []byte
	writes int
	err    error
}

func (s *stdin) Write(b []byte) error {
	if s.err != nil {
		return s.err
	}
	s.writes++
	s.sent = append(s.sent, b...)
	return nil
}

// poolRun is one of our pools under a run of operations.
type poolRun struct {
	poolCase
	t      *testing.T
	bus    *Bus
	pool   *Pool
	stdins []*stdin
	lines  []line
	steps  []poolStep
}

func newPoolRun(t *testing.T, c poolCase) *poolRun {
	r := &poolRun{poolCase: c, t: t, bus: NewBus()}
	r.bus.Now = func() time.Time { return time.Unix(0, 0) }
	r.pool = NewPool(r.bus, PoolConfig{Name: c.Name, Server: "supervisor", BufferSize: c.Size,
		Emit: func(o Outcome) { o.Log(0, logged(&r.lines)) }})
	var types []Type
	for _, name := range c.Types {
		typ, _ := ParseType(name)
		types = append(types, typ)
	}
	r.bus.Subscribe(r.pool, types)
	for i := range c.Members {
		r.stdins = append(r.stdins, &stdin{})
		r.pool.Add(fmt.Sprintf("%s_%d", c.Name, i))
	}
	return r
}

// do carries out an operation and notes what is seen after it.
func (r *poolRun) do(op poolOp) {
	r.Ops = append(r.Ops, op)
	p := r.pool
	m := p.Members()[op.M]
	switch op.Op {
	case "accept":
		r.bus.Publish(op.Event.event(r.t))
	case "dispatch":
		p.Dispatch()
	case "started":
		r.stdins[op.M] = &stdin{}
		m.Started()
	case "running":
		m.Running(r.stdins[op.M])
	case "stopping":
		m.Stopping()
	case "exited":
		m.Exited()
	case "break":
		r.stdins[op.M].err = syscall.EPIPE
	case "feed":
		m.Feed(op.Data)
	}
	s := poolStep{Log: []line{}, Buffer: [][2]int64{}}
	s.Log = append(s.Log, r.lines...)
	r.lines = nil
	for i, m := range p.Members() {
		s.Sent = append(s.Sent, r.stdins[i].sent)
		r.stdins[i].sent = nil
		s.States = append(s.States, m.State().String())
		serial := int64(-1)
		if e := m.InFlight(); e != nil {
			serial, _ = e.Serial()
		}
		s.Flights = append(s.Flights, serial)
	}
	for i := range p.queue.n {
		en := p.queue.ring[(p.queue.first+i)&(len(p.queue.ring)-1)]
		serial, _ := en.event.Serial()
		s.Buffer = append(s.Buffer, [2]int64{serial, en.serial})
	}
	r.steps = append(r.steps, s)
}

// randomRun makes a pool and takes it through n operations that a loop could
// make, with listeners that mostly behave.
func randomRun(t *testing.T, rng *rand.Rand, n int) *poolRun {
	c := poolCase{Name: "pool", Size: 1 + rng.IntN(4), Members: 1 + rng.IntN(3), Types: []string{"TICK", "REMOTE_COMMUNICATION"}}
	if rng.IntN(2) == 0 { // ticks come twice
		c.Types = append(c.Types, "TICK_5")
	}
	r := newPoolRun(t, c)
	const dead, started, running, stopping = 0, 1, 2, 3
	life := make([]int, c.Members)
	for len(r.Ops) < n {
		m := rng.IntN(c.Members)
		dice := rng.IntN(100)
		change := func(op string, to int) {
			r.do(poolOp{Op: op, M: m})
			life[m] = to
		}
		switch {
		case dice < 25:
			e := eventCase{Type: "TICK_5", When: int64(rng.IntN(1000))}
			if rng.IntN(3) == 0 {
				e = eventCase{Type: "REMOTE_COMMUNICATION", Kind: "k", Data: []byte("grüße")}
			}
			r.do(poolOp{Op: "accept", Event: &e})
		case dice < 45:
			r.do(poolOp{Op: "dispatch"})
		case life[m] == dead:
			change("started", started)
		case life[m] == started && dice < 70:
			change("running", running)
		case life[m] == running && dice == 99:
			change("stopping", stopping)
		case life[m] == stopping && dice > 80, life[m] == running && dice > 96,
			life[m] == running && r.pool.Members()[m].State() == Unknown && dice > 80:
			change("exited", dead)
		case dice == 96 && rng.IntN(3) == 0:
			r.do(poolOp{Op: "break", M: m})
		case dice == 95:
			r.do(poolOp{Op: "feed", M: m, Data: []byte(listenerPieces[rng.IntN(len(listenerPieces))])})
		default:
			var say []string
			switch r.pool.Members()[m].State() {
			case Acknowledged:
				say = []string{ReadyToken}
			case Busy:
				say = []string{"RESULT 2\nOK", "RESULT 4\nFAIL", "RESULT 2\nOKREADY\n", "RESULT 2\nOKREADY\n", "RESULT 1\nxREADY\n", "RESULT 0\n", "RES", "RESULT 2\nO"}
			default:
				continue
			}
			r.do(poolOp{Op: "feed", M: m, Data: []byte(say[rng.IntN(len(say))])})
		}
	}
	return r
}

var bytesToken = regexp.MustCompile(` bytes:\d+\n`)

func TestReferencePoolsDoWhatSupervisorsDo(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var runs []*poolRun
	var cases []poolCase
	for range 400 {
		r := randomRun(t, rng, 80)
		runs = append(runs, r)
		cases = append(cases, r.poolCase)
	}
	seen := map[string]int{}
	for i, want := range ask[poolCase, []poolStep](t, "pool", cases) {
		got := runs[i].steps
		for s := range want {
			for m := range want[s].States {
				if want[s].States[m] == "" { // there a member has no listener state before its first start
					want[s].States[m] = got[s].States[m]
				}
				got[s].Sent[m] = append([]byte{}, bytesToken.ReplaceAll(got[s].Sent[m], []byte("\n"))...)
			}
			if !reflect.DeepEqual(got[s], want[s]) {
				t.Fatalf("case %d, after %d operations %+v:\n got %+v\nwant %+v", i, s+1, cases[i].Ops[:s+1], got[s], want[s])
			}
			for _, l := range want[s].Log {
				for _, word := range []string{"sent to", "epipe", "rebuffering", "overflowed", "rejected", "processed", "bad result", "UNKNOWN state"} {
					if strings.Contains(l[1].(string), word) {
						seen[word]++
					}
				}
			}
		}
	}
	t.Log(seen)
	if len(seen) != 8 {
		t.Errorf("the cases reach only %v", seen)
	}
}
