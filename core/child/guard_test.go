package child

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// disk is Work that hangs while it is frozen. It notes what was called.
type disk struct {
	mu     sync.Mutex
	calls  []string
	frozen chan struct{} // nil: it answers
	hangs  chan struct{} // closed when a Do has begun to hang
	backs  chan struct{} // closed by Back
}

func newDisk() *disk {
	return &disk{frozen: make(chan struct{}), hangs: make(chan struct{}), backs: make(chan struct{})}
}

func (d *disk) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls = append(d.calls, what)
}

func (d *disk) said() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

func (d *disk) Do() {
	d.note("do")
	close(d.hangs)
	<-d.frozen
}

func (d *disk) Done() { d.note("done") }
func (d *disk) Away() { d.note("away") }

func (d *disk) Back() {
	d.note("back")
	close(d.backs)
}

// logged is a Reader whose first bytes, or whose end, go to a disk.
type logged struct {
	*recorder
	disk  *disk
	atEnd bool
	once  sync.Once
}

func (l *logged) Output(b []byte) (w Work) {
	l.recorder.Output(b)
	if !l.atEnd {
		l.once.Do(func() { w = &holding{l.disk, b, bytes.Clone(b)} })
	}
	return w
}

func (l *logged) Closed(left int) (w Work) {
	l.recorder.Closed(left)
	if l.atEnd {
		l.once.Do(func() { w = l.disk })
	}
	return w
}

// holding is Work on bytes of the poller's buffer.
type holding struct {
	*disk
	b, want []byte
}

func (h *holding) Do() {
	h.disk.Do()
	if !bytes.Equal(h.b, h.want) {
		h.note("the bytes have changed")
	}
}

// impatient has the pollers of a System that has nothing to do yet wait for less.
func impatient(s *System, limit time.Duration) {
	s.logs.guard.limit, s.listeners.guard.limit = limit, limit
}

// eachHang runs a test for each place where the Work of a Reader may hang: run has the child's script.
func eachHang(t *testing.T, test func(t *testing.T, s *System, listener bool, script string, atEnd bool)) {
	for _, place := range []struct {
		name, script string
		atEnd        bool
	}{
		{"what it says", "echo one; read x; echo two; exec sleep 1000", false},
		{"what it said last", "read x; head -c 300000 /dev/zero; exit 3", false},
		{"the end of its output", "exec >&- 2>&-; read x; exec sleep 1000", true},
	} {
		for _, listener := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, a listener: %v", place.name, listener), func(t *testing.T) {
				eachPoller(t, func(t *testing.T, system func(Options) *System) {
					s := system(Options{})
					impatient(s, 100*time.Millisecond)
					test(t, s, listener, place.script, place.atEnd)
				})
			})
		}
	}
}

func TestWorkThatHangsHoldsUpNobody(t *testing.T) {
	eachHang(t, func(t *testing.T, s *System, listener bool, script string, atEnd bool) {
		d := newDisk()
		stuck := sh(t, s, script, func(r *Request) {
			r.Listener = listener
			r.Stdout = &logged{recorder: r.Stdout.(*recorder), disk: d, atEnd: atEnd}
		})
		write(t, stuck, "\n")
		<-d.hangs
		// Others, of the same poller, are heard and their ends told.
		for i := range 3 {
			other := sh(t, s, fmt.Sprintf("echo other %d; exit %d", i, i), func(r *Request) { r.Listener = listener })
			if code := other.code(); code != i || other.atExit != fmt.Sprintf("other %d\n", i) {
				t.Errorf("another child: status %d, %q", code, other.atExit)
			}
		}
		// It goes on saying things, and its end is told.
		if strings.Contains(script, "two") {
			stuck.out.awaitText(t, "two\n")
		}
		if strings.Contains(script, "sleep") {
			_ = stuck.child.Signal(9, true)
		}
		stuck.wait()
		if strings.Contains(script, "/dev/zero") && len(stuck.atExit) != 300000 {
			t.Errorf("%d bytes at the exit", len(stuck.atExit))
		}
		if got := d.said(); !slices.Equal(got, []string{"do", "away"}) {
			t.Errorf("while it hangs: %q", got)
		}
		posted := make(chan struct{})
		s.Post(func() Work { close(posted); return nil })
		<-posted
		close(d.frozen)
		<-d.backs
		if got := d.said(); !slices.Equal(got, []string{"do", "away", "back"}) {
			t.Errorf("in the end: %q", got)
		}
	})
}

func TestCloseDoesNotWaitForWorkThatHangs(t *testing.T) {
	eachHang(t, func(t *testing.T, s *System, listener bool, script string, atEnd bool) {
		d := newDisk()
		stuck := sh(t, s, script, func(r *Request) {
			r.Listener = listener
			r.Stdout = &logged{recorder: r.Stdout.(*recorder), disk: d, atEnd: atEnd}
		})
		write(t, stuck, "\n")
		<-d.hangs
		// What was posted before the close hangs as well.
		second := newDisk()
		ran := make(chan struct{})
		post := s.Post
		if listener {
			post = s.PostListener
		}
		post(func() Work { return second })
		post(func() Work { close(ran); return nil })
		s.Close()
		<-ran
		_ = stuck.child.Signal(9, true)
		close(d.frozen)
		close(second.frozen)
		<-d.backs
		<-second.backs
	})
}

func TestWorkThatIsQuickIsDoneInPlace(t *testing.T) {
	s := newSystem(t, Options{})
	d := newDisk()
	close(d.frozen)
	st := sh(t, s, "echo one; exit 4", func(r *Request) { r.Stdout = &logged{recorder: r.Stdout.(*recorder), disk: d} })
	if code := st.code(); code != 4 || st.atExit != "one\n" {
		t.Errorf("status %d, %q", code, st.atExit)
	}
	if got := d.said(); !slices.Equal(got, []string{"do", "done"}) {
		t.Errorf("%q", got)
	}
	testkit.Until(t, "nobody looks at a poller that has nothing to do", func() bool { return s.logs.guard.asleep.Load() })
}

// Many that hang at the same time, one after another and again: each has a thread of its own, and all come back.
func TestManyThatHang(t *testing.T) {
	s := newSystem(t, Options{})
	impatient(s, 4*time.Millisecond)
	var disks []*disk
	for range 30 {
		d := newDisk()
		disks = append(disks, d)
		s.Post(func() Work { return d })
		s.Post(func() Work { return nil })
	}
	for _, d := range disks {
		<-d.hangs
	}
	st := sh(t, s, "echo x; exit 1")
	if st.code() != 1 || st.atExit != "x\n" {
		t.Errorf("%q", st.atExit)
	}
	for _, d := range disks {
		close(d.frozen)
		<-d.backs
	}
	if st = sh(t, s, "echo x; exit 2"); st.code() != 2 || st.atExit != "x\n" {
		t.Errorf("afterwards: %q", st.atExit)
	}
}
