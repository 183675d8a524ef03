package child

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// eachPoller runs a test with both waiters.
func eachPoller(t *testing.T, test func(t *testing.T, s func(o Options) *System)) {
	for name, by := range map[string]func() (waiter, error){"the system's": newWaiter, "poll": newPoll} {
		t.Run("poller by "+name, func(t *testing.T) {
			test(t, func(o Options) *System {
				t.Helper()
				s, err := build(o, by)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(s.Close)
				return s
			})
		})
	}
}

func TestTheLastLineBeforeTheExitIsAlwaysThere(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{})
		for i := range 50 {
			last := fmt.Sprintf("last line %d\n", i)
			st := begin(t, s, []string{"/bin/echo", strings.TrimSpace(last)}, func(r *Request) {
				r.Listener, r.Eager = i%3 == 1, i%3 == 2
			})
			st.wait()
			if st.atExit != last {
				t.Fatalf("round %d: at the exit stdout was %q", i, st.atExit)
			}
		}
	})
}

func TestAFullPipeIsReadBeforeTheExit(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{})
		for range 5 {
			st := sh(t, s, "yes 0123456789abcdef 2>/dev/null | head -c 1000000; yes err 2>/dev/null | head -c 300000 >&2; kill -9 $$")
			if ws := st.wait(); ws.Signal() != syscall.SIGKILL {
				t.Fatalf("status %v", ws)
			}
			if len(st.atExit) != 1000000 || strings.Count(st.atExit, "0123456789abcdef\n") != 1000000/17 {
				t.Fatalf("%d bytes at the exit", len(st.atExit))
			}
			if n := len(st.err.String()); n != 300000 {
				t.Fatalf("%d bytes of stderr", n)
			}
		}
	})
}

func TestAGrandchildsLaterOutputArrivesAfterTheExit(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{Linger: time.Hour})
		gate := t.TempDir() + "/gate"
		st := sh(t, s, "mkfifo "+gate+"; (read x < "+gate+"; echo late) & echo early")
		st.wait()
		if st.atExit != "early\n" {
			t.Errorf("at the exit %q", st.atExit)
		}
		sh(t, s, "echo go > "+gate).wait()
		st.out.awaitText(t, "early\nlate\n")
		st.out.awaitClosed(t)
		if st.out.closed != 1 || st.out.left != 0 {
			t.Errorf("closed %d times with %d left", st.out.closed, st.out.left)
		}
	})
}

func TestAGrandchildsPipeIsClosedAfterTheLinger(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{Linger: 20 * time.Millisecond})
		before := openFiles(t)
		st := sh(t, s, "sleep 1000 & echo $!")
		st.wait()
		st.out.awaitClosed(t)
		st.err.awaitClosed(t)
		if after := openFiles(t); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		_, _, _ = s.Run([]string{"kill", strings.TrimSpace(st.atExit)}, testkit.Patience)
		if st.out.closed != 1 || st.err.closed != 1 {
			t.Errorf("closed %d and %d times", st.out.closed, st.err.closed)
		}
	})
}

func TestAbandonClosesThePipesAtOnce(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{Linger: time.Hour})
		st := sh(t, s, "sleep 1000 & echo $!")
		st.wait()
		st.child.Abandon()
		st.out.awaitClosed(t)
		st.err.awaitClosed(t)
		st.child.Abandon() // does nothing more
		done := make(chan struct{})
		s.Post(func() Work { close(done); return nil })
		<-done
		if st.out.closed != 1 || st.err.closed != 1 {
			t.Errorf("closed %d and %d times", st.out.closed, st.err.closed)
		}
		_, _, _ = s.Run([]string{"kill", strings.TrimSpace(st.atExit)}, testkit.Patience)
	})
}

func TestAbandonInStartedIsSafe(t *testing.T) {
	s := newSystem(t, Options{})
	before := openFiles(t)
	for range 20 {
		st := begin(t, s, []string{"/bin/echo", "x"}, func(r *Request) {
			then := r.Started
			r.Started = func(c *Child) { c.Abandon(); then(c) }
		})
		st.wait()
		st.out.awaitClosed(t)
		st.err.awaitClosed(t)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestAFloodLeftBehindDelaysNoExit(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{Linger: time.Hour})
		st := sh(t, s, "yes & echo $! >&2; exit 5")
		if code := st.code(); code != 5 {
			t.Errorf("exit code %d", code)
		}
		pid := trimmed(st.err)
		// Others are served meanwhile.
		if other := sh(t, s, "echo other"); other.code() != 0 || other.atExit != "other\n" {
			t.Errorf("another child's output: %q", other.atExit)
		}
		if _, _, err := s.Run([]string{"kill", pid}, testkit.Patience); err != nil {
			t.Error(err)
		}
		st.out.awaitClosed(t)
	})
}

