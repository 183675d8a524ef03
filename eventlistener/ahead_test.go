package eventlistener

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestListenerWithCredits(t *testing.T) {
	const mute = "UNKNOWN state and will no longer"
	long := strings.Repeat("x", maxResultLine)
	for name, c := range map[string]struct {
		in       []string // "send" sends it an event
		want     ListenerState
		credits  int
		inFlight int
		log      []string // parts of the lines
	}{
		"says READY ahead":              {[]string{"READY\nREADY\nREADY\n"}, Ready, 3, 0, []string{"ACKNOWLEDGED -> READY"}},
		"says READY too often":          {[]string{"READY\nREADY\nREADY\nREADY\n"}, Unknown, 0, 0, []string{"ACKNOWLEDGED -> READY", "READY -> UNKNOWN", mute}},
		"counts what is unanswered":     {[]string{"READY\nREADY\nREADY\n", "send", "send", "READY\n"}, Unknown, 0, 2, []string{"ACKNOWLEDGED -> READY", "READY -> UNKNOWN", mute}},
		"is BUSY without credits":       {[]string{"READY\n", "send", "READY\n", "send"}, Busy, 0, 2, []string{"ACKNOWLEDGED -> READY", "BUSY -> READY"}},
		"answers in order":              {[]string{"READY\nREADY\n", "send", "send", "RESULT 2\nOKRESULT 4\nFAIL"}, Acknowledged, 0, 0, []string{"ACKNOWLEDGED -> READY", "event was processed", "event was rejected", "BUSY -> ACKNOWLEDGED"}},
		"mixes credits and answers":     {[]string{"READY\nREADY\n", "send", "RESULT 2\nOKREADY\nREADY\n"}, Ready, 3, 0, []string{"ACKNOWLEDGED -> READY", "event was processed"}},
		"speaks the classic protocol":   {[]string{"READY\n", "send", "RESULT 2\nOK", "READY\n", "send", "RESULT 2\nOKREADY\n"}, Ready, 1, 0, []string{"ACKNOWLEDGED -> READY", "event was processed", "BUSY -> ACKNOWLEDGED", "ACKNOWLEDGED -> READY", "event was processed", "BUSY -> ACKNOWLEDGED", "ACKNOWLEDGED -> READY"}},
		"answers nothing":               {[]string{"READY\n", "send", "RESULT 0\n"}, Acknowledged, 0, 0, []string{"ACKNOWLEDGED -> READY", "event was rejected", "BUSY -> ACKNOWLEDGED"}},
		"answers without being asked":   {[]string{"READY\n", "RES"}, Unknown, 0, 0, []string{"ACKNOWLEDGED -> READY", "READY -> UNKNOWN", mute}},
		"answers twice":                 {[]string{"READY\nREADY\n", "send", "RESULT 2\nOKRESULT 2\nOK"}, Unknown, 0, 0, []string{"ACKNOWLEDGED -> READY", "event was processed", "READY -> UNKNOWN", mute}},
		"chats at the start":            {[]string{"hello"}, Unknown, 0, 0, []string{"ACKNOWLEDGED -> UNKNOWN", mute}},
		"answers with a bad line":       {[]string{"READY\nREADY\n", "send", "oops\n"}, Unknown, 0, 1, []string{"ACKNOWLEDGED -> READY", "bad result line: 'oops'", "READY -> UNKNOWN", mute}},
		"answers with an endless line":  {[]string{"READY\n", "send", long + "x"}, Unknown, 0, 1, []string{"ACKNOWLEDGED -> READY", "bad result line: 'xxx", "BUSY -> UNKNOWN", mute}},
		"has only begun to say READY":   {[]string{"READY\n", "send", "REA"}, Busy, 0, 1, []string{"ACKNOWLEDGED -> READY"}},
		"begins READY before the event": {[]string{"READY\nREA", "send", "DY\n"}, Ready, 1, 1, []string{"ACKNOWLEDGED -> READY", "BUSY -> READY"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cut := range []bool{false, true} {
				l := NewListenerAhead("l", 3)
				var log []string
				feed := func(b []byte) {
					for _, o := range l.Feed(b) {
						o.Log(0, func(_ Level, s string) { log = append(log, s) })
					}
				}
				for _, in := range c.in {
					switch {
					case in == "send":
						if !l.Sent() {
							t.Fatal("not READY")
						}
					case cut:
						for i := range len(in) {
							feed([]byte(in[i : i+1]))
						}
					default:
						feed([]byte(in))
					}
				}
				if l.State() != c.want || l.Credits() != c.credits || l.inFlight != c.inFlight || len(log) != len(c.log) {
					t.Fatalf("state %v with %d credits and %d in flight; log %.200q", l.State(), l.Credits(), l.inFlight, log)
				}
				for i, part := range c.log {
					if !strings.Contains(log[i], part) {
						t.Errorf("log %.200q lacks %q", log[i], part)
					}
				}
			}
		})
	}
}

