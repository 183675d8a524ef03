package spool

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Random work and restarts beside a model of what must be there.
func TestRandomWorkAgainstAModel(t *testing.T) {
	for seed := range soak(6) {
		rng := rand.New(rand.NewPCG(11, uint64(seed)))
		dir := t.TempDir()
		o := options(dir)
		o.SegmentBytes = 1024 << rng.IntN(6)
		o.Report = func(r Report) { t.Errorf("seed %d: %s", seed, r) }
		s := mustOpen(t, o)
		open := map[uint64]bool{} // appended, not acked
		var out []uint64
		for range 400 {
			c := s.Cursor()
			switch k := rng.IntN(100); {
			case k < 40:
				n, _ := s.Last()
				last := n.Pos + 1 + rng.Uint64N(30)
				fill(t, s, last)
				for i := n.Pos + 1; i <= last; i++ {
					open[i] = true
				}
			case k < 65:
				for range rng.IntN(40) {
					r, ok := c.Next()
					if !ok {
						break
					}
					if err := wrong(r); err != nil || !open[r.Pos] || slices.Contains(out, r.Pos) {
						t.Fatalf("seed %d: %d: %v", seed, r.Pos, err)
					}
					out = append(out, r.Pos)
				}
			case k < 90:
				rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
				for range rng.IntN(len(out) + 1) {
					pos := out[len(out)-1]
					out = out[:len(out)-1]
					if rng.IntN(5) == 0 {
						c.Return(pos)
						continue
					}
					c.Ack(pos)
					delete(open, pos)
				}
			case k < 92:
				c.ReturnAll()
				out = out[:0]
			default:
				closed(t, s)
				s = mustOpen(t, o)
				out = out[:0]
			}
			st := s.Stats()
			if st.Queued+st.InFlight != uint64(len(open)) || st.InFlight != uint64(len(out)) {
				t.Fatalf("seed %d: %+v, want %d open, %d in flight", seed, st, len(open), len(out))
			}
			waiting := int64(0)
			for pos := range open {
				if r := sample(pos); !slices.Contains(out, pos) {
					waiting += frameLen(&r)
				}
			}
			if st.Waiting != waiting {
				t.Fatalf("seed %d: %d bytes are said to wait, not %d", seed, st.Waiting, waiting)
			}
			balanced(t, s)
		}
		s.Cursor().ReturnAll()
		equal(t, "the rest", drain(t, s), slices.Sorted(maps.Keys(open)))
		closed(t, s)
	}
}
