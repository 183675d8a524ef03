package spool

import (
	"math/rand/v2"
	"testing"
)

func TestAcksAreASet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		a, model := acks{low: 1}, map[uint64]bool{}
		for range 60 {
			first := 1 + rng.Uint64N(60)
			last := first + rng.Uint64N(4)
			a.add(first, last)
			for i := first; i <= last; i++ {
				model[i] = true
			}
			above := a.low
			for _, sp := range a.spans {
				if sp.first <= above || sp.last < sp.first {
					t.Fatalf("spans touch: %+v", a)
				}
				above = sp.last + 1
			}
			from := 1 + rng.Uint64N(60)
			to := from + rng.Uint64N(20)
			want := uint64(0)
			for i := from; i <= to; i++ {
				if !model[i] {
					want++
				}
				if a.has(i) != model[i] {
					t.Fatalf("%d: %v in %+v", i, a.has(i), a)
				}
			}
			if got := a.open(from, to); got != want {
				t.Fatalf("open(%d, %d) is %d, not %d: %+v", from, to, got, want, a)
			}
			n := uint64(0)
			for n+1 < from && model[from-n-1] {
				n++
			}
			if got := a.justBefore(from); got != n {
				t.Fatalf("justBefore(%d) is %d, not %d: %+v", from, got, n, a)
			}
			for i := uint64(1); i < a.low; i++ {
				if !model[i] {
					t.Fatalf("low is %d", a.low)
				}
			}
		}
	}
}
