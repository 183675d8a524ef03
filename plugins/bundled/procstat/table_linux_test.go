package procstat

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// proc is a made-up /proc.
type proc struct {
	t    *testing.T
	root string
}

func newProc(t *testing.T) *proc {
	p := &proc{t, t.TempDir()}
	p.write("stat", "cpu  1 2 3 4 5 6 7 8 9 10\nbtime 1700000000\nprocesses 3\n")
	return p
}

func (p *proc) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// add is a process with n in every figure: clock ticks, threads, pages, descriptors and bytes.
func (p *proc) add(pid, parent, group, n int, name string) {
	p.t.Helper()
	stat := fmt.Sprintf("%d (%s) S %d %d %d 0 -1 0 0 0 0 0 %d %d %d %d 20 0 %d 0 %d %d %d 18446744073709551615%s\n",
		pid, name, parent, group, group, n, n, n, n, n, 100*pid, 4096*n, n, strings.Repeat(" 0", 27))
	p.write(fmt.Sprintf("%d/stat", pid), stat)
	p.write(fmt.Sprintf("%d/io", pid), fmt.Sprintf("rchar: %d\nwchar: %d\nsyscr: 0\nsyscw: 0\nread_bytes: %d\nwrite_bytes: %d\ncancelled_write_bytes: 0\n", n, 2*n, 3*n, 4*n))
	for i := range n {
		p.write(fmt.Sprintf("%d/fd/%d", pid, i), "")
	}
}

func TestDescendantsAreAddedUp(t *testing.T) {
	p := newProc(t)
	p.add(1, 0, 1, 1, "init")
	p.add(10, 1, 10, 1, "a (b) c)") // asked for
	p.add(11, 10, 10, 2, "child")
	p.add(12, 11, 12, 4, "grandchild, of a group of its own")
	p.add(13, 1, 10, 8, "orphan of its group")
	p.add(14, 1, 14, 16, "orphan of a session of its own")
	p.add(20, 10, 20, 32, "asked for, too")
	p.add(21, 20, 20, 64, "child of that")
	p.add(30, 31, 30, 1, "a circle")
	p.add(31, 30, 30, 1, "a circle")
	p.write("40/stat", "rubbish")
	p.write("41/status", "")
	got, err := tableAt(p.root)([]int{10, 20, 99, 40, 10})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v %v", got, err)
	}
	for pid, want := range map[int][3]int64{10: {1, 1 + 2 + 4 + 8, 4}, 20: {32, 32 + 64, 2}} {
		f, own, total := got[pid], want[0], want[1]
		tick := 10 * time.Millisecond
		page := int64(os.Getpagesize())
		if u := (usage{1, time.Duration(own) * tick, time.Duration(own) * tick, page * own, 4096 * own, own, own, 3 * own, 4 * own, own, 2 * own}); f.own != u {
			t.Errorf("%d itself: %+v", pid, f.own)
		}
		if u := (usage{int(want[2]), 2 * time.Duration(total) * tick, 2 * time.Duration(total) * tick, page * total, 4096 * total, total, total, 3 * total, 4 * total, total, 2 * total}); f.total != u {
			t.Errorf("%d and its own: %+v", pid, f.total)
		}
		if !f.started.Equal(time.Unix(1700000000+int64(pid), 0)) {
			t.Errorf("%d started %v", pid, f.started)
		}
	}
}

func TestWhatIsNotToldIsNotTold(t *testing.T) {
	p := newProc(t)
	p.add(10, 1, 10, 1, "a")
	p.add(11, 10, 10, 2, "b")
	if err := os.Remove(filepath.Join(p.root, "11/io")); err != nil {
		t.Fatal(err)
	}
	got, err := tableAt(p.root)([]int{10})
	if err != nil {
		t.Fatal(err)
	}
	if own, total := got[10].own, got[10].total; own.readBytes != 3 || total.readBytes != -1 || total.wroteChar != -1 || total.fds != 3 {
		t.Errorf("%+v %+v", own, total)
	}
}

func TestNoProc(t *testing.T) {
	for name, root := range map[string]string{"nothing there": "/nonexistent", "a file": "/etc/passwd", "an empty directory": t.TempDir()} {
		if _, err := tableAt(root)(nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
