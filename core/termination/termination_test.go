package termination

import (
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/core/config"
)

// watched is a Watch whose exits are noted.
type watched struct {
	*Watch
	mu  sync.Mutex
	did []string
	at  time.Time
}

func newWatched() *watched {
	w := &watched{at: time.Now()}
	note := func(what string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.did = append(w.did, what+" after "+time.Since(w.at).String())
	}
	w.Watch = New(func(_ config.Level, text string) { note(text) }, func() { note("killed") },
		func(status int) { note("exit " + string(rune('0'+status/10)) + string(rune('0'+status%10))) })
	return w
}

func (w *watched) want(t *testing.T, what ...string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := strings.Join(w.did, "\n"); got != strings.Join(what, "\n") {
		t.Errorf("it did\n%s\nwant\n%s", got, strings.Join(what, "\n"))
	}
}

func TestATerminationThatTheLoopHearsIsTheLoops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched()
		defer w.stop()
		var heard atomic.Bool
		w.Enter(heard.Load)
		w.take(syscall.SIGHUP)
		time.Sleep(time.Hour)
		w.take(syscall.SIGTERM)
		for _, want := range []os.Signal{syscall.SIGHUP, syscall.SIGTERM} {
			if got := <-w.Signals; got != want {
				t.Errorf("the loop got %v, want %v", got, want)
			}
		}
		heard.Store(true)
		time.Sleep(time.Hour) // of stopwaitsecs
		w.want(t)
		w.End(10*time.Second, 3)
		time.Sleep(9 * time.Second)
		w.want(t)
		time.Sleep(2 * time.Second)
		w.want(t, "does not come to an end within 10s: exiting now after 2h0m10s", "exit 03 after 2h0m10s")
	})
}

func TestALoopThatDoesNotHearIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched()
		defer w.stop()
		w.Enter(func() bool { return false })
		for range 40 { // more than it keeps
			w.take(syscall.SIGTERM)
		}
		time.Sleep(11 * time.Second)
		w.want(t, "the supervisor does not answer a request to exit within 10s: killing all processes after 10s", "killed after 10s", "exit 70 after 10s")
	})
}

func TestATerminationWhileNoProgramRunsHasABound(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(*watched)
		want []string
	}{
		{"a start that hangs", func(w *watched) { w.take(syscall.SIGINT) },
			[]string{"still busy 10s after a request to exit, and no program runs: exiting now after 10s", "exit 01 after 10s"}},
		{"between two lives", func(w *watched) {
			w.Enter(func() bool { return false })
			w.Leave()
			w.take(syscall.SIGQUIT)
		}, []string{"still busy 10s after a request to exit, and no program runs: exiting now after 10s", "exit 01 after 10s"}},
		{"a start that comes to the loop in time, which hears of it", func(w *watched) {
			w.take(syscall.SIGTERM)
			time.Sleep(9 * time.Second)
			w.Enter(func() bool { return true })
		}, nil},
		{"no signal", func(w *watched) {
			w.Enter(func() bool { return false })
			w.Leave()
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatched()
				defer w.stop()
				c.run(w)
				time.Sleep(time.Minute)
				w.want(t, c.want...)
			})
		})
	}
}

// A second signal hurries what is not a program; two at once are one.
func TestAnotherTerminationIsImpatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatched()
		defer w.stop()
		w.Enter(func() bool { return true })
		w.take(syscall.SIGINT)
		time.Sleep(100 * time.Millisecond)
		w.take(syscall.SIGINT)
		if w.Hurry.Err() != nil {
			t.Error("two at once count as two")
		}
		time.Sleep(time.Second)
		w.take(syscall.SIGTERM)
		if w.Hurry.Err() == nil {
			t.Error("a second one hurries nobody")
		}
	})
}
