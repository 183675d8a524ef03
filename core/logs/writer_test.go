package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// caller uses a Writer as a poller does: what takes too long is left to its thread.
type caller struct {
	t     *testing.T
	w     *Writer
	lanes *Lanes
	hung  sync.WaitGroup // threads that were left

	mu      sync.Mutex
	errs    []error
	dropped int
	bytes   int
	back    int // how often the file came back
}

func newCaller(t *testing.T, lanes *Lanes, path string, o Options) *caller {
	t.Helper()
	c := &caller{t: t, lanes: lanes}
	c.w = NewWriter(path, o, lanes, c.note)
	return c
}

func (c *caller) note(r Report) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, r.Errs...)
	c.dropped += r.Dropped
	c.bytes += r.Bytes
	if r.Bytes == 0 && r.Errs == nil {
		c.back++
	}
}

// does carries out what was noted, and reports whether that was in time.
func (c *caller) does() bool {
	if !c.w.Begin() {
		return true
	}
	returned, away := make(chan struct{}), make(chan bool, 1)
	c.hung.Add(1)
	go func() {
		defer c.hung.Done()
		c.w.Do()
		close(returned)
		if <-away {
			c.w.Back()
		}
	}()
	select {
	case <-returned:
		away <- false
		c.note(c.w.Done())
		return true
	case <-time.After(20 * time.Millisecond):
		c.note(c.w.Away())
		away <- true
		return false
	}
}

func (c *caller) write(text string) bool {
	b := []byte(text)
	c.note(c.w.Write(b))
	return c.does()
}

// told are the kinds of what was to be announced.
func (c *caller) told() (kinds []TroubleKind) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.errs {
		var tr *Trouble
		if !errors.As(err, &tr) {
			c.t.Fatalf("announced: %v", err)
		}
		kinds = append(kinds, tr.Kind)
	}
	return kinds
}

func (c *caller) came(times int) {
	c.t.Helper()
	testkit.Until(c.t, fmt.Sprintf("the file has come back %d times", times), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.back >= times
	})
}

// frozen is a log that takes nothing until it is thawed, as a file of a frozen file system: a full pipe that blocks.
type frozen struct {
	r, w   int
	filler int
}

func freeze(t *testing.T) *frozen {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe(fds[:]); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fds[1], true); err != nil {
		t.Fatal(err)
	}
	f := &frozen{r: fds[0], w: fds[1]}
	for {
		n, err := unix.Write(f.w, make([]byte, 4096))
		if err != nil {
			break
		}
		f.filler += n
	}
	if err := unix.SetNonblock(fds[1], false); err != nil {
		t.Fatal(err)
	}
	return f
}

// file is a File of it.
func (f *frozen) file(o Options) *File {
	o.complete()
	return &File{path: "frozen", o: o, d: descriptor{fd: f.w, kind: regular}, noName: true}
}

// thaw reads all that is written, until the log is closed.
func (f *frozen) thaw(t *testing.T) (all func() string) {
	t.Helper()
	got := make(chan string, 1)
	r := os.NewFile(uintptr(f.r), "frozen")
	go func() {
		b, _ := io.ReadAll(r)
		_ = r.Close()
		got <- string(b[f.filler:])
	}()
	return func() string { return <-got }
}