// However what a listener writes is cut, it ends in the same state.
func FuzzFeedAhead(f *testing.F) {
	f.Add([]byte("READY\nREADY\nRESULT 2\nOKREADY\nRESULT 0\nREADY\nRESULT x\n"), ^uint64(0), uint64(7))
	f.Add([]byte("READY\nREADY\nREADY\nRESULT 4\nFAILRESULT 2\nOK"), uint64(3), uint64(2))
	f.Fuzz(func(t *testing.T, in []byte, sends, cuts uint64) {
		run := func(cuts uint64) (out []string, end ListenerState) {
			l := NewListenerAhead("l", 3)
			start := 0
			for i := 1; i <= len(in); i++ {
				ready := strings.HasSuffix(string(in[:i]), ReadyToken)
				if i < len(in) && !ready && cuts>>(i%64)&1 == 0 {
					continue
				}
				for _, o := range l.Feed(in[start:i]) {
					out = append(out, fmt.Sprintf("%d %v->%v %q %q", o.Kind, o.From, o.To, o.Line, o.Result))
				}
				start = i
				if ready && sends>>(i%64)&1 == 1 {
					l.Sent()
				}
			}
			return out, l.State()
		}
		whole, state := run(0)
		for _, c := range []uint64{cuts, ^uint64(0)} {
			if out, got := run(c); !slices.Equal(out, whole) || got != state {
				t.Fatalf("%q\nwhole: %v %q\ncut: %v %q", in, state, whole, got, out)
			}
		}
	})
}

func startedMember(p *Pool, name string, in Sender) *Member {
	m := p.Add(name)
	m.Started()
	m.Running(in)
	return m
}

// whens are the times of the ticks that were written.
func whens(t *testing.T, sent []byte) (all []string) {
	t.Helper()
	for r := bufio.NewReader(bytes.NewReader(sent)); ; {
		_, payload, err := ReadEvent(r)
		if err != nil {
			return all
		}
		all = append(all, strings.TrimPrefix(string(payload), "when:"))
	}
}

func TestEventsThatWaitTogetherGoOutTogether(t *testing.T) {
	b := NewBus()
	p := NewPool(b, PoolConfig{Name: "p", BufferSize: 100, MaxInFlight: 8})
	in := &stdin{}
	m := startedMember(p, "p_00", in)
	for i := range int64(10) {
		p.Accept(NewTick(Tick5, i))
	}
	m.Feed([]byte(strings.Repeat(ReadyToken, 8)))
	p.Dispatch()
	if got := whens(t, in.sent); in.writes != 1 || len(got) != 8 || m.Unanswered() != 8 || m.State() != Busy {
		t.Errorf("%d writes, %v, %v", in.writes, got, m.State())
	}
	m.Feed([]byte("RESULT 2\nOKREADY\nRESULT 4\nFAILREADY\n"))
	p.Dispatch()
	if got := whens(t, in.sent); !slices.Equal(got[8:], []string{"1", "8"}) {
		t.Errorf("then %v", got[8:])
	}
	if p.Counters.Delivered != 1 || p.Counters.Rejected != 1 || p.Queued() != 1 {
		t.Errorf("%+v, %d queued", p.Counters, p.Queued())
	}
}

func TestALargeEventGoesAlone(t *testing.T) {
	p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 100, MaxInFlight: 8})
	in := &stdin{}
	m := startedMember(p, "p_00", in)
	p.Accept(NewTick(Tick5, 1))
	p.Accept(NewProcessLog(ProcessLogStdout, Process{"a", "a", 1}, make([]byte, 1<<20)))
	p.Accept(NewTick(Tick5, 2))
	m.Feed([]byte(strings.Repeat(ReadyToken, 8)))
	p.Dispatch()
	if in.writes != 3 || cap(p.scratch) > 2*batchBytes {
		t.Errorf("%d writes, %d bytes kept", in.writes, cap(p.scratch))
	}
}

