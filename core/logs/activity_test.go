package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func flush(t *testing.T, a *Activity) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := a.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestLinesHaveSupervisorsForm(t *testing.T) {
	at := time.Date(2024, 1, 31, 13, 5, 6, 7_999_999, time.Local)
	for level, name := range map[int]string{50: "CRIT", 40: "ERRO", 30: "WARN", 20: "INFO", 10: "DEBG", 5: "TRAC", 3: "BLAT", 17: "17"} {
		if got, want := string(AppendLine(nil, at, level, "a text")), "2024-01-31 13:05:06,007 "+name+" a text\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var theirs string
	supervisorPython(t, `
import time
from supervisor import loggers
time.time = lambda: json.load(sys.stdin)
r = loggers.LogRecord(20, 'a text')
json.dump('%(asctime)s %(levelname)s %(message)s\n' % r.asdict(), sys.stdout)
`, float64(at.UnixMilli())/1000+0.0005, &theirs)
	if got := string(AppendLine(nil, at, 20, "a text")); got != theirs {
		t.Errorf("%q, Supervisor's is %q", got, theirs)
	}
}

// lines is a LineSender that remembers.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Send(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(line))
}

func TestActivityWritesToAllItsPlaces(t *testing.T) {
	dir := t.TempDir()
	one, two := open(t, filepath.Join(dir, "one"), Options{}), open(t, filepath.Join(dir, "two"), Options{})
	var sys lines
	a := NewActivity(ActivityOptions{Files: []*File{one, two}, Syslog: &sys})
	at := time.Date(2024, 1, 31, 13, 5, 6, 0, time.Local)
	a.Log(at, 20, "first\nof two lines\n")
	_, _ = a.Write([]byte("ready\n"))
	flush(t, a)
	const want = "2024-01-31 13:05:06,000 INFO first\nof two lines\n\nready\n"
	for _, f := range []*File{one, two} {
		if got := read(t, f.Path()); got != want {
			t.Errorf("%s: %q", f.Path(), got)
		}
	}
	if got := strings.Join(sys.all, "|"); got != "2024-01-31 13:05:06,000 INFO first|2024-01-31 13:05:06,000 INFO of two lines|ready" {
		t.Errorf("syslog got %q", got)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	a.Log(at, 20, "ignored")
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	done := make(chan error, 1)
	if a.Clear(func(err error) { done <- err }); !errors.Is(<-done, ErrClosed) {
		t.Error("a Clear after Close was not refused")
	}
	flush(t, a)
}

func TestActivityRotatesAfterTheLineThatSupervisorRotatesAfter(t *testing.T) {
	dir := t.TempDir()
	c := logCase{MaxBytes: 100, Backups: 5, Dir: t.TempDir()}
	a := NewActivity(ActivityOptions{Files: []*File{open(t, filepath.Join(dir, "x.log"), Options{MaxBytes: c.MaxBytes, Backups: c.Backups})}})
	for i := range 30 {
		line := fmt.Appendf(nil, "%d%s\n", i, strings.Repeat("x", i%13))
		c.Steps = append(c.Steps, logStep{Op: "write", Data: line})
		_, _ = a.Write(line)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	var answer []bool
	supervisorPython(t, rotationScript, []logCase{c}, &answer)
	if ours, wanted := snapshot(t, dir), snapshot(t, c.Dir); ours != wanted {
		t.Errorf("ours:\n%s\nSupervisor's:\n%s", ours, wanted)
	}
}

func TestActivityReopensAndClearsInOrder(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.log")
	a := NewActivity(ActivityOptions{Files: []*File{open(t, name, Options{})}})
	defer a.Close()
	_, _ = a.Write([]byte("one\n"))
	flush(t, a)
	if err := os.Rename(name, name+".old"); err != nil {
		t.Fatal(err)
	}
	_, _ = a.Write([]byte("two\n"))
	a.Reopen(nil)
	_, _ = a.Write([]byte("three\n"))
	flush(t, a)
	if got := snapshot(t, dir); got != "x.log: \"three\\n\"\nx.log.old: \"one\\ntwo\\n\"\n" {
		t.Error(got)
	}
	done := make(chan error)
	a.Clear(func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Error(err)
	}
	_, _ = a.Write([]byte("four\n"))
	flush(t, a)
	if got := read(t, name); got != "four\n" {
		t.Error(got)
	}
}

func TestActivityNeverBlocksAndSaysWhatItDropped(t *testing.T) {
	disk := tinyDisk(t)
	name := filepath.Join(disk, "x.log")
	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 200<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []error
	f := open(t, name, Options{})
	a := NewActivity(ActivityOptions{
		Files:      []*File{f},
		MaxPending: 100 << 10,
		RetryEvery: time.Millisecond,
		Trouble: func(err error) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, err)
		},
	})
	defer a.Close()
	line := strings.Repeat("x", 990)
	n := 0
	failed := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) > 0
	}
	for ; a.Dropped() < 50 || !failed(); n++ {
		_, _ = a.Write(fmt.Appendf(nil, "%08d %s\n", n, line))
	}
	dropped := a.Dropped()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	flush(t, a)
	_, _ = a.Write([]byte("after\n"))
	flush(t, a)
	got := read(t, name)
	notice := regexp.MustCompile(`\d{4}-.* WARN (\d+) lines of this log were dropped here`).FindAllStringSubmatch(got, -1)
	sum := int64(0)
	for _, m := range notice {
		var k int64
		_, _ = fmt.Sscan(m[1], &k)
		sum += k
	}
	if sum != dropped {
		t.Errorf("announced %d dropped lines, dropped %d", sum, dropped)
	}
	last, count := -1, int64(0)
	for _, l := range strings.Split(got, "\n") {
		if !strings.HasSuffix(l, line) {
			continue
		}
		var k int
		_, _ = fmt.Sscanf(l, "%08d", &k)
		if k <= last {
			t.Fatalf("line %d after %d", k, last)
		}
		last = k
		count++
	}
	if count+dropped != int64(n) || !strings.HasSuffix(got, "after\n") {
		t.Errorf("%d lines in the log, %d dropped, %d written", count, dropped, n)
	}
	pass(f, Calm)
	testkit.Until(t, "the end is reported too", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) >= 2
	})
	mu.Lock()
	defer mu.Unlock()
	_ = trouble(t, told[0], Failing)
	_ = trouble(t, told[1], Recovered)
}

