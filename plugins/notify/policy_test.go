package notify

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/sdk"
)

// day is when the tests of the policy begin.
var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// desk is a policy with a clock and a bus.
type desk struct {
	t   *testing.T
	now time.Time
	bus *eventlistener.Bus
	p   *policy
}

func newDesk(t *testing.T, o Options) *desk {
	d := &desk{t: t, now: day, bus: eventlistener.NewBus()}
	d.bus.Now = func() time.Time { return d.now }
	if o.BufferSize == 0 {
		o.BufferSize = 1000
	}
	o.Name = "ops"
	d.p = newPolicy(o, sdk.Daemon{Identifier: "supervisor"}, &Silences{})
	d.bus.Subscribe(d, []eventlistener.Type{eventlistener.AnyEvent, eventlistener.HarkEvent})
	return d
}

func (d *desk) Accept(e *eventlistener.Event) {
	if severity, ok := d.p.filter(d.now, e); ok {
		d.p.add(d.now, entry{Event: e, severity: severity})
	}
}

// state publishes a change of state of a process.
func (d *desk) state(kind eventlistener.Type, process string) {
	d.bus.Publish(eventlistener.NewProcessState(kind, eventlistener.Process{Name: process, Group: process}, "RUNNING", 0, false, eventlistener.Exit{}))
}

// next is what the policy delivers now: the processes named.
func (d *desk) next() string {
	d.t.Helper()
	a, _ := d.p.next(d.now)
	return told(a)
}

func told(a *alert) string {
	if a == nil {
		return ""
	}
	text := ""
	for i := range a.entries {
		text += subjectOf(a.entries[i].Event).process + " "
	}
	for _, f := range a.folded {
		text += fmt.Sprintf("+%d %s ", f.Count, f.Type)
	}
	if a.suppressed > 0 {
		text += fmt.Sprintf("suppressed %d ", a.suppressed)
	}
	return text[:len(text)-1]
}

func (d *desk) want(text string) {
	d.t.Helper()
	if got := d.next(); got != text {
		d.t.Errorf("at %s the policy delivers %q, not %q", d.now.Format(time.TimeOnly), got, text)
	}
}

// wantAt moves on to when the policy wants to be asked.
func (d *desk) wantAt(after time.Duration) {
	d.t.Helper()
	a, at := d.p.next(d.now)
	if a != nil || !at.Equal(day.Add(after)) {
		d.t.Fatalf("the policy delivers %q or wants to be asked at %s, not at %s", told(a), at, day.Add(after))
	}
	d.now = at
}

func (d *desk) ok() { d.p.outcome(d.now, nil) }

const (
	exited  = eventlistener.ProcessStateExited
	running = eventlistener.ProcessStateRunning
	fatal   = eventlistener.ProcessStateFatal
)

func TestPolicyDeliversInOrder(t *testing.T) {
	d := newDesk(t, Options{GroupMax: 1})
	d.state(exited, "a")
	d.state(exited, "b")
	d.want("a")
	d.want("") // one at a time
	d.ok()
	d.want("b")
	d.ok()
	d.want("")
}

func TestPolicyGathersWhatComesWithinGroupWait(t *testing.T) {
	d := newDesk(t, Options{GroupWait: 10 * time.Second, GroupMax: 3})
	d.state(exited, "a")
	d.now = d.now.Add(4 * time.Second)
	d.state(exited, "b")
	d.wantAt(10 * time.Second)
	d.want("a b")
	d.ok()
	for _, name := range []string{"c", "d", "e", "f"} {
		d.state(exited, name)
	}
	d.want("c d e") // a full group need not wait
	d.ok()
	d.wantAt(20 * time.Second)
	d.want("f")
}

func TestPolicyRetriesLongerAndLonger(t *testing.T) {
	d := newDesk(t, Options{RetryDelay: time.Second, RetryMax: 5 * time.Second})
	d.state(fatal, "a")
	for _, after := range []time.Duration{1, 3, 7, 12, 17} {
		d.want("a")
		d.p.outcome(d.now, errors.New("down"))
		d.wantAt(after * time.Second)
	}
	d.want("a")
	d.p.outcome(d.now, sdk.RetryAfter(errors.New("slow down"), time.Minute))
	d.wantAt(77 * time.Second)
	d.want("a")
	d.p.outcome(d.now, sdk.RetryAfter(errors.New("slow down"), 24*time.Hour))
	d.wantAt(77*time.Second + delivery.MaxRetryAfter)
	d.want("a")
	if a := d.p.flight; a.attempt != 7 {
		t.Errorf("after 7 tries the notification counts %d", a.attempt)
	}
	d.ok()
	if c := d.p.counters; c.Delivered != 1 || c.Rejected != 7 {
		t.Errorf("counters: %+v", c)
	}
}