func TestMembersWithCreditsShareTheLoad(t *testing.T) {
	p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 100, MaxInFlight: 8})
	var members []*Member
	for i := range 3 {
		m := startedMember(p, fmt.Sprint(i), &stdin{})
		m.Feed([]byte(strings.Repeat(ReadyToken, 8)))
		members = append(members, m)
	}
	for i := range int64(9) {
		p.Accept(NewTick(Tick5, i))
	}
	p.Dispatch()
	for _, m := range members {
		if m.Unanswered() != 3 {
			t.Errorf("%s has %d of 9", m.Name(), m.Unanswered())
		}
	}
}

func TestABrokenStdinLosesNoBatch(t *testing.T) {
	p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 100, MaxInFlight: 8})
	broken := startedMember(p, "a", &stdin{err: syscall.EPIPE})
	in := &stdin{}
	whole := startedMember(p, "b", in)
	for _, m := range []*Member{broken, whole} {
		m.Feed([]byte(strings.Repeat(ReadyToken, 8)))
	}
	for i := range int64(5) {
		p.Accept(NewTick(Tick5, i))
	}
	p.Dispatch()
	if got := whens(t, in.sent); !slices.Equal(got, []string{"0", "1", "2", "3", "4"}) || broken.Unanswered() != 0 {
		t.Errorf("sent %v", got)
	}
}

func TestAllThatAListenerOwedGoesBackInOrder(t *testing.T) {
	for name, end := range map[string]func(*Member){
		"death":     func(m *Member) { m.Exited() },
		"violation": func(m *Member) { m.Feed([]byte("nonsense\n")) },
		"a stop":    func(m *Member) { m.Stopping(); m.Exited() },
	} {
		t.Run(name, func(t *testing.T) {
			p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 10, MaxInFlight: 4})
			m := startedMember(p, "p_00", &stdin{})
			m.Feed([]byte(strings.Repeat(ReadyToken, 4)))
			for i := range int64(6) {
				p.Accept(NewTick(Tick5, i))
			}
			p.Dispatch()
			m.Feed([]byte("RESULT 2\nOK"))
			end(m)
			m.Started()
			in := &stdin{}
			m.Running(in)
			m.Feed([]byte(strings.Repeat(ReadyToken, 4)))
			p.Dispatch()
			if got := whens(t, in.sent); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
				t.Errorf("sent again %v", got)
			}
		})
	}
}

func TestWhatAFullBufferGivesUp(t *testing.T) {
	for _, c := range []struct {
		name     string
		overflow Overflow
		sent     int // of five events, before three more come and the listener dies
		left     []int64
	}{
		{"discard_oldest", DiscardOldest, 2, []int64{0, 1, 7}},
		{"discard_newest", DiscardNewest, 2, []int64{0, 1, 2}},
		{"discard_oldest with more back than fits", DiscardOldest, 4, []int64{1, 2, 3}},
		{"discard_newest with more back than fits", DiscardNewest, 4, []int64{0, 1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 3, MaxInFlight: 4, Overflow: c.overflow})
			m := startedMember(p, "p_00", &stdin{})
			m.Feed([]byte(strings.Repeat(ReadyToken, c.sent)))
			for i := range int64(8) {
				p.Accept(NewTick(Tick5, i))
				p.Dispatch()
			}
			m.Exited()
			var left []int64
			for p.queue.n > 0 {
				left = append(left, p.queue.popFront().event.number)
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("left %v, want %v", left, c.left)
			}
		})
	}
}

