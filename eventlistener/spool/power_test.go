package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// witness is what somebody outside has seen of a spool: it outlives every loss of power.
type witness struct {
	numbers   Numbers
	given     map[uint64]string   // what was handed out, by position
	acked     map[uint64]bool     // what the consumer is done with
	committed map[uint64]bool     // what was said to be on disk
	written   map[uint64][]string // all that was ever appended at a position
	appended  int
}

func newWitness() *witness {
	return &witness{numbers: none(), given: map[uint64]string{}, acked: map[uint64]bool{}, committed: map[uint64]bool{}, written: map[uint64][]string{}}
}

// append puts a record into the spool that is like no other.
func (w *witness) append(t testing.TB, s *Spool) (pos uint64) {
	t.Helper()
	last, ok := s.Last()
	if !ok {
		last = Numbers{}
	}
	w.appended++
	r := Record{
		Seq: last.Seq + 1 + uint64(w.appended%3), Serial: last.Serial + 1 + int64(w.appended%2), PoolSerial: last.PoolSerial + 1,
		Time: time.Unix(1700000000, int64(w.appended)), Kind: "TICK_5", Data: fmt.Appendf(nil, "payload %d", w.appended),
	}
	pos, err := s.Append(r)
	if err != nil {
		t.Fatal(err)
	}
	r.Pos = pos
	w.written[pos] = append(w.written[pos], told(r))
	return pos
}

func told(r Record) string {
	return fmt.Sprintf("%d %d %d %d %d %s %s", r.Pos, r.Seq, r.Serial, r.PoolSerial, r.Time.UnixNano(), r.Kind, r.Data)
}

// work appends, takes and acks at random until n things are done or the process is killed.
func (w *witness) work(t testing.TB, s *Spool, p *powerDisk, rng *rand.Rand, n int) {
	t.Helper()
	c := s.Cursor()
	var open []uint64 // appended, not committed
	for range n {
		switch rng.IntN(4) {
		case 0, 1:
			for range 1 + rng.IntN(12) {
				open = append(open, w.append(t, s))
			}
		case 2:
			for range rng.IntN(20) {
				r, ok := c.Next()
				if !ok {
					break
				}
				p.mark(func(w *witness) {
					w.given[r.Pos] = told(r)
					w.numbers.include(r.numbers())
				})
				if rng.IntN(5) > 0 {
					p.mark(func(w *witness) { w.acked[r.Pos] = true })
					c.Ack(r.Pos)
				}
			}
		case 3:
			last, _ := s.Last()
			for s.Committed() < last.Pos && s.Stats().Failures == 0 {
				time.Sleep(50 * time.Microsecond)
			}
			for upTo := s.Committed(); len(open) > 0 && open[0] <= upTo; open = open[1:] {
				pos := open[0]
				p.mark(func(w *witness) { w.committed[pos] = true })
			}
		}
	}
}

