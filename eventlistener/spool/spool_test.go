package spool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestRecordsComeOutAsTheyWentIn(t *testing.T) {
	s := mustOpen(t, options(t.TempDir()))
	fill(t, s, 500)
	equal(t, "positions", drain(t, s), count(1, 500))
	if _, ok := s.Cursor().Next(); ok {
		t.Fatal("something out of nothing")
	}
}

func TestWhatIsNotAckedComesAgainAfterReopening(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	fill(t, s, 10)
	committed(t, s)
	c := s.Cursor()
	for range 8 {
		if _, ok := c.Next(); !ok {
			t.Fatal("nothing")
		}
	}
	for _, pos := range []uint64{7, 1, 2, 4, 5} {
		if !c.Ack(pos) {
			t.Fatalf("cannot ack %d", pos)
		}
	}
	if c.Ack(4) || c.Ack(9) || c.Ack(99) || c.Return(4) {
		t.Fatal("acked what is not in flight")
	}
	closed(t, s)
	s = mustOpen(t, options(dir))
	equal(t, "recovered", s.Stats().Recovered, 5)
	equal(t, "positions", drain(t, s), []uint64{3, 6, 8, 9, 10})
}

func TestReturnedRecordsComeBeforeLaterOnesInOrder(t *testing.T) {
	s := mustOpen(t, options(t.TempDir()))
	fill(t, s, 6)
	committed(t, s)
	c := s.Cursor()
	for range 4 {
		c.Next()
	}
	c.Return(3)
	c.Return(1)
	if r, ok := c.Peek(); !ok || r.Pos != 1 {
		t.Fatalf("peeked %d", r.Pos)
	}
	c.Next()
	c.ReturnAll()
	equal(t, "positions", drain(t, s), count(1, 6))
	equal(t, "returned", s.Stats().Returned, 5)
}

func TestNumbersContinueAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	if _, ok := s.Last(); ok {
		t.Fatal("a fresh spool has a last record")
	}
	want := Numbers{Pos: 3, Seq: 30, Serial: 2, PoolSerial: 8}
	fill(t, s, 3)
	drain(t, s)
	closed(t, s)
	for _, lost := range []string{"nothing", "cursor"} {
		if lost == "cursor" {
			if err := os.Remove(filepath.Join(inside(dir), lost)); err != nil {
				t.Fatal(err)
			}
		}
		s = mustOpen(t, options(dir))
		if n, ok := s.Last(); !ok || n != want {
			t.Fatalf("%s lost: %+v", lost, n)
		}
		closed(t, s)
	}
}

func TestASpoolIsOpenOnce(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	if _, err := Open(options(dir)); !errors.Is(err, ErrLocked) {
		t.Fatalf("got %v", err)
	}
	closed(t, s)
	mustOpen(t, options(dir))
}

func TestTheOldestAreDiscardedBeyondMaxBytes(t *testing.T) {
	var l log
	o := options(t.TempDir())
	o.MaxBytes, o.SegmentBytes, o.Report = 16<<10, 4<<10, l.add
	s := mustOpen(t, o)
	for i := range uint64(100) {
		fill(t, s, 20*(i+1))
		committed(t, s)
		if b := s.Stats().Bytes; b > o.MaxBytes {
			t.Fatalf("%d bytes", b)
		}
	}
	st := s.Stats()
	got := drain(t, s)
	if st.Discarded == 0 || uint64(len(got))+st.Discarded != 2000 {
		t.Fatalf("%d handed out, %d discarded", len(got), st.Discarded)
	}
	equal(t, "positions", got, count(st.Discarded+1, 2000))
	testkit.Until(t, "all of it reported", func() bool { _, n := l.of(Discarded); return n == st.Discarded })
}