func TestAnEventThatFailsTooOftenIsADeadLetter(t *testing.T) {
	for name, c := range map[string]struct {
		fail  func(*Member)
		blame bool
	}{
		"rejected":                        {func(m *Member) { m.Feed([]byte("RESULT 3\nBAD")) }, true},
		"answered with a bad line":        {func(m *Member) { m.Feed([]byte("nonsense\n")) }, true},
		"fatal to its listener":           {func(m *Member) { m.Exited() }, true},
		"too slow":                        {func(m *Member) { m.Stopping(); m.Blame(); m.Exited() }, true},
		"in a listener that a user stops": {func(m *Member) { m.Stopping(); m.Exited() }, false},
	} {
		for _, ahead := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s, %d in flight", name, ahead), func(t *testing.T) {
				var dead []Outcome
				p := NewPool(NewBus(), PoolConfig{Name: "p", BufferSize: 10, MaxInFlight: ahead, MaxDeliveries: 2, Emit: func(o Outcome) {
					if o.Kind == DeadLetter {
						dead = append(dead, o)
					}
				}})
				p.Accept(NewTick(Tick5, 0))
				p.Accept(NewTick(Tick5, 1))
				m := p.Add("p_00")
				for range 2 {
					m.Started()
					m.Running(&stdin{})
					m.Feed([]byte(strings.Repeat(ReadyToken, ahead)))
					p.Dispatch()
					c.fail(m)
					m.Stopping()
					m.Exited()
				}
				want := 0
				if c.blame {
					want = 1
				}
				if len(dead) != want || p.Counters.DeadLetters != uint64(want) {
					t.Fatalf("%d dead letters, counted %d", len(dead), p.Counters.DeadLetters)
				}
				if c.blame && (dead[0].Serial != 0 || dead[0].Failed != 2) {
					t.Errorf("dead letter %+v", dead[0])
				}
				if k := p.Counters; k.Accepted != k.Delivered+k.Discarded+k.DeadLetters+uint64(p.Queued()+p.InFlight()) {
					t.Errorf("%+v, %d queued, %d in flight", k, p.Queued(), p.InFlight())
				}
			})
		}
	}
}

func TestSlowAnswersAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		timeout time.Duration
		after   time.Duration
		kind    Kind
	}{
		"without ack_timeout": {0, SlowAfter, Slow},
		"with ack_timeout":    {5 * time.Second, 5 * time.Second, TimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			b := NewBus()
			now := time.Unix(100, 0)
			b.Now = func() time.Time { return now }
			var told []Kind
			p := NewPool(b, PoolConfig{Name: "p", BufferSize: 10, AckTimeout: c.timeout, Emit: func(o Outcome) {
				if o.Kind == Slow || o.Kind == TimedOut {
					told = append(told, o.Kind)
				}
			}})
			m := startedMember(p, "p_00", &stdin{})
			if _, ok := p.Deadline(); ok {
				t.Fatal("a deadline with nothing in flight")
			}
			send := func() {
				p.Accept(NewTick(Tick5, 0))
				m.Feed([]byte(ReadyToken))
				p.Dispatch()
			}
			send()
			m.Feed([]byte("RESULT 2\nOK"))
			now = now.Add(c.after / 2)
			send() // what was answered before delays nothing
			first, _ := p.Deadline()
			p.Check(first)
			if at, ok := p.Deadline(); !ok || !at.Equal(now.Add(c.after)) || len(told) != 0 {
				t.Fatalf("looks again at %v, told %v", at, told)
			}
			p.Check(now.Add(c.after))
			p.Check(now.Add(3 * c.after))
			if !slices.Equal(told, []Kind{c.kind}) {
				t.Errorf("told %v", told)
			}
			if _, ok := p.Deadline(); ok {
				t.Error("a deadline after all was told")
			}
		})
	}
}

// Reading nothing hangs in many languages: the line about it says so.
func TestASlowAnswerToAnEmptyPayloadIsExplained(t *testing.T) {
	for name, c := range map[string]struct {
		event   *Event
		form    Form
		timeout time.Duration
		want    string
	}{
		"empty":                  {NewSupervisorState(SupervisorStateChangeRunning), SupervisorForm, 0, "listener p_00 has not answered event 0 for 60 seconds: SUPERVISOR_STATE_CHANGE_RUNNING has an empty payload (len:0), and a listener must not read 0 bytes; see docs/languages.md"},
		"empty, ack_timeout":     {NewSupervisorState(SupervisorStateChangeStopping), SupervisorForm, 5 * time.Second, "listener p_00 has not answered event 0 within 5 seconds (ack_timeout): SUPERVISOR_STATE_CHANGE_STOPPING has an empty payload (len:0), and a listener must not read 0 bytes; see docs/languages.md"},
		"empty, but not as sent": {NewSupervisorState(SupervisorStateChangeRunning), JSONForm, 0, "listener p_00 has not answered event 0 for 60 seconds"},
		"not empty":              {NewTick(Tick5, 0), SupervisorForm, 0, "listener p_00 has not answered event 0 for 60 seconds"},
	} {
		b := NewBus()
		now := time.Unix(100, 0)
		b.Now = func() time.Time { return now }
		var lines []string
		p := NewPool(b, PoolConfig{Name: "p", BufferSize: 10, AckTimeout: c.timeout, Payload: c.form, Emit: func(o Outcome) {
			o.Log(LevelWarn, func(_ Level, text string) { lines = append(lines, text) })
		}})
		b.Subscribe(p, []Type{AnyEvent})
		m := startedMember(p, "p_00", &stdin{})
		m.Feed([]byte(ReadyToken))
		b.Publish(c.event)
		p.Dispatch()
		now = now.Add(p.patience())
		p.Check(now)
		if !slices.Equal(lines, []string{c.want}) {
			t.Errorf("%s: %q", name, lines)
		}
	}
}