// examine looks at everything that a spool has after the power was lost. durable: nothing that was committed may be missing.
func (w *witness) examine(t testing.TB, s *Spool, durable bool, l *log) {
	t.Helper()
	last, ok := s.Last()
	if !ok {
		last = none()
	}
	if n := w.numbers; last.Pos < n.Pos || last.Seq < n.Seq || last.Serial < n.Serial || last.PoolSerial < n.PoolSerial {
		t.Errorf("numbers go on behind %+v where %+v were given\n%s", last, n, l)
	}
	got := map[uint64]bool{}
	c, before := s.Cursor(), uint64(0)
	testkit.Until(t, "everything handed out", func() bool {
		for r, ok := c.Next(); ok; r, ok = c.Next() {
			text := told(r)
			switch given := w.given[r.Pos]; {
			case given != "" && given != text:
				t.Fatalf("%q is handed out where %q was", text, given)
			case !slices.Contains(w.written[r.Pos], text):
				t.Fatalf("%q was never appended", text)
			case r.Pos <= before:
				t.Fatalf("%d after %d", r.Pos, before)
			}
			got[r.Pos], before = true, r.Pos
		}
		return s.Stats().Queued == 0
	})
	c.ReturnAll()
	balanced(t, s)
	if !durable {
		return
	}
	var missing []uint64
	for pos := range w.written {
		if (w.given[pos] != "" || w.committed[pos]) && !got[pos] && !w.acked[pos] {
			missing = append(missing, pos)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		t.Errorf("committed, not acked and gone: %v\n%s", missing, l)
	}
	if st := s.Stats(); st.LostBefore > 0 {
		t.Errorf("%d records are said to be lost\n%s", st.LostBefore, l)
	}
}

func (w *witness) clone() *witness {
	c := *w
	c.given, c.acked, c.committed, c.written = maps.Clone(w.given), maps.Clone(w.acked), maps.Clone(w.committed), maps.Clone(w.written)
	return &c
}

// What spool_sync promises, and what holds without it, wherever the power is lost: in the middle of commits, of recoveries after a kill, of all of them
// once more.
func TestLossOfPower(t *testing.T) {
	for _, durable := range []bool{true, false} {
		t.Run(fmt.Sprintf("Sync=%v", durable), func(t *testing.T) {
			for seed := range soak(10) {
				powerLosses(t, durable, uint64(seed))
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

func powerLosses(t *testing.T, durable bool, seed uint64) {
	rng := rand.New(rand.NewPCG(13, seed))
	w, dir := newWitness(), scratch(t)
	for boot := range byte(4) {
		p := newPowerDisk(t, dir, 1+boot)
		w.live(t, p, dir, durable, rng)
		// Lose the power at several moments, and go on from the last.
		var next string
		var seen *witness
		for range 8 {
			next, seen = scratch(t), w.clone()
			p.image(t, next, rng.IntN(len(p.ops)+1), rng, seen)
			seen.reopen(t, copyOfAll(t, next), durable, [16]byte{99})
		}
		w, dir = seen, next
	}
}

// live has some processes, one after another, use a spool. They are killed or end in order.
func (w *witness) live(t testing.TB, p *powerDisk, dir string, durable bool, rng *rand.Rand) {
	t.Helper()
	o := options(dir)
	o.Sync, o.SegmentBytes = durable, 1024<<rng.IntN(3)
	for range 1 + rng.IntN(3) {
		p.kill(1 + rng.IntN(200))
		s, err := open(o, p.disk(), time.Millisecond)
		if err == nil {
			w.work(t, s, p, rng, 30)
			if rng.IntN(3) == 0 {
				p.spare()
			}
			_ = s.Close(context.Background())
		}
		p.revive()
	}
}

// reopen opens what was left in dir and examines it.
func (w *witness) reopen(t testing.TB, dir string, durable bool, boot [16]byte) {
	t.Helper()
	var l log
	o := options(dir)
	o.Sync, o.Report = durable, l.add
	d := realDisk()
	d.sync, d.boot = func(*os.File) error { return nil }, func() [16]byte { return boot }
	s, err := open(o, d, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	w.examine(t, s, durable, &l)
	closed(t, s)
}

// Whatever happens to the cursor file and to the newest segment at once, no number is given twice; nor when the file of reserved numbers goes with them.
func TestNoNumberIsGivenTwice(t *testing.T) {
	for seed := range soak(60) {
		rng := rand.New(rand.NewPCG(15, uint64(seed)))
		w, dir := newWitness(), scratch(t)
		p := newPowerDisk(t, dir, 1)
		w.live(t, p, dir, false, rng)
		for range 6 {
			left, seen := scratch(t), w.clone()
			p.image(t, left, rng.IntN(len(p.ops)+1), nil, seen)
			if _, err := os.Stat(inside(left)); err != nil {
				continue // it was killed before anything was made
			}
			spoil(t, inside(left)+"/"+cursorName, rng)
			if all := segmentFiles(t, left); len(all) > 0 {
				spoil(t, all[len(all)-1], rng)
			}
			if rng.IntN(4) == 0 {
				spoil(t, inside(left)+"/"+numbersName, rng)
			}
			if anythingLeft(t, left) {
				seen.reopen(t, left, false, p.boot)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// anythingLeft reports whether there is a file that could hold numbers.
func anythingLeft(t testing.TB, dir string) bool {
	t.Helper()
	for _, path := range append(segmentFiles(t, dir), inside(dir)+"/"+cursorName, inside(dir)+"/"+numbersName) {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			return true
		}
	}
	return false
}

// spoil damages a file, if it is there.
func spoil(t testing.TB, path string, rng *rand.Rand) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil || len(b) == 0 {
		return
	}
	switch rng.IntN(4) {
	case 0:
		ok(t, os.Remove(path))
		return
	case 1:
		b = b[:rng.IntN(len(b))]
	case 2:
		from := rng.IntN(len(b))
		clear(b[from : from+1+rng.IntN(len(b)-from)])
	case 3:
		for range 1 + rng.IntN(64) {
			b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
		}
	}
	ok(t, os.WriteFile(path, b, 0o600))
}

// scratch is a directory, in memory where there is such a place: these tests write many files.
func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "spool")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func copyOfAll(t testing.TB, dir string) string {
	t.Helper()
	to := scratch(t)
	ok(t, os.CopyFS(to, os.DirFS(dir)))
	if err := os.Chmod(inside(to), 0o700); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return to
}
