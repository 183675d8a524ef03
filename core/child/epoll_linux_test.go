package child

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// Whether waits are hurried or not, and however often that changes, what is ready is seen, and a wake ends a wait.
func TestWhatIsReadyIsSeenHoweverItIsWaitedFor(t *testing.T) {
	e, err := newWaiter()
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	if e.(*epoll).gate.conn == nil {
		t.Fatal("Go's runtime does not wait for an epoll")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // a pipe
	defer w.Close() //nolint:errcheck // a pipe
	fd := int(r.Fd())
	if err := e.add(fd, false, true); err != nil {
		t.Fatal(err)
	}
	for i, hurried := range []bool{false, true, true, false, false, true, false} {
		for _, timeout := range []time.Duration{0, time.Millisecond} {
			if ready := e.wait(nil, timeout, false, hurried); len(ready) != 0 {
				t.Fatalf("%d: %v is ready before anything was written", i, ready)
			}
		}
		waits := make(chan []int, 1)
		go func() {
			ready := e.wait(nil, -1, false, hurried)
			waits <- ready
		}()
		if _, err := w.Write([]byte{1}); err != nil {
			t.Fatal(err)
		}
		if ready := receive(t, waits); !slices.Equal(ready, []int{fd}) {
			t.Errorf("%d: %v is ready", i, ready)
		}
		if ready := e.wait(nil, testkit.Patience, false, !hurried); !slices.Equal(ready, []int{fd}) {
			t.Errorf("%d: %v is ready the other way", i, ready)
		}
		if ready := e.wait(nil, testkit.Patience, true, hurried); !slices.Equal(ready, []int{fd}) {
			t.Errorf("%d: %v is ready of the eager ones", i, ready)
		}
		if _, err := r.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		go func() {
			ready := e.wait(nil, -1, false, hurried)
			waits <- ready
		}()
		e.wake()
		if ready := receive(t, waits); len(ready) != 0 {
			t.Errorf("%d: %v is ready after a wake", i, ready)
		}
	}
	e.remove(fd, true)
}

func receive(t *testing.T, from <-chan []int) []int {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(testkit.Patience):
		t.Fatal("it still waits")
		return nil
	}
}

// Waits that follow one another at once are hurried ones, until one takes long.
func TestWaitsAreHurriedWhileTheyAreShort(t *testing.T) {
	w := &timed{}
	p := &poller{waiter: w, now: func() time.Duration { return w.now }}
	for range hurries {
		w.takes = hurry / 2
		p.wait(-1, false)
		if w.hurried {
			t.Fatal("hurried too soon")
		}
	}
	w.takes = hurry * 2
	p.wait(-1, false)
	if !w.hurried || w.timeout != calm {
		t.Errorf("hurried: %v, for at most %v", w.hurried, w.timeout)
	}
	w.takes = calm
	p.wait(-1, false)
	if !w.hurried {
		t.Error("one that was not so short ended it")
	}
	p.wait(-1, false)
	if w.hurried || w.timeout != -1 {
		t.Errorf("after a long one, hurried: %v, for at most %v", w.hurried, w.timeout)
	}
}

// timed is a waiter whose waits take what the test says.
type timed struct {
	waiter
	takes, now, timeout time.Duration
	hurried             bool
}

func (w *timed) wait(ready []int, timeout time.Duration, _, hurried bool) []int {
	w.now += w.takes
	w.timeout, w.hurried = timeout, hurried
	return ready
}