func TestManyChattyChildrenLoseNothing(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{})
		var all []*started
		for i := range 20 {
			all = append(all, sh(t, s, "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done",
				func(r *Request) { r.Eager = i%4 == 0; r.Listener = i%5 == 0 }))
		}
		var want bytes.Buffer
		for i := range 500 {
			fmt.Fprintf(&want, "line %d\n", i)
		}
		for i, st := range all {
			st.wait()
			if st.atExit != want.String() {
				t.Errorf("child %d: %d bytes, want %d", i, len(st.atExit), want.Len())
			}
		}
	})
}

func TestAPausedPipeIsLeftAloneUntilResumeOrTheExit(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{})
		st := sh(t, s, "read x; echo one >&2; echo one; read x; echo two; read x", func(r *Request) {
			then := r.Started
			r.Started = func(c *Child) { c.Pause(Stdout); then(c) }
		})
		write(t, st, "\n")
		st.err.awaitText(t, "one\n")
		done := make(chan struct{})
		s.Post(func() Work { close(done); return nil })
		<-done
		if got := st.out.String(); got != "" {
			t.Errorf("a paused pipe was read: %q", got)
		}
		st.child.Resume(Stdout)
		st.out.awaitText(t, "one\n")
		st.child.Pause(Stdout)
		write(t, st, "\n\n")
		st.wait()
		if st.atExit != "one\ntwo\n" {
			t.Errorf("at the exit %q", st.atExit)
		}
		st.child.Resume(Stdout)
		st.out.awaitClosed(t)
	})
}

func write(t *testing.T, st *started, text string) {
	t.Helper()
	if err := st.child.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestStdinTakesMoreThanItsPipe(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		s := system(Options{})
		st := sh(t, s, "read go; cat", func(r *Request) { r.Listener = true })
		data := bytes.Repeat([]byte("0123456789abcdef"), 200<<10)
		for i := 0; i < len(data); i += 100_000 {
			write(t, st, string(data[i:min(len(data), i+100_000)]))
		}
		if n := st.child.StdinPending(); n == 0 {
			t.Error("nothing is pending although nobody reads")
		}
		// read takes a line, of which there is none yet.
		st.child.CloseStdin()
		if err := st.child.Write([]byte("x")); err != syscall.EPIPE {
			t.Errorf("Write after CloseStdin: %v", err)
		}
		st.wait()
		if n := st.child.StdinPending(); n != 0 {
			t.Errorf("%d bytes pending after the exit", n)
		}
		st = begin(t, s, []string{"cat"})
		write(t, st, string(data))
		st.child.CloseStdin()
		st.wait()
		if st.atExit != string(data) {
			t.Errorf("%d bytes came back of %d", len(st.atExit), len(data))
		}
	})
}

func TestWritingToAClosedStdinGivesEpipe(t *testing.T) {
	eachPoller(t, func(t *testing.T, system func(Options) *System) {
		IgnoreSignals()
		s := system(Options{})
		st := sh(t, s, "exec 0<&-; echo closed; exec sleep 1000")
		st.out.awaitText(t, "closed")
		if err := st.child.Write([]byte("x")); err != syscall.EPIPE {
			t.Errorf("Write: %v, want EPIPE", err)
		}
		_ = st.child.Signal(syscall.SIGTERM, false)
		st.wait()

		// The same with bytes that wait.
		st = sh(t, s, "read x; exec 0<&-; echo closed; exec sleep 1000")
		write(t, st, string(bytes.Repeat([]byte{'x'}, 1<<20)))
		_ = st.child.Signal(syscall.SIGKILL, false)
		st.wait()
		if err := st.child.Write([]byte("x")); err != syscall.EPIPE {
			t.Errorf("Write after the exit: %v, want EPIPE", err)
		}
	})
}

func TestWhatWaitsForStdinIsBounded(t *testing.T) {
	s := newSystem(t, Options{})
	st := begin(t, s, []string{"sleep", "1000"})
	big := make([]byte, MaxPending/2)
	write(t, st, string(big))
	write(t, st, string(big))
	if err := st.child.Write(big); err != ErrStdinFull {
		t.Errorf("got %v", err)
	}
	_ = st.child.Signal(syscall.SIGKILL, false)
	st.wait()
}

func TestPostedFunctionsRunInOrderOnOneThread(t *testing.T) {
	s := newSystem(t, Options{})
	for _, post := range []func(func() Work){s.Post, s.PostListener} {
		var got []int
		done := make(chan struct{})
		for i := range 1000 {
			post(func() Work { got = append(got, i); return nil })
		}
		post(func() Work { close(done); return nil })
		<-done
		for i, v := range got {
			if i != v {
				t.Fatalf("place %d has %d", i, v)
			}
		}
	}
}

// scripted is a waiter that plays rounds and counts pauses.
type scripted struct {
	mu     sync.Mutex
	rounds [][]int
	pauses atomic.Int32
	idle   chan struct{}
	woken  chan struct{}
	once   sync.Once
	now    time.Duration // a wait takes half a busyGap
}

