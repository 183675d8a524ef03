package relisten

import (
	"slices"
	"testing"
	"time"
)

// The first restart of a row has no pause, the next ones 1, 2, 3 … seconds, up to a bound; a quiet minute ends the row.
func TestRestartsInARowHaveLongerPauses(t *testing.T) {
	p, now := New[string](), time.Now()
	var row Row
	for n, want := range []time.Duration{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10} {
		p.Want("l", n%2 == 0)
		if w := p.Wanted(); len(w) != 1 || w[0].Listener != "l" || w[0].Blame != (n%2 == 0) || len(p.Wanted()) > 0 {
			t.Fatalf("wanted %v", w)
		}
		p.Stopping("l")
		if _, wanted := p.Next(now); wanted {
			t.Error("it is to be started before it has stopped")
		}
		p.Stopped("l", &row, now)
		at, _ := p.Next(now)
		if got := at.Sub(now); got != want*time.Second {
			t.Errorf("pause %d is %v", n, got)
		}
		if len(p.Due(at.Add(-1))) > 0 {
			t.Error("it is due too soon")
		}
		if due := p.Due(at); !slices.Equal(due, []string{"l"}) || len(p.Due(at)) > 0 {
			t.Errorf("due: %v", due)
		}
		now = at
	}
	p.Stopping("l")
	p.Stopped("l", &row, now.Add(rowEnds+time.Second))
	if at, _ := p.Next(now); !at.Equal(now.Add(rowEnds + time.Second)) {
		t.Errorf("the row has not ended: %v", at.Sub(now))
	}
}

func TestAStartThatIsForgottenDoesNotCome(t *testing.T) {
	p, now := New[string](), time.Now()
	p.Stopping("l")
	if !p.Forget("l") || p.Forget("l") {
		t.Error("it is forgotten once")
	}
	p.Stopped("l", &Row{}, now)
	if due := p.Due(now.Add(time.Hour)); len(due) > 0 {
		t.Errorf("due: %v", due)
	}
}
