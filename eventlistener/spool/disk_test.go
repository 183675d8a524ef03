package spool

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// badDisk fails while it is broken, with half of each write done.
type badDisk struct {
	broken, noSync atomic.Bool
}

func (b *badDisk) disk() disk {
	d := realDisk()
	d.writeAt = func(f *os.File, p []byte, off int64) (int, error) {
		if b.broken.Load() {
			n, _ := f.WriteAt(p[:len(p)/2], off)
			return n, syscall.ENOSPC
		}
		return f.WriteAt(p, off)
	}
	d.sync = func(*os.File) error {
		if b.noSync.Load() {
			return syscall.EIO
		}
		return nil
	}
	return d
}

func mustOpenOn(t testing.TB, o Options, b *badDisk) *Spool {
	t.Helper()
	s, err := open(o, b.disk(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func TestAFullDiskStopsNothing(t *testing.T) {
	for _, segment := range []int64{1024, 8 << 20} {
		var l log
		var b badDisk
		dir := t.TempDir()
		o := options(dir)
		ready := make(chan struct{}, 10000)
		o.SegmentBytes, o.Report, o.Ready = segment, l.add, func() { ready <- struct{}{} }
		s := mustOpenOn(t, o, &b)
		fill(t, s, 50)
		committed(t, s)
		b.broken.Store(true)
		fill(t, s, 80)
		testkit.Until(t, "the failure noticed", func() bool { n, _ := l.of(DiskFailed); return n == 1 })
		if s.Committed() != 50 {
			t.Fatalf("committed %d", s.Committed())
		}
		c := s.Cursor()
		for i := uint64(1); i <= 70; i++ { // the last 20 were never on the disk
			r, ok := c.Next()
			if !ok || r.Pos != i {
				t.Fatalf("%d: %d %v", i, r.Pos, ok)
			}
			if i != 60 {
				c.Ack(i)
			}
		}
		// As after a kill now: nothing wrong, and what was committed and not acked.
		again := mustOpen(t, options(copyOf(t, dir)))
		for _, pos := range drain(t, again) {
			if pos > 80 {
				t.Fatal(pos)
			}
		}
		for r, ok := c.Next(); ok; r, ok = c.Next() {
			c.Ack(r.Pos)
		}
		// A consumer that waits hears of a new one though the disk is still full.
		fill(t, s, 81)
		<-ready
		if r, ok := c.Next(); !ok || r.Pos != 81 {
			t.Fatalf("%d %v", r.Pos, ok)
		}
		b.broken.Store(false)
		testkit.Until(t, "the recovery noticed", func() bool { n, _ := l.of(DiskRecovered); return n == 1 })
		committed(t, s)
		fill(t, s, 90)
		committed(t, s)
		c.Ack(81)
		balanced(t, s)
		if n, _ := l.of(DiskFailed); n != 1 {
			t.Fatal(&l)
		}
		closed(t, s)
		o.Report = func(r Report) { t.Error(r) }
		s = mustOpen(t, o)
		equal(t, "after reopening", drain(t, s), append([]uint64{60}, count(82, 90)...))
	}
}

func TestTheQueueInMemoryIsBounded(t *testing.T) {
	var l log
	var b badDisk
	dir := t.TempDir()
	o := options(dir)
	o.QueueBytes, o.Report = 64<<10, l.add
	s := mustOpenOn(t, o, &b)
	fill(t, s, 10)
	committed(t, s)
	b.broken.Store(true)
	fill(t, s, 5000)
	testkit.Until(t, "the failure noticed", func() bool { n, _ := l.of(DiskFailed); return n == 1 })
	if m := s.Stats().Memory; m > o.QueueBytes+1000 {
		t.Fatalf("%d bytes in memory", m)
	}
	testkit.Until(t, "the overflow reported", func() bool { _, n := l.of(Overflowed); return n == s.Stats().Discarded })
	b.broken.Store(false)
	committed(t, s)
	got := drain(t, s)
	if d := s.Stats().Discarded; d == 0 || uint64(len(got))+d != 5000 {
		t.Fatalf("%d handed out, %d discarded", len(got), d)
	}
	equal(t, "the oldest", got[:10], count(1, 10))
	equal(t, "the newest", got[len(got)-100:], count(4901, 5000))
	closed(t, s)
	o.Report = func(r Report) { t.Error(r) }
	mustOpen(t, o)
}

func TestAFailedSyncIsWrittenAgainElsewhere(t *testing.T) {
	var l log
	var b badDisk
	dir := t.TempDir()
	o := options(dir)
	o.Sync, o.Report = true, l.add
	s := mustOpenOn(t, o, &b)
	fill(t, s, 10)
	committed(t, s)
	b.noSync.Store(true)
	fill(t, s, 20)
	testkit.Until(t, "some attempts", func() bool { return s.Stats().Failures > 3 })
	b.noSync.Store(false)
	committed(t, s)
	if n := len(segmentFiles(t, dir)); n != 2 {
		t.Fatalf("%d segments", n)
	}
	closed(t, s)
	o.Report = func(r Report) { t.Error(r) }
	equal(t, "positions", drain(t, mustOpen(t, o)), count(1, 20))
}

func TestRecordsWrittenTwiceComeOnce(t *testing.T) {
	// As left by a failed fsync and a failed truncation.
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	fill(t, s, 10)
	closed(t, s)
	b := appendSegmentHeader(nil, 8, Numbers{Seq: 70, Serial: 6, PoolSerial: 12}, 0)
	for i := uint64(8); i <= 12; i++ {
		r := sample(i)
		r.Pos = i
		b = appendFrame(b, &r)
	}
	if err := os.WriteFile(inside(dir)+"/"+segmentName(8), b, 0o600); err != nil {
		t.Fatal(err)
	}
	o := options(dir)
	o.Report = func(r Report) { t.Error(r) }
	equal(t, "positions", drain(t, mustOpen(t, o)), count(1, 12))
}

func TestCloseTellsWhatItCouldNotCommit(t *testing.T) {
	var b badDisk
	s := mustOpenOn(t, options(t.TempDir()), &b)
	fill(t, s, 3)
	committed(t, s)
	b.broken.Store(true)
	fill(t, s, 7)
	err := s.Close(context.Background())
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "cannot commit 4 records") {
		t.Fatal(err)
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	hang := make(chan struct{})
	d := realDisk()
	var hanging atomic.Bool
	d.writeAt = func(f *os.File, b []byte, off int64) (int, error) {
		if hanging.Load() {
			<-hang
		}
		return f.WriteAt(b, off)
	}
	s, err := open(options(t.TempDir()), d, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	hanging.Store(true)
	fill(t, s, 3) // Append returns though the disk hangs
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(hang)
	closed(t, s)
}