func (w *scripted) add(int, bool, bool) error { return nil }
func (w *scripted) remove(int, bool)          {}
func (w *scripted) close()                    {}
func (w *scripted) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

func (w *scripted) wait(ready []int, _ time.Duration, eagerOnly, _ bool) []int {
	w.now += busyGap / 2
	if eagerOnly {
		w.pauses.Add(1)
		return ready
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rounds) > 0 {
		ready = append(ready, w.rounds[0]...)
		w.rounds = w.rounds[1:]
		return ready
	}
	w.once.Do(func() { close(w.idle) })
	<-w.woken
	return ready
}

func TestOnlyBusyRoundsOfQuietLogPipesAreFollowedByAPause(t *testing.T) {
	for _, tc := range []struct {
		name   string
		rests  bool
		eager  bool
		chunk  int
		pauses bool
	}{
		{"log-only pipes, small writes", true, false, 50, true},
		{"one of them is eager", true, true, 50, false},
		{"a loud pipe", true, false, 60 << 10, false},
		{"the listeners' poller", false, false, 50, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := &scripted{idle: make(chan struct{}), woken: make(chan struct{}, 1)}
			p, err := newPoller(func() (waiter, error) { return w, nil }, time.Hour, tc.rests)
			if err != nil {
				t.Fatal(err)
			}
			quiet, eager := newFilledStream(t, p, false), newFilledStream(t, p, tc.eager)
			p.now = func() time.Duration { return w.now }
			for range 5 {
				w.rounds = append(w.rounds, []int{quiet.fd, eager.fd})
			}
			fill := func(r *refilling) { r.chunk = tc.chunk; r.Output(nil) }
			fill(quiet.reader.(*refilling))
			fill(eager.reader.(*refilling))
			p.start()
			<-w.idle
			p.close()
			if got := w.pauses.Load() > 0; got != tc.pauses {
				t.Errorf("paused %d times in 5 rounds", w.pauses.Load())
			}
		})
	}
}

// refilling is a Reader that writes into its own pipe again.
type refilling struct {
	w     int
	chunk int
}

func (r *refilling) Output([]byte) Work {
	_, _ = syscall.Write(r.w, make([]byte, r.chunk))
	return nil
}

func (r *refilling) Closed(int) Work { return nil }

func newFilledStream(t *testing.T, p *poller, eager bool) *stream {
	t.Helper()
	var fds [2]int
	if err := makePipe(&fds); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeFD(fds[1]) })
	st := &stream{fd: fds[0], poller: p, reader: &refilling{w: fds[1]}, eager: eager}
	p.watch(st)
	return st
}

// stopAndGo is a Reader that waits in Output.
type stopAndGo struct {
	*recorder
	entered, leave chan struct{}
}

func (r *stopAndGo) Output(b []byte) Work {
	r.entered <- struct{}{}
	<-r.leave
	return r.recorder.Output(b)
}

func TestAnExitIsToldWhileNoReaderRuns(t *testing.T) {
	s := newSystem(t, Options{})
	slow := &stopAndGo{recorder: newRecorder(), entered: make(chan struct{}), leave: make(chan struct{})}
	talker := sh(t, s, "echo x; read y", func(r *Request) { r.Stdout = slow })
	<-slow.entered // the poller's thread hangs in a Reader
	st := sh(t, s, "read y")
	_ = st.child.Signal(syscall.SIGKILL, true)
	_ = talker.child.Signal(syscall.SIGKILL, true)
	testkit.Until(t, "both are reaped", func() bool {
		s.reaper.mu.Lock()
		defer s.reaper.mu.Unlock()
		return len(s.reaper.known) == 0
	})
	if len(st.exited)+len(talker.exited) > 0 {
		t.Error("Exited ran beside a Reader")
	}
	close(slow.leave)
	st.wait()
	talker.wait()
	if got := slow.String(); got != "x\n" {
		t.Errorf("at the exit the output was %q", got)
	}
}

func TestAReaderThatHangsKeepsNobodyFromBeingReaped(t *testing.T) {
	s := newSystem(t, Options{})
	slow := &stopAndGo{recorder: newRecorder(), entered: make(chan struct{}, 1), leave: make(chan struct{})}
	talker := sh(t, s, "read y; echo x", func(r *Request) { r.Stdout = slow })
	talker.child.CloseStdin() // its output is found at the exit or before: both on the poller's thread
	<-slow.entered
	st := sh(t, s, "exit 4", func(r *Request) { r.Listener = true; r.Stderr = nil })
	if code := st.code(); code != 4 {
		t.Errorf("status %d", code)
	}
	close(slow.leave)
	talker.wait()
}

func TestAPausedPipeIsClosedAfterTheExit(t *testing.T) {
	s := newSystem(t, Options{Linger: time.Millisecond})
	st := sh(t, s, "read y")
	st.child.Pause(Stdout)
	st.child.CloseStdin()
	st.wait()
	st.out.awaitClosed(t)
	st.err.awaitClosed(t)
}