func TestALogThatHangsIsWrittenByAnotherThread(t *testing.T) {
	var lanes Lanes
	disk := freeze(t)
	c := newCaller(t, &lanes, "frozen", Options{})
	c.w.take(disk.file(c.w.o))
	c.w.at = c.w.found
	if c.write("one\n") {
		t.Fatal("a frozen disk took something")
	}
	var want strings.Builder
	want.WriteString("one\n")
	for i := range 1000 {
		line := fmt.Sprintf("line %d\n", i)
		want.WriteString(line)
		if !c.write(line) {
			t.Fatal("the caller is held up again")
		}
	}
	if !c.w.Aside() || c.w.Unsettled() || c.w.Full() {
		t.Errorf("aside %v, unsettled %v, full %v", c.w.Aside(), c.w.Unsettled(), c.w.Full())
	}
	cleared := errors.New("not asked")
	c.w.Clear(func(err error) { cleared = err })
	if !errors.Is(cleared, ErrHangs) {
		t.Errorf("Clear: %v", cleared)
	}
	// Another log of the same file system is not tried.
	second := newCaller(t, &lanes, "second", Options{OnFull: Block})
	other := &frozen{r: -1, w: disk.w}
	second.w.take(other.file(second.w.o))
	second.w.at = second.w.found
	if !second.write("of another\n") || !second.w.Full() {
		t.Error("it was tried, or does not make its program wait")
	}
	all := disk.thaw(t)
	c.came(1)
	second.came(1)
	c.hung.Wait()
	if c.w.Aside() || second.w.Aside() || second.w.Full() {
		t.Error("it is still aside")
	}
	if !c.write("last\n") {
		t.Error("it hangs after the thaw")
	}
	pass(c.w.file, Calm)
	c.w.Retry()
	c.does()
	if got := c.told(); len(got) != 2 || got[0] != Failing || got[1] != Recovered {
		t.Errorf("announced %v", c.errs)
	}
	c.w.Close()
	c.does()
	second.w.file.d.fd = -1 // the same
	want.WriteString("last\n")
	got := all()
	if own := strings.Replace(got, "of another\n", "", 1); own != want.String() || len(own) == len(got) {
		t.Errorf("%d bytes in the log, want %d: %.100q ... %q", len(got), want.Len(), got, got[max(0, len(got)-50):])
	}
	if c.dropped != 0 || c.bytes != want.Len() {
		t.Errorf("%d bytes, %d dropped", c.bytes, c.dropped)
	}
}

func TestWhatIsKeptOfALogThatHangsIsBoundedAndCounted(t *testing.T) {
	var lanes Lanes
	disk := freeze(t)
	c := newCaller(t, &lanes, "frozen", Options{Keep: 1000})
	c.w.take(disk.file(c.w.o))
	c.w.at = c.w.found
	line := strings.Repeat("x", 99) + "\n"
	c.write(line)
	for range 5 {
		c.write(strings.Repeat(line, 3))
	}
	if c.dropped != 5*300-1000 {
		t.Errorf("%d bytes dropped; whole lines are kept, and nothing behind a gap", c.dropped)
	}
	if got := c.told(); len(got) != 2 || got[0] != Failing || got[1] != Dropping {
		t.Errorf("announced %v", c.errs)
	}
	if lost := lanes.Abandon(0); len(lost) != 1 || lost[0].Dropped != 1000 || lost[0].Kind != Abandoned {
		t.Errorf("given up: %v", lost)
	}
	all := disk.thaw(t)
	c.came(1)
	c.hung.Wait()
	c.write(line)
	if lost := lanes.Abandon(time.Minute); lost != nil {
		t.Errorf("given up: %v", lost)
	}
	pass(c.w.file, Calm)
	c.w.Retry()
	c.does()
	var tr *Trouble
	if last := c.errs[len(c.errs)-1]; !errors.As(last, &tr) || tr.Kind != Recovered || tr.Dropped != 500 {
		t.Errorf("in the end: %v", last)
	}
	c.w.Close()
	c.does()
	if got, want := all(), strings.Repeat(line, 12); got != want {
		t.Errorf("%d bytes in the log, want %d", len(got), len(want))
	}
}

func TestALogThatIsClosedWhileItHangsIsWrittenAndClosedLater(t *testing.T) {
	var lanes Lanes
	disk := freeze(t)
	c := newCaller(t, &lanes, "frozen", Options{})
	c.w.take(disk.file(c.w.o))
	c.w.at = c.w.found
	c.write("one\n")
	c.write("two\n")
	c.w.Reopen() // the file has a name of its own nowhere
	c.w.Close()
	if !c.does() || !c.w.Closed() {
		t.Error("the caller is held up")
	}
	if r := c.w.Write([]byte("three\n")); r.Dropped != 6 {
		t.Errorf("after Close: %+v", r)
	}
	if !c.does() {
		t.Error("after Close something is done")
	}
	all := disk.thaw(t)
	if got := all(); got != "one\ntwo\n" {
		t.Errorf("the log has %q", got)
	}
	c.hung.Wait()
}