func TestWhatTheConsumerHasSurvivesDiscarding(t *testing.T) {
	o := options(t.TempDir())
	o.MaxBytes, o.SegmentBytes = 16<<10, 4<<10
	s := mustOpen(t, o)
	fill(t, s, 5)
	committed(t, s)
	c := s.Cursor()
	c.Next()
	c.Next()
	for i := range uint64(100) {
		fill(t, s, 20*(i+1))
		committed(t, s)
	}
	c.Return(2)
	if !c.Ack(1) {
		t.Fatal("cannot ack")
	}
	got := drain(t, s)
	equal(t, "first", got[0], 2)
	equal(t, "total", uint64(len(got))+1+s.Stats().Discarded, 2000)
}

func TestABacklogOnDiskIsReadInOrder(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.SegmentBytes = 256 << 10
	s := mustOpen(t, o)
	const n = 30000 // several times what is kept in memory
	for i := uint64(1000); i <= n; i += 1000 {
		fill(t, s, i)
		committed(t, s)
	}
	if len(segmentFiles(t, dir)) < 4 {
		t.Fatal("too few segments for this test")
	}
	c := s.Cursor()
	var held Record
	testkit.Until(t, "half of them", func() bool {
		for {
			r, ok := c.Next()
			if !ok {
				return false
			}
			if err := wrong(r); err != nil {
				t.Fatal(err)
			}
			if held.Pos == 0 {
				held = r
				continue
			}
			c.Ack(r.Pos)
			if r.Pos == n/2 {
				return true
			}
		}
	})
	closed(t, s)
	s = mustOpen(t, o)
	equal(t, "positions", drain(t, s), append([]uint64{1}, count(n/2+1, n)...))
	testkit.Until(t, "segments removed", func() bool { return len(segmentFiles(t, dir)) == 1 })
}