func TestPolicyDoesNotCountWhatNeverReachedThePlugin(t *testing.T) {
	d := newDesk(t, Options{MaxRetries: 1})
	d.state(fatal, "a")
	for range 10 {
		d.want("a")
		if dead := d.p.outcome(d.now, fmt.Errorf("call: %w", wire.ErrUnavailable)); dead != nil {
			t.Fatal("given up though the plugin was never reached")
		}
		d.now = d.p.retryAt
	}
	if wait := d.p.retryAt.Sub(day); wait > 10*unavailableMax {
		t.Errorf("waits %s for a plugin that restarts", wait)
	}
	d.want("a")
	d.ok()
}

// The time of retry_for begins when the plugin could not deliver: the plugin itself may be away for longer.
func TestPolicyGivesNothingUpBeforeItWasTried(t *testing.T) {
	d := newDesk(t, Options{RetryFor: 24 * time.Hour})
	d.state(fatal, "a")
	for began := d.now; d.now.Sub(began) < 100*time.Hour; d.now = d.now.Add(time.Hour) {
		d.want("a")
		if d.p.outcome(d.now, wire.ErrUnavailable) != nil {
			t.Fatalf("given up %v after the plugin was away first", d.now.Sub(began))
		}
	}
	d.want("a")
	if d.p.outcome(d.now, errors.New("down")) != nil {
		t.Error("given up at its first failure")
	}
	d.now = d.p.retryAt
	d.want("a")
	d.ok()
}

func TestPolicyGivesUp(t *testing.T) {
	for _, c := range []struct {
		name  string
		o     Options
		err   error
		tries int
	}{
		{"what is final at once", Options{}, sdk.Final(errors.New("no such channel")), 1},
		{"after max_retries", Options{MaxRetries: 2}, errors.New("down"), 3},
		{"after retry_for", Options{RetryFor: 24 * time.Hour, RetryDelay: 4 * time.Hour, RetryMax: 4 * time.Hour}, errors.New("down"), 7},
		{"at max_age", Options{MaxAge: 10 * time.Second, RetryDelay: 4 * time.Second, RetryMax: 4 * time.Second}, errors.New("down"), 4},
		{"at max_age when it is not reached", Options{MaxAge: 250 * time.Millisecond}, wire.ErrUnavailable, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t, c.o)
			d.state(fatal, "a")
			for try := 1; ; try++ {
				d.want("a")
				dead := d.p.outcome(d.now, c.err)
				if dead != nil {
					if try != c.tries {
						t.Errorf("given up after %d tries, not %d", try, c.tries)
					}
					break
				}
				if d.now = d.p.retryAt; try > 100 {
					t.Fatal("it is never given up")
				}
			}
			d.want("")
			if d.p.counters.DeadLetters != 1 {
				t.Errorf("counters: %+v", d.p.counters)
			}
		})
	}
}

func TestPolicyFoldsRepetitions(t *testing.T) {
	d := newDesk(t, Options{Dedupe: time.Minute})
	d.state(exited, "a")
	d.state(exited, "a")
	d.state(exited, "b")
	d.state(running, "a")
	d.want("a b a suppressed 1")
	d.ok()
	d.now = d.now.Add(59 * time.Second)
	d.state(exited, "a")
	d.want("")
	d.now = d.now.Add(time.Second)
	d.state(exited, "a")
	d.want("a suppressed 1")
}

func TestPolicyRemembersLittle(t *testing.T) {
	d := newDesk(t, Options{Dedupe: time.Minute, BufferSize: 10})
	for i := range 3 * maxRecent {
		d.state(exited, fmt.Sprint(i))
	}
	if n := len(d.p.recent); n > maxRecent {
		t.Errorf("%d subjects are remembered", n)
	}
}

func TestPolicyHoldsBackBeyondTheRate(t *testing.T) {
	d := newDesk(t, Options{Rate: Rate{2, time.Minute}, GroupMax: 2})
	d.state(exited, "a")
	d.want("a")
	d.ok()
	d.state(exited, "b")
	d.want("b")
	d.ok()
	for _, name := range []string{"c", "d", "e"} {
		d.state(exited, name)
	}
	d.state(fatal, "f")
	if a, at := d.p.next(d.now); a != nil || at.Before(day.Add(30*time.Second)) {
		t.Fatalf("a third notification: %q, again at %s", told(a), at)
	}
	d.now = d.now.Add(30*time.Second + time.Millisecond)
	// The worst are listed, and where there are too many the rest is summarised.
	d.want("c f +2 PROCESS_STATE_EXITED suppressed 2")
	d.ok()
	if c := d.p.counters; c.Delivered != 4 || d.p.suppressed != 2 {
		t.Errorf("counters: %+v, %d suppressed", c, d.p.suppressed)
	}
}