func TestAnActivityThatCannotBeWrittenCanBeReopenedElsewhereAndClosed(t *testing.T) {
	disk := tinyDisk(t)
	name := filepath.Join(disk, "x.log")
	failed := make(chan struct{}, 10)
	a := NewActivity(ActivityOptions{
		Files:      []*File{open(t, name, Options{})},
		RetryEvery: time.Hour,
		Trouble:    func(error) { failed <- struct{}{} },
	})
	big := []byte(strings.Repeat("y", 300<<10) + "\n")
	_, _ = a.Write(big)
	_, _ = a.Write([]byte("more\n"))
	<-failed
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush: %v", err)
	}
	done := make(chan error, 1)
	a.Clear(func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_, _ = a.Write([]byte("last\n"))
	flush(t, a)
	if got := read(t, name); got != "more\nlast\n" {
		t.Errorf("after Clear: %.100q", got)
	}
	_, _ = a.Write(big) // the same episode
	var tr *Trouble
	if err := a.Close(); !errors.As(err, &tr) || tr.Kind != Abandoned {
		t.Errorf("Close: %v", err)
	}
	if n := len(failed); n > 0 {
		t.Errorf("told %d times more of one episode", n)
	}
}

func TestActivityTakesLinesFromManyAtOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.log")
	a := NewActivity(ActivityOptions{Files: []*File{open(t, name, Options{})}})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 500 {
				a.Log(time.Now(), 20, fmt.Sprintf("%d.%d", i, j))
			}
		})
	}
	all.Wait()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(read(t, name), "\n"); n != 4000 {
		t.Errorf("%d lines", n)
	}
}

func TestCloseDoesNotWaitForAFileSystemThatDoesNotAnswer(t *testing.T) {
	disk := freeze(t)
	a := NewActivity(ActivityOptions{Files: []*File{disk.file(Options{})}})
	_, _ = a.Write([]byte("one\n"))
	for o := a.outs[0]; ; time.Sleep(time.Millisecond) { // until it hangs in it
		o.mu.Lock()
		taken := len(o.items) == 0
		o.mu.Unlock()
		if taken {
			break
		}
	}
	_, _ = a.Write([]byte("two\n"))
	var tr *Trouble
	if err := a.Close(); !errors.As(err, &tr) || tr.Kind != Abandoned || tr.Dropped != 8 {
		t.Errorf("Close: %v", err)
	}
	all := disk.thaw(t)
	if got := all(); got != "one\ntwo\n" {
		t.Errorf("in the end: %q", got)
	}
}
