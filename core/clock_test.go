package core

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/ticks"
	"github.com/hark-supervisor/hark/eventlistener"
)

// stepped is the machine's clock, whose wall time can be set forward and back as somebody with date(1) does. The monotonic
// reading goes on as usual.
type stepped struct{ seconds atomic.Int64 }

func (c *stepped) Now() time.Time { return stepBy(time.Now(), c.seconds.Load()) }

// Alarm is turns.System's: what a time without a monotonic reading is far away is a matter of the wall clock.
func (c *stepped) Alarm(at time.Time) (<-chan time.Time, func()) {
	timer := time.NewTimer(at.Sub(c.Now()))
	return timer.C, func() { timer.Stop() }
}

func (c *stepped) step(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

// stepBy moves the wall time of t and leaves its monotonic reading, which package time has no means for: the first word of a Time
// that has both is a flag, 33 bits of seconds and 30 bits of nanoseconds.
func stepBy(t time.Time, seconds int64) time.Time {
	const nanoBits = 30
	*(*uint64)(unsafe.Pointer(&t)) += uint64(seconds) << nanoBits //nolint:gosec // that of two's complement
	return t
}

func TestAStepOfTheTestsClockIsOfItsWallTimeAlone(t *testing.T) {
	now := time.Now()
	for _, hours := range []int64{1, -1, 1000} {
		later := stepBy(now, hours*3600)
		if d := later.Sub(now); d != 0 {
			t.Errorf("%d h: %v by the monotonic clock", hours, d)
		}
		if d := later.Round(0).Sub(now.Round(0)); d != time.Duration(hours)*time.Hour {
			t.Errorf("%d h: %v by the wall clock", hours, d)
		}
	}
}

// eachStep runs a test with a clock that is set an hour back, and one that is set forward.
func eachStep(t *testing.T, test func(t *testing.T, c *stepped, step func())) {
	for _, by := range []time.Duration{-time.Hour, time.Hour, -30 * 24 * time.Hour, 30 * 24 * time.Hour} {
		t.Run(by.String(), func(t *testing.T) {
			c := &stepped{}
			test(t, c, func() { c.step(by) })
		})
	}
}

// prepareStepped is prepare with that clock, and a subscriber of the events that are given alone.
func prepareStepped(t *testing.T, c *stepped, types []eventlistener.Type, groups ...*config.Group) *running {
	t.Helper()
	r := prepareWith(t, func(o *Options) { o.Clock = c }, groups...)
	r.at(func(l *loop) {
		l.bus.Unsubscribe(r.events)
		l.bus.Subscribe(r.events, types)
	})
	r.begin()
	return r
}

// What is due comes when it is due, whatever the wall clock says meanwhile. A TICK is wanted that is an hour away, so that a
// deadline that is taken for a later one is missed.
func TestAStepOfTheClockMovesNoDeadline(t *testing.T) {
	types := []eventlistener.Type{eventlistener.Tick3600, eventlistener.ProcessState}
	stubborn := func(p *config.Process) { p.StopWait = time.Second }
	ctx := context.Background()
	eachStep(t, func(t *testing.T, c *stepped, step func()) {
		r := prepareStepped(t, c, types,
			program("stubborn", `sh -c 'trap "" TERM; while :; do sleep 1000 & wait; done'`, stubborn, func(p *config.Process) { p.KillAsGroup = true }),
			program("slow", "sleep 1000", func(p *config.Process) { p.AutoStart, p.StartWait = false, 2*time.Second }),
			program("fails", "false", func(p *config.Process) { p.AutoStart, p.StartWait, p.StartRetries = false, time.Second, 2 }))
		r.untilState("stubborn", process.Running)
		// While a start, a backoff and a stop wait for their time.
		for _, name := range []string{"slow", "fails"} {
			go func() { _ = r.StartProcess(ctx, name, name, false) }()
		}
		r.untilState("slow", process.Starting)
		r.untilState("fails", process.Backoff)
		go func() { _ = r.StopProcess(ctx, "stubborn", "stubborn", false) }()
		r.untilState("stubborn", process.Stopping)
		step()
		_ = r.turns.Ask(ctx, func(l *loop) {}) // a turn of the loop, which sees the new time
		// Nothing is asked of the loop from here on: that would wake it.
		for name, event := range map[string]string{"stubborn": "PROCESS_STATE_STOPPED", "slow": "PROCESS_STATE_RUNNING", "fails": "PROCESS_STATE_FATAL"} {
			r.until(name+" has "+event, func() bool { return slices.Contains(r.events.names(name), event) })
		}
		if got := r.events.names("fails"); slices.Index(got, "PROCESS_STATE_FATAL") != 6 {
			t.Errorf("its starts: %q", got)
		}
		// And the signal of the kill came once.
		if n := strings.Count(strings.Join(r.said(), "\n"), "killing 'stubborn'"); n != 1 {
			t.Errorf("killed %d times", n)
		}
	})
}

// said are the lines of the activity log so far.
func (r *running) said() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// TICKs are of the wall clock, as in Supervisor: after a step the slice that it leads to is told, and then the next ones.
func TestTicksFollowAStepOfTheClock(t *testing.T) {
	eachStep(t, func(t *testing.T, c *stepped, step func()) {
		r := prepareStepped(t, c, []eventlistener.Type{eventlistener.Tick3600})
		if err := r.turns.Ask(context.Background(), func(l *loop) {}); err != nil {
			t.Fatal(err)
		}
		step() // the loop is not notified
		want := fmt.Sprintf("when:%d", sliceOf(3600, c.Now()))
		r.until("the slice after the step is told", func() bool { return slices.Contains(r.events.payloads(eventlistener.Tick3600), want) })
		if got := r.events.payloads(eventlistener.Tick3600); len(got) != 1 {
			t.Errorf("told %q, want only %q", got, want)
		}
	})
}

// The next look at the TICKs is a time like all others that the loop waits for, so that the earliest is found.
func TestTheNextTickIsOfTheMonotonicClock(t *testing.T) {
	c := &stepped{}
	bus := eventlistener.NewBus()
	bus.Subscribe(&recorder{}, []eventlistener.Type{eventlistener.AnyEvent})
	for _, hours := range []int64{0, 5, -20} {
		c.step(time.Duration(hours) * time.Hour)
		now := c.Now()
		tk := ticks.New(now)
		at, wanted := tk.Next(now, bus)
		if again, _ := tk.Next(stepBy(now.Add(time.Nanosecond), 3), bus); !again.Equal(at) {
			t.Errorf("it moves from %v to %v", at, again)
		}
		if d := at.Sub(now); !wanted || d <= 0 || d > 5*time.Second {
			t.Errorf("after a step of %d h the next tick is %v away", hours, d)
		}
		if a, b := at.Round(0), time.Unix(sliceOf(5, now)+5, 0); !a.Equal(b) {
			t.Errorf("after a step of %d h the next tick is at %v, not %v", hours, a, b)
		}
		// An alarm that was reckoned before a step rings when it would have.
		if d := at.Sub(stepBy(now, 7*3600)); d > 5*time.Second {
			t.Errorf("a step moved it to %v", d)
		}
	}
}

// sliceOf is the start of the period that now falls in, in Unix seconds.
func sliceOf(period int64, now time.Time) int64 { return now.Unix() - now.Unix()%period }

// wholeLog is what is in a log and its backups.
func wholeLog(t *testing.T, path string, backups int) string {
	t.Helper()
	var all strings.Builder
	for i := backups; i >= 0; i-- {
		name := path
		if i > 0 {
			name = fmt.Sprintf("%s.%d", path, i)
		}
		b, err := os.ReadFile(name)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}

// The size of a log, its rotation and its retries are matters of no clock, or of the monotonic one.
func TestAStepOfTheClockChangesNoLog(t *testing.T) {
	eachStep(t, func(t *testing.T, c *stepped, step func()) {
		r := prepareStepped(t, c, []eventlistener.Type{eventlistener.ProcessState}, program("says", "sh -c 'read x; seq 1 400; read x; seq 401 1000; exec cat'", func(p *config.Process) {
			p.Stdout.Logfile = config.Logfile{Kind: config.LogAuto}
			p.Stdout.MaxBytes, p.Stdout.Backups = 1000, 100
		}))
		r.untilState("says", process.Running)
		ctx := context.Background()
		for range 2 {
			if err := r.SendStdin(ctx, "says", "says", []byte("\n")); err != nil {
				t.Fatal(err)
			}
			step()
		}
		var want strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&want, "%d\n", i+1)
		}
		path := r.processOf("says", "says").output.Logs.Stdout
		r.until("all is in the logs", func() bool { return wholeLog(t, path, 100) == want.String() })
		if err := r.SignalProcess(ctx, "says", "says", syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
}