func TestOneRecordHeldDoesNotKeepWhatFollows(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.SegmentBytes = 4 << 10
	s := mustOpen(t, o)
	fill(t, s, 1)
	committed(t, s)
	held, _ := s.Cursor().Next()
	fill(t, s, 1000)
	equal(t, "positions", drain(t, s), count(2, 1000))
	testkit.Until(t, "segments removed", func() bool { return len(segmentFiles(t, dir)) <= 2 })
	closed(t, s)
	s = mustOpen(t, o)
	equal(t, "positions", drain(t, s), []uint64{held.Pos})
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for name, o := range map[string]Options{
		"no name":            {Dir: dir},
		"no directory":       {Name: "x"},
		"negative bound":     {Dir: dir, Name: "x", MaxBytes: -1},
		"tiny bound":         {Dir: dir, Name: "x", MaxBytes: 10},
		"missing directory":  {Dir: filepath.Join(dir, "none"), Name: "x"},
		"a file for Dir":     {Dir: "/etc/passwd", Name: "x"},
		"negative interval":  {Dir: dir, Name: "x", CommitEvery: -1},
		"an overlong name":   {Dir: dir, Name: strings.Repeat("x", 300)},
		"a negative segment": {Dir: dir, Name: "x", SegmentBytes: -5},
	} {
		if _, err := Open(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	o := options(dir)
	o.MaxBytes = 4096
	s := mustOpen(t, o)
	for name, r := range map[string]Record{
		"data": {Data: make([]byte, 4096)},
		"kind": {Kind: strings.Repeat("x", 1<<16)},
	} {
		if _, err := s.Append(r); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	equal(t, "refused", s.Stats().Refused, 2)
	closed(t, s)
	if _, err := s.Append(Record{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, ok := s.Cursor().Next(); ok || s.Cursor().Ack(1) || s.Cursor().Return(1) {
		t.Error("a closed spool hands out")
	}
}

func TestExtremeRecords(t *testing.T) {
	dir := t.TempDir()
	records := []Record{
		{},
		{Seq: 1<<64 - 1, Serial: -1 << 63, PoolSerial: 1<<63 - 1},
		{Kind: strings.Repeat("k", 65535), Data: make([]byte, 3<<20)},
		{Time: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC)},
		{Time: time.Date(-5, 1, 1, 0, 0, 0, 1, time.UTC), Data: []byte{0}},
	}
	s := mustOpen(t, options(dir))
	for _, r := range records {
		if _, err := s.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	s = mustOpen(t, options(dir))
	for _, want := range records {
		var r Record
		testkit.Until(t, "a record", func() (ok bool) { r, ok = s.Cursor().Next(); return ok })
		if !r.Time.Equal(want.Time) || r.Time.IsZero() != want.Time.IsZero() || string(r.Data) != string(want.Data) || r.Kind != want.Kind ||
			r.Seq != want.Seq || r.Serial != want.Serial || r.PoolSerial != want.PoolSerial {
			t.Fatalf("%d differs", r.Pos)
		}
	}
}

func TestReadyIsCalledWhenThereIsSomethingAgain(t *testing.T) {
	ready := make(chan struct{}, 100)
	o := options(t.TempDir())
	o.Ready = func() { ready <- struct{}{} }
	s := mustOpen(t, o)
	c := s.Cursor()
	for i := range uint64(200) {
		if _, ok := c.Next(); ok {
			t.Fatal("something out of nothing")
		}
		fill(t, s, i+1)
		<-ready
		r, ok := c.Next()
		if !ok || r.Pos != i+1 || s.Committed() < r.Pos {
			t.Fatalf("%d: %d %v, committed %d", i, r.Pos, ok, s.Committed())
		}
		c.Ack(r.Pos)
	}
}

func TestModes(t *testing.T) {
	dir := t.TempDir()
	o := options(dir)
	o.Name = "../a b/ü"
	s := mustOpen(t, o)
	fill(t, s, 1)
	committed(t, s)
	all, err := os.ReadDir(dir)
	if err != nil || len(all) != 1 || all[0].Name() != "..%2Fa%20b%2F%C3%BC.spool" {
		t.Fatal(all, err)
	}
	err = filepath.Walk(filepath.Join(dir, all[0].Name()), func(path string, info os.FileInfo, err error) error {
		if info.IsDir() && info.Mode().Perm() != 0o700 || !info.IsDir() && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestManyProducersAndConsumersAtOnce(t *testing.T) {
	for _, fsync := range []bool{false, true} {
		o := options(t.TempDir())
		o.SegmentBytes, o.Sync = 64<<10, fsync
		s := mustOpen(t, o)
		const producers, each = 4, 1000
		var producing, consuming sync.WaitGroup
		for range producers {
			producing.Go(func() {
				for range each {
					if _, err := s.Append(Record{Kind: "X", Data: []byte("some payload")}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		var mu sync.Mutex
		seen := map[uint64]bool{}
		stop := make(chan struct{})
		for worker := range 3 {
			consuming.Go(func() {
				c := s.Cursor()
				for n := 0; ; n++ {
					r, ok := c.Next()
					switch {
					case !ok:
						select {
						case <-stop:
							return
						default:
							s.Stats()
							time.Sleep(time.Millisecond)
						}
					case n%7 == worker:
						c.Return(r.Pos)
					default:
						mu.Lock()
						if seen[r.Pos] {
							t.Errorf("%d twice", r.Pos)
						}
						seen[r.Pos] = true
						mu.Unlock()
						c.Ack(r.Pos)
					}
				}
			})
		}
		producing.Wait()
		testkit.Until(t, "all acked", func() bool { return s.Stats().Acked == producers*each })
		close(stop)
		consuming.Wait()
		balanced(t, s)
		closed(t, s)
	}
}

func TestCloseDuringAppends(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, options(dir))
	var wg sync.WaitGroup
	var accepted uint64
	wg.Go(func() {
		for i := uint64(1); ; i++ {
			if _, err := s.Append(sample(i)); err != nil {
				if !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
				return
			}
			accepted = i
		}
	})
	testkit.Until(t, "some", func() bool { return s.Committed() > 100 })
	ctx := context.Background()
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if err := s.Close(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	wg.Wait()
	dropped := s.Stats().Discarded // the loop above is faster than any disk
	s = mustOpen(t, options(dir))
	equal(t, "there", uint64(len(drain(t, s)))+dropped, accepted)
}
