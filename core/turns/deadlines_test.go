package turns

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestDeadlinesComeInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	begin := time.Now()
	var d Deadlines[int]
	entries := make([]Entry[int], 100)
	want := map[int]time.Time{}
	for range 1000 {
		i := r.IntN(len(entries))
		at, wanted := begin.Add(time.Duration(r.IntN(1000))*time.Second), r.IntN(3) > 0
		entries[i].Of = i
		d.Set(&entries[i], at, wanted)
		if delete(want, i); wanted {
			want[i] = at
		}
		if d.Len() != len(want) {
			t.Fatalf("%d, want %d", d.Len(), len(want))
		}
	}
	var last time.Time
	for d.Len() > 0 {
		at, _ := d.Next(begin)
		if d.Due(at.Add(-1)) != nil {
			t.Error("one is due before its time")
		}
		e := d.Due(at)
		if e == nil || !want[e.Of].Equal(at) || at.Before(last) {
			t.Fatalf("%+v at %v, after %v", e, at, last)
		}
		last = at
		d.Forget(e)
		d.Forget(e) // again does nothing
		delete(want, e.Of)
	}
	if _, any := d.Next(begin); any || len(want) > 0 {
		t.Errorf("left: %v", want)
	}
}
