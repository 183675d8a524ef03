package losses

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A flood of losses is announced at once, and then once a second, with all that came since.
func TestLossesAreAnnouncedOnceASecond(t *testing.T) {
	var l Ledger
	now := time.Now()
	var said []string
	announce := func(at time.Duration) {
		l.Announce(now.Add(at), func(subscriber string, n int64) { said = append(said, fmt.Sprint(subscriber, n)) })
	}
	say := func(n int64) { said = append(said, fmt.Sprint("line ", n)) }
	l.Note(now, "a", 1, say)
	l.Note(now, "a", 2, nil)
	l.Note(now, "b", 1, nil)
	announce(0)
	l.Note(now, "a", 5, say)
	announce(every / 2)
	if at, wanted := l.Next(); !wanted || !at.Equal(now.Add(every)) {
		t.Errorf("next at %v, %v", at.Sub(now), wanted)
	}
	l.Note(now, "a", 1, nil)
	announce(every)
	announce(2 * every)
	if want := []string{"line 3", "a3", "b1", "line 6", "a6"}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
	if _, wanted := l.Next(); wanted {
		t.Error("nothing is left to be announced")
	}
}

// What is lost while losses are announced is not lost track of.
func TestALossThatAnAnnouncementBringsIsKept(t *testing.T) {
	var l Ledger
	now := time.Now()
	l.Note(now, "a", 1, nil)
	l.Announce(now, func(string, int64) { l.Note(now, "a", 7, nil) })
	got := int64(0)
	l.Announce(now.Add(every), func(_ string, n int64) { got = n })
	if got != 7 {
		t.Errorf("%d", got)
	}
	// Of one whose own announcement is still to come.
	var both Ledger
	both.Note(now, "a", 1, nil)
	both.Note(now, "b", 1, nil)
	counts := map[string]int64{}
	both.Announce(now, func(subscriber string, n int64) {
		if subscriber == "a" {
			both.Note(now, "b", 5, nil)
		}
		counts[subscriber] += n
	})
	both.Announce(now.Add(every), func(subscriber string, n int64) { counts[subscriber] += n })
	if counts["a"] != 1 || counts["b"] != 6 {
		t.Errorf("%v", counts)
	}
}

func TestLossesElsewhereAreOneMessage(t *testing.T) {
	var e Elsewhere
	asked := 0
	ask := func() bool { asked++; return true }
	if e.Note("a", 1, func() bool { return false }) {
		t.Error("noted though nobody takes it")
	}
	e.Note("a", 1, ask)
	e.Note("a", 2, ask)
	e.Note("b", 1, ask)
	if got := e.Take(); asked != 1 || got["a"] != 3 || got["b"] != 1 || len(e.Take()) > 0 {
		t.Errorf("asked %d times, %v", asked, got)
	}
}
