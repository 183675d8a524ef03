package spool

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestARealFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer func() { ok(t, syscall.Unmount(dir, syscall.MNT_DETACH)) }()
	var l log
	o := options(dir)
	o.SegmentBytes, o.Report = 16<<10, l.add
	s := mustOpen(t, o)
	fill(t, s, 500)
	committed(t, s)
	big := filepath.Join(dir, "big")
	_ = os.WriteFile(big, make([]byte, 1<<20), 0o600) // as much as there is room
	fill(t, s, 1500)
	testkit.Until(t, "the failure noticed", func() bool { n, _ := l.of(DiskFailed); return n == 1 })
	c := s.Cursor()
	for i := uint64(1); i <= 700; i++ {
		var r Record
		testkit.Until(t, "a record", func() (ok bool) { r, ok = c.Next(); return ok })
		if err := wrong(r); err != nil || r.Pos != i {
			t.Fatal(i, r.Pos, err)
		}
	}
	ok(t, os.Remove(big))
	committed(t, s)
	testkit.Until(t, "the recovery reported", func() bool { n, _ := l.of(DiskRecovered); return n == 1 })
	closed(t, s)
	o.Report = func(r Report) { t.Error(r) }
	s = mustOpen(t, o)
	equal(t, "after reopening", drain(t, s), count(1, 1500))
	closed(t, s)
}
