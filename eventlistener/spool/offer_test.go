package spool

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestWhatIsOfferedTakesNobodysPlace(t *testing.T) {
	var l log
	o := options(t.TempDir())
	o.MaxBytes, o.SegmentBytes, o.Report = 16<<10, 4<<10, l.add
	s := mustOpen(t, o)
	c := s.Cursor()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	accepted, handed, refused := uint64(0), uint64(0), 0
	for range 800 {
		two := []Record{sample(accepted + 1), sample(accepted + 2)}
		some := two[:1+random.IntN(2)]
		err := s.Offer(some...)
		switch {
		case err == nil:
			accepted += uint64(len(some))
			if last, _ := s.Last(); last.Pos != accepted {
				t.Fatalf("position %d of the %dth", last.Pos, accepted)
			}
		case errors.Is(err, ErrNoRoom):
			refused++
			for range random.IntN(20) {
				r, ok := c.Next()
				if !ok {
					break
				}
				if handed++; r.Pos != handed {
					t.Fatalf("%d handed out, it is %d", handed, r.Pos)
				}
				c.Ack(r.Pos)
			}
			committed(t, s)
		default:
			t.Fatal(err)
		}
	}
	if refused == 0 || accepted < 100 {
		t.Fatalf("%d accepted, %d refused", accepted, refused)
	}
	rest := drain(t, s)
	if n := handed + uint64(len(rest)); n != accepted || s.Stats().Discarded != 0 {
		t.Errorf("%d of %d came out, %d discarded", n, accepted, s.Stats().Discarded)
	}
	if err := s.Offer(sample(accepted+1), Record{Kind: "TICK_5", Data: make([]byte, 9000)}); s.Stats().Appended != accepted || !errors.Is(err, ErrTooLarge) {
		t.Errorf("a record that never fits: %v", err)
	}
}

func TestADiskThatFailsIsOfferedNothing(t *testing.T) {
	var l log
	var b badDisk
	o := options(t.TempDir())
	o.Report = l.add
	s := mustOpenOn(t, o, &b)
	fill(t, s, 1)
	if err := s.Settle(t.Context()); err != nil || s.Committed() != 1 {
		t.Fatalf("committed %d: %v", s.Committed(), err)
	}
	b.broken.Store(true)
	fill(t, s, 2)
	testkit.Until(t, "the failure noticed", func() bool { n, _ := l.of(DiskFailed); return n == 1 })
	if err := s.Offer(Record{Kind: "TICK_5"}); !errors.Is(err, ErrNoRoom) {
		t.Errorf("offered: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Settle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it settles: %v", err)
	}
	b.broken.Store(false)
	if err := s.Settle(t.Context()); err != nil || s.Committed() != 2 {
		t.Errorf("committed %d: %v", s.Committed(), err)
	}
}