// Whatever happens to listeners with credits, no event is unaccounted for and none
// is delivered out of order without a redelivery.
func TestPropertyCreditsAccountForEveryEvent(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 9))
		b := NewBus()
		p := NewPool(b, PoolConfig{Name: "p", BufferSize: 1 + rng.IntN(6), MaxInFlight: 1 + rng.IntN(5),
			Overflow: Overflow(rng.IntN(2)), MaxDeliveries: rng.IntN(3)})
		b.Subscribe(p, []Type{AnyEvent})
		for i := range 1 + rng.IntN(3) {
			p.Add(fmt.Sprint(i))
		}
		for step := range 300 {
			m := p.Members()[rng.IntN(len(p.Members()))]
			switch rng.IntN(12) {
			case 0, 1, 2:
				b.Publish(NewTick(Tick5, int64(step)))
			case 3:
				if !m.Alive() {
					m.Started()
					m.Running(&stdin{})
				}
			case 4:
				if rng.IntN(4) == 0 {
					m.Exited()
				}
			case 5:
				if rng.IntN(6) == 0 {
					m.Feed([]byte("garbage\n"))
				}
			case 6, 7, 8:
				if m.Alive() && m.listener.credits+m.listener.inFlight < p.config.MaxInFlight && (p.config.MaxInFlight > 1 || m.State() == Acknowledged) {
					m.Feed([]byte(ReadyToken))
				}
			case 9, 10:
				if m.Unanswered() > 0 {
					m.Feed([]byte([]string{"RESULT 2\nOK", "RESULT 2\nOK", "RESULT 4\nFAIL"}[rng.IntN(3)]))
				}
			case 11:
				m.Stopping()
			}
			p.Dispatch()
			if m.Unanswered() > max(1, p.config.MaxInFlight) {
				t.Fatalf("seed %d: %d in flight", seed, m.Unanswered())
			}
			for i := 1; i < p.queue.n && p.config.MaxInFlight > 1; i++ {
				one, two := p.queue.popFront(), p.queue.front()
				p.queue.pushBack(one)
				if one.serial > two.serial && i < p.queue.n {
					t.Fatalf("seed %d: event %d waits behind %d", seed, two.serial, one.serial)
				}
				if i == p.queue.n-1 {
					p.queue.pushBack(p.queue.popFront())
				}
			}
			c := p.Counters
			if c.Accepted != c.Delivered+c.Discarded+c.DeadLetters+uint64(p.Queued()+p.InFlight()) || p.Queued() > p.config.BufferSize {
				t.Fatalf("seed %d: %+v, %d queued, %d in flight", seed, c, p.Queued(), p.InFlight())
			}
		}
	}
}

// BenchmarkAhead is BenchmarkPool with 64 credits.
func BenchmarkAhead(b *testing.B) {
	bus := NewBus()
	p := NewPool(bus, PoolConfig{Name: "mylistener", Server: "supervisor", BufferSize: 100, MaxInFlight: 64})
	bus.Subscribe(p, []Type{AnyEvent})
	m := startedMember(p, "mylistener_00", nowhere{})
	m.Feed([]byte(strings.Repeat(ReadyToken, 64)))
	answers := []byte(strings.Repeat("RESULT 2\nOKREADY\n", 32))
	who := Process{"web_00", "web", 4711}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		bus.Publish(NewProcessState(ProcessStateRunning, who, "STARTING", 0, false, Exit{}))
		if n++; n%32 == 0 {
			p.Dispatch()
			m.Feed(answers)
		}
	}
}
