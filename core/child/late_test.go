package child

import (
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// laggard is a spawn whose preparation hangs until release.
type laggard struct {
	entered, release, late, unprepared chan struct{}
}

func newLaggard() *laggard {
	return &laggard{make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

func (h *laggard) change(r *Request) {
	r.Prepare = func() (int, error) {
		close(h.entered)
		<-h.release
		return -1, nil
	}
	r.Late = func() { close(h.late) }
	r.Unprepare = func() { close(h.unprepared) }
}

func hasty(t *testing.T) *System {
	t.Helper()
	s := newSystem(t, Options{})
	s.spawner.guard.limit = 20 * time.Millisecond
	return s
}

func TestAPreparationThatHangsHoldsUpNoOtherStart(t *testing.T) {
	s := hasty(t)
	before := openFiles(t)
	var all []*laggard
	var later []*started
	for range 3 {
		h := newLaggard()
		st, done := submit(t, s, []string{"/bin/echo", "late"}, h.change)
		all, later = append(all, h), append(later, st)
		<-h.entered
		<-h.late
		if other := sh(t, s, "echo x; exit 3"); other.code() != 3 || other.atExit != "x\n" {
			t.Errorf("another: %q", other.atExit)
		}
		select {
		case <-done:
			t.Error("it was started or failed")
		default:
		}
	}
	for i := len(all) - 1; i >= 0; i-- { // in another order than they came
		close(all[i].release)
		if later[i].code() != 0 || later[i].atExit != "late\n" {
			t.Errorf("the one that hung: %q", later[i].atExit)
		}
	}
	for _, st := range later {
		st.out.awaitClosed(t)
		st.err.awaitClosed(t)
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestAStartWhosePreparationHangsCanBeTakenBack(t *testing.T) {
	for _, when := range []string{"before it is late", "after it is late"} {
		t.Run(when, func(t *testing.T) {
			s := hasty(t)
			before := openFiles(t)
			h := newLaggard()
			st, sp, done := queue(t, s, []string{"/bin/true"}, h.change)
			<-h.entered
			if when == "after it is late" {
				<-h.late
			}
			if !sp.Cancel() {
				t.Error("it could not be taken back")
			}
			<-done // although the preparation hangs
			if st.failed == nil || !st.failed.Preparing() || s.Waiting() != 0 {
				t.Errorf("failed with %+v, %d waiting", st.failed, s.Waiting())
			}
			if sp.Cancel() {
				t.Error("it could be taken back twice")
			}
			if other := sh(t, s, "exit 3"); other.code() != 3 {
				t.Error("another went wrong")
			}
			close(h.release)
			<-h.unprepared
			testkit.Until(t, "all is closed", func() bool { return openFiles(t) == before })
		})
	}
}

func TestCloseDoesNotWaitForAPreparationThatHangs(t *testing.T) {
	s := hasty(t)
	h, second := newLaggard(), newLaggard()
	st, _, done := queue(t, s, []string{"/bin/true"}, h.change)
	<-h.late
	other, _, otherDone := queue(t, s, []string{"/bin/true"}, second.change)
	<-second.entered
	s.Close()
	<-done
	<-otherDone
	if st.failed == nil || !st.failed.Preparing() || other.failed == nil || !other.failed.Preparing() {
		t.Errorf("failed with %+v and %+v", st.failed, other.failed)
	}
	close(h.release)
	close(second.release)
	<-h.unprepared
	<-second.unprepared
}