// An opening that nobody waits for any longer makes others on its file system wait as well, until it is over.
func TestAnOpeningThatHangsIsKnownToOthers(t *testing.T) {
	var lanes Lanes
	dir := t.TempDir()
	w := NewWriter(filepath.Join(dir, "a.log"), Options{}, &lanes, func(Report) {})
	if err := w.opening.begin(&lanes, w.path); err != nil {
		t.Fatal(err)
	}
	w.Late()
	w.Late() // once
	other := newCaller(t, &lanes, filepath.Join(dir, "b.log"), Options{})
	if err := other.w.Open(); !errors.Is(err, ErrHangs) {
		t.Errorf("Open: %v", err)
	}
	w.opening.end()
	if err := other.w.Open(); err != nil {
		t.Error(err)
	}
	w.Late() // it is over
	if n := lanes.hung.Load(); n != 0 {
		t.Errorf("%d file systems hang", n)
	}
	// One that is open already is queued for.
	if err := w.opening.begin(&lanes, w.path); err != nil {
		t.Fatal(err)
	}
	w.Late()
	other.write("hello\n")
	if got := read(t, other.w.path); got != "" {
		t.Errorf("written meanwhile: %q", got)
	}
	w.opening.end()
	if got := read(t, other.w.path); got != "hello\n" {
		t.Errorf("written afterwards: %q", got)
	}
	other.w.Close()
	other.does()
}

// Many logs on disks that freeze and thaw, each with a caller of its own: no byte is lost or out of order, and what was
// dropped is counted.
func TestLogsOnDisksThatFreezeAndThaw(t *testing.T) {
	var lanes Lanes
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			disk := freeze(t)
			c := newCaller(t, &lanes, "frozen", Options{Keep: 4096})
			c.w.take(disk.file(c.w.o))
			c.w.at = c.w.found
			if i%3 == 0 { // a disk of its own; the others share one
				c.w.found = site{alone: c.w}
				c.w.at = c.w.found
			}
			var said []string
			var text func() string
			for n := range 400 {
				line := fmt.Sprintf("%d %s\n", n, strings.Repeat("x", rnd.IntN(100)))
				said = append(said, line)
				c.write(line)
				if n == 200 {
					text = disk.thaw(t)
				}
			}
			if i%2 == 0 {
				c.w.Close()
				c.does()
			} else {
				for c.w.Aside() {
					time.Sleep(time.Millisecond)
				}
				c.w.Close()
				c.does()
			}
			got := text()
			c.hung.Wait()
			at, length := 0, 0
			for line := range strings.Lines(got) {
				for at < len(said) && said[at] != line {
					at++
				}
				if at == len(said) {
					t.Errorf("%q is out of order, or was not said", line)
					return
				}
				length += len(line)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if want := len(strings.Join(said, "")); length+c.dropped != want || c.bytes != want {
				t.Errorf("%d bytes written and %d dropped of %d, %d accounted for", length, c.dropped, want, c.bytes)
			}
		})
	}
	all.Wait()
	if n := lanes.hung.Load(); n != 0 || len(lanes.all) != 0 {
		t.Errorf("%d file systems hang in the end", n)
	}
}

func TestTheSplitterLetsGoOfItsMemory(t *testing.T) {
	for _, capture := range []int64{0, 1000} {
		s := NewSplitter(capture, true)
		var kept, copied []byte
		feed := func(text string) {
			s.Feed([]byte(text), func(b []byte) { kept, copied = b, bytes.Clone(b) }, func([]byte) {})
		}
		feed("a <!--XSUPERV")
		feed("ISOR\x1b[1m:none\x1b[0m <!--")
		first, want := kept, copied
		s.LetGo()
		for range 3 {
			feed("ZZZZZZZZZZ\x1b[1mZZZZZZZZZZZZZZZZZ <!--")
		}
		if !bytes.Equal(first, want) {
			t.Errorf("capture %d: %q became %q", capture, want, first)
		}
	}
}

func TestALogThatIsNotOpenIsOpenedOnlyToBeWritten(t *testing.T) {
	var lanes Lanes
	c := newCaller(t, &lanes, filepath.Join(t.TempDir(), "a.log"), Options{})
	c.w.Close()
	c.does()
	if _, err := os.Stat(c.w.path); !os.IsNotExist(err) {
		t.Errorf("closing made it: %v", err)
	}
	c = newCaller(t, &lanes, c.w.path, Options{})
	c.write("one\n")
	if got := read(t, c.w.path); got != "one\n" || c.bytes != 4 || c.dropped != 0 {
		t.Errorf("%q, %d bytes, %d dropped", got, c.bytes, c.dropped)
	}
	c.w.Close()
	c.does()
	c = newCaller(t, &lanes, filepath.Join(t.TempDir(), "no", "a.log"), Options{})
	c.write("one\n")
	if c.bytes != 4 || c.dropped != 4 || len(c.errs) != 1 {
		t.Errorf("%d bytes, %d dropped, %v", c.bytes, c.dropped, c.errs)
	}
}