// A notification all of which a silence keeps back uses up nothing of the rate.
func TestPolicyGivesBackWhatASilenceHasSpared(t *testing.T) {
	d := newDesk(t, Options{Rate: Rate{1, time.Hour}})
	d.state(exited, "a")
	d.now = d.now.Add(time.Second)
	id, err := d.p.silences.Add(d.now, Silence{Until: d.now.Add(time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	d.want("")
	if err := d.p.silences.Remove(d.now, id); err != nil {
		t.Fatal(err)
	}
	d.state(exited, "b")
	d.want("b suppressed 1")
	d.ok()
	d.state(exited, "c")
	d.want("")
}

func TestPolicyIsQuietAtNight(t *testing.T) {
	q := QuietHours{From: 22 * time.Hour, To: 7 * time.Hour, Passing: sdk.Critical}
	d := newDesk(t, Options{Quiet: q, GroupMax: 2})
	d.now = day.Add(11 * time.Hour) // 23:00
	d.state(exited, "a")
	d.wantAt(19 * time.Hour) // 07:00
	d.now = day.Add(12 * time.Hour)
	d.state(fatal, "b")
	d.want("b")
	d.ok()
	d.state(exited, "c")
	d.state(running, "d")
	d.state(running, "e")
	d.want("")
	d.now = day.Add(19 * time.Hour)
	d.want("a c +2 PROCESS_STATE_RUNNING suppressed 2")
	d.ok()
	d.state(exited, "f")
	d.want("f")
}

func TestPolicyHeedsSilences(t *testing.T) {
	d := newDesk(t, Options{})
	id, err := d.p.silences.Add(d.now, Silence{Programs: []string{"web:*"}, Until: d.now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	event := func(group, name string) {
		d.bus.Publish(eventlistener.NewProcessState(fatal, eventlistener.Process{Name: name, Group: group}, "BACKOFF", 0, false, eventlistener.Exit{}))
	}
	event("web", "a")
	event("db", "b")
	d.want("b suppressed 1")
	d.p.outcome(d.now, errors.New("down"))
	if err := d.p.silences.Remove(d.now, id); err != nil {
		t.Fatal(err)
	}
	event("web", "c")
	// What waits for another try is kept back too, once there is a silence.
	if _, err := d.p.silences.Add(d.now, Silence{Programs: []string{"db:*"}, Notifiers: []string{"o*"}, Until: d.now.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(time.Minute)
	d.want("c suppressed 2")
	d.ok()
	if d.p.counters.Delivered != 1 || d.p.suppressed != 2 {
		t.Errorf("counters: %+v, %d suppressed", d.p.counters, d.p.suppressed)
	}
}

func TestPolicyOverflow(t *testing.T) {
	for _, c := range []struct {
		overflow eventlistener.Overflow
		want     string
	}{{eventlistener.DiscardOldest, "c d"}, {eventlistener.DiscardNewest, "a b"}} {
		d := newDesk(t, Options{BufferSize: 2, Overflow: c.overflow, GroupWait: time.Second})
		for _, name := range []string{"a", "b", "c", "d"} {
			d.state(exited, name)
		}
		d.now = d.now.Add(time.Second)
		d.want(c.want)
		if d.p.counters.Discarded != 2 {
			t.Errorf("counters: %+v", d.p.counters)
		}
	}
}

func TestPolicyFilters(t *testing.T) {
	programs, err := eventlistener.ParsePrograms([]string{"w*"})
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, Options{
		Programs: programs, MinSeverity: sdk.Warning,
		Severities: []SeverityRule{{eventlistener.ProcessStateStopped, sdk.Critical}, {eventlistener.TickEvent, sdk.Info}},
	})
	d.state(exited, "web")
	d.state(running, "web")                           // not bad enough
	d.state(exited, "db")                             // another program
	d.state(eventlistener.ProcessStateStopped, "web") // by rule
	d.bus.Publish(eventlistener.NewTick(eventlistener.Tick5, 0))
	d.bus.Publish(eventlistener.NewEventsDiscarded("x", 3))
	a, _ := d.p.next(d.now)
	if len(a.entries) != 3 || a.severity != sdk.Critical || d.p.counters.Accepted != 3 {
		t.Errorf("%d events are told, the worst %s; counters: %+v", len(a.entries), a.severity, d.p.counters)
	}
}

// However the options are and deliveries end, every event is accounted for, none is delivered twice, and what
// is delivered comes in order.
func TestPolicyLosesNothingUncounted(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		pick := func(n int) int { return r.IntN(n) }
		d := newDesk(t, Options{
			BufferSize: 1 + pick(30), GroupMax: 1 + pick(5), Overflow: eventlistener.Overflow(pick(2)),
			GroupWait: time.Duration(pick(3)) * time.Second, Dedupe: time.Duration(pick(3)) * 10 * time.Second,
			Rate: Rate{pick(4), time.Minute}, MaxRetries: pick(3), MaxAge: time.Duration(pick(2)) * time.Minute,
			Quiet: QuietHours{From: 12 * time.Hour, To: 12*time.Hour + time.Duration(pick(3))*time.Minute, Passing: sdk.Critical},
		})
		last, silences := uint64(0), 0
		for range 400 {
			switch pick(6) {
			case 0, 1, 2:
				d.state([]eventlistener.Type{exited, running, fatal}[pick(3)], string(rune('a'+pick(4))))
			case 3:
				d.now = d.now.Add(time.Duration(pick(8000)) * time.Millisecond)
			case 4:
				if silences++; silences < 10 {
					_, _ = d.p.silences.Add(d.now, Silence{Programs: []string{string(rune('a' + pick(4)))}, Until: d.now.Add(time.Minute)})
				}
			}
			if a, _ := d.p.next(d.now); a != nil {
				err := []error{nil, nil, errors.New("down"), sdk.Final(errors.New("no")), wire.ErrUnavailable}[pick(5)]
				if err == nil {
					for i := range a.entries {
						if seq := a.entries[i].Seq(); seq > last {
							last = seq
						} else if d.p.o.Quiet.From == d.p.o.Quiet.To { // the quiet hours' come late
							t.Fatalf("seed %d: event %d is delivered after %d", seed, seq, last)
						}
					}
				}
				d.p.outcome(d.now, err)
			}
			queued, flying, _ := d.p.waiting()
			c := d.p.counters
			if sum := c.Delivered + c.Discarded + c.DeadLetters + d.p.suppressed + uint64(queued+flying); sum != c.Accepted {
				t.Fatalf("seed %d: %d accepted, but %d accounted for: %+v, %d suppressed, %d queued, %d in flight", seed, c.Accepted, sum, c, d.p.suppressed, queued, flying)
			}
			if queued > d.p.o.BufferSize {
				t.Fatalf("seed %d: %d events wait in a buffer of %d", seed, queued, d.p.o.BufferSize)
			}
		}
	}
}

func TestQuietHours(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration // in minutes
		at, end  string
	}{
		{1320, 420, "2026-03-01 21:59", ""},
		{1320, 420, "2026-03-01 22:00", "2026-03-02 07:00"},
		{1320, 420, "2026-03-02 06:59", "2026-03-02 07:00"},
		{1320, 420, "2026-03-02 07:00", ""},
		{750, 780, "2026-03-01 12:45", "2026-03-01 13:00"},
		{750, 780, "2026-03-01 13:00", ""},
		{0, 1440, "2026-03-01 13:00", "2026-03-02 00:00"},
	} {
		at, err := time.Parse("2006-01-02 15:04", c.at)
		if err != nil {
			t.Fatal(err)
		}
		end, quiet := QuietHours{From: c.from * time.Minute, To: c.to * time.Minute}.end(at)
		got := ""
		if quiet {
			got = end.Format("2006-01-02 15:04")
		}
		if got != c.end {
			t.Errorf("%d to %d at %s ends at %q, not %q", c.from, c.to, c.at, got, c.end)
		}
	}
}

func TestSilencesAreBounded(t *testing.T) {
	s := &Silences{}
	for _, bad := range []Silence{
		{Until: day}, {Until: day.Add(maxSilence + 1)}, {Until: day.Add(1), Programs: []string{"["}},
		{Until: day.Add(1), Events: []string{"NONE"}}, {Until: day.Add(1), Notifiers: []string{""}},
		{Until: day.Add(1), Comment: string(make([]byte, maxComment+1))}, {Until: day.Add(1), Programs: make([]string, maxPatterns+1)},
	} {
		if _, err := s.Add(day, bad); err == nil {
			t.Errorf("a bad silence is accepted: %+v", bad)
		}
	}
	for range maxSilences {
		if _, err := s.Add(day, Silence{Until: day.Add(time.Second), Events: []string{"process_state"}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Add(day, Silence{Until: day.Add(time.Second)}); err == nil {
		t.Error("there is no bound")
	}
	if !s.silent(day, "x", subject{kind: "PROCESS_STATE_EXITED"}) || s.silent(day, "x", subject{kind: "TICK_5"}) {
		t.Error("the types of a silence are not heeded")
	}
	if n := len(s.List(day.Add(time.Second))); n != 0 {
		t.Errorf("%d silences outlast their time", n)
	}
	if err := s.Remove(day, 1); !errors.Is(err, ErrNoSilence) {
		t.Errorf("removing one that is over: %v", err)
	}
}
