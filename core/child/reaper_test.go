package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestSignalsReachTheProcessOrItsGroup(t *testing.T) {
	s := newSystem(t, Options{})
	st := begin(t, s, []string{"sleep", "1000"})
	if err := st.child.Signal(0, false); err != nil {
		t.Errorf("signal 0: %v", err)
	}
	if err := st.child.Signal(syscall.SIGTERM, false); err != nil {
		t.Error(err)
	}
	if ws := st.wait(); ws.Signal() != syscall.SIGTERM {
		t.Errorf("status %v", ws)
	}
	for _, group := range []bool{false, true} {
		if err := st.child.Signal(syscall.SIGTERM, group); err != syscall.ESRCH {
			t.Errorf("after the exit: %v, want ESRCH", err)
		}
	}

	st = sh(t, s, "sleep 1000 & echo up; wait")
	st.out.awaitText(t, "up")
	if err := st.child.Signal(syscall.SIGKILL, true); err != nil {
		t.Error(err)
	}
	st.wait()
	st.out.awaitClosed(t) // the grandchild is dead too
}

func TestAChildKilledAtAnyMomentIsReported(t *testing.T) {
	s := newSystem(t, Options{})
	const kinds = 4
	for i := range soak(2000) {
		var exits sync.WaitGroup
		exits.Add(1)
		st, _ := submit(t, s, []string{"/bin/sh", "-c", "echo x; exec sleep 1000"}, func(r *Request) {
			r.Listener = i%2 == 0
			started, exited := r.Started, r.Exited
			r.Started = func(c *Child) {
				if i%kinds == 0 {
					_ = c.Signal(syscall.SIGKILL, true) // right after the fork
				}
				started(c)
			}
			r.Exited = func(c *Child, ws syscall.WaitStatus) { exits.Done(); exited(c, ws) }
			if i%kinds == 1 {
				r.Umask = 0o22
			}
		})
		testkit.Until(t, "it starts", func() bool {
			s.reaper.mu.Lock()
			defer s.reaper.mu.Unlock()
			return len(s.reaper.known) > 0 || i%kinds == 0
		})
		switch i % kinds {
		case 1: // as soon as it is known, from another thread
			s.reaper.mu.Lock()
			for pid := range s.reaper.known {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
			s.reaper.mu.Unlock()
		case 2:
			st.out.awaitText(t, "x")
			_ = st.child.Signal(syscall.SIGKILL, false)
		case 3:
			go func() {
				s.reaper.mu.Lock()
				defer s.reaper.mu.Unlock()
				for pid := range s.reaper.known {
					_ = syscall.Kill(-pid, syscall.SIGKILL)
				}
			}()
		}
		if ws := st.wait(); ws.Signal() != syscall.SIGKILL {
			t.Fatalf("round %d: status %v", i, ws)
		}
		exits.Wait()
		if len(st.exited) != 0 {
			t.Fatalf("round %d: Exited came twice", i)
		}
	}
}

func TestEveryStatusOfManyShortLivedChildrenIsRight(t *testing.T) {
	s := newSystem(t, Options{})
	if err := storm(s, soak(5000), nil); err != nil {
		t.Fatal(err)
	}
	if z := zombies(); len(z) > 0 {
		t.Errorf("zombies: %v", z)
	}
}

// storm starts n children, a tenth of which leave three orphans each, and checks
// every status. With orphans not nil it waits until each of them was reaped too.
func storm(s *System, n int, orphans *orphanage) error {
	type result struct{ got, want string }
	results := make(chan result, n)
	slots := make(chan struct{}, 64)
	for i := range n {
		slots <- struct{}{}
		argv := []string{"/bin/sh", "-c", "exit " + strconv.Itoa(i%200)}
		want := strconv.Itoa(i % 200)
		switch i % 10 {
		case 1:
			argv[2] = "true & true & true & exit 7"
			want = "7"
		case 2:
			argv[2] = "kill -9 $$"
			want = "killed"
		case 3: // never born: its status is nobody's
			argv, want = []string{"/dev/null/x"}, "can't find command '/dev/null/x'"
		case 4:
			want = "couldn't chdir to '/no': ENOENT (there is no such directory)"
		}
		r := &Request{
			Name: "x", Argv: argv, Umask: -1, Stdin: -1, Stdout: &output{}, Stderr: &output{}, Env: []string{"PATH=/bin:/usr/bin"},
			Failed: func(err *SpawnError) { results <- result{err.Msg, want}; <-slots },
			Exited: func(_ *Child, ws syscall.WaitStatus) {
				got := strconv.Itoa(ws.ExitStatus())
				if ws.Signaled() {
					got = "killed"
				}
				results <- result{got, want}
				<-slots
			},
		}
		if i%10 == 4 {
			r.Dir = "/no"
		}
		s.Spawn(r)
	}
	for range n {
		if r := <-results; r.got != r.want {
			return &SpawnError{Msg: "a status is " + r.got + ", want " + r.want}
		}
	}
	if orphans != nil {
		return orphans.await((n + 8) / 10 * 3)
	}
	return nil
}

// orphanage counts the unknown pids.
type orphanage struct {
	mu    sync.Mutex
	count int
	bad   []string
}

func (o *orphanage) unknown(pid int, ws syscall.WaitStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	if !ws.Exited() || ws.ExitStatus() != 0 {
		o.bad = append(o.bad, fmt.Sprintf("pid %d: status %#x", pid, ws))
	}
}

// await waits for n orphans, and sees that there were no more.
func (o *orphanage) await(n int) error {
	for end := time.Now().Add(testkit.Patience); ; time.Sleep(time.Millisecond) {
		o.mu.Lock()
		count, bad := o.count, o.bad
		o.mu.Unlock()
		switch {
		case len(bad) > 0:
			return fmt.Errorf("these are no orphans: %q", bad)
		case count == n:
			return nil
		case count > n || time.Now().After(end):
			return fmt.Errorf("%d orphans reaped, want %d", count, n)
		}
	}
}

// zombies gives the pids of our dead children.
func zombies() (pids []string) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if fields[0] == "Z" && fields[1] == strconv.Itoa(os.Getpid()) {
			pids = append(pids, path)
		}
	}
	return pids
}
