package rpc

import (
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// Where somebody has left a gap, the number of a descriptor does not say how many are in use, and they are counted.
func TestGaugeCountsWhatIsOpen(t *testing.T) {
	now, counts, open := time.Duration(1), 0, 200
	g := gauge{now: func() time.Duration { return now }, count: func() (int, bool) { counts++; return open, true }}
	for _, step := range []struct {
		name                     string
		later                    time.Duration
		descriptor, connections  int
		open, wantUse, wantCount int
	}{
		{"first", 0, 20, 9, 200, 200, 1},
		{"soon after, one more connection", 1, 21, 10, 500, 201, 1},
		{"later", lookAgain, 21, 10, 240, 240, 2},
		{"a number above all that was counted", 1, 300, 10, 0, 301, 2},
	} {
		now += step.later
		open = step.open
		if got := g.inUse(step.descriptor, step.connections); got != step.wantUse || counts != step.wantCount {
			t.Errorf("%s: %d are in use, counted %d times", step.name, got, counts)
		}
	}
	g.stale()
	if g.inUse(0, 0); counts != 3 {
		t.Error("what was counted is believed although it is stale")
	}
}

func TestGaugeCountsRarelyWhatTakesLong(t *testing.T) {
	now, counts := time.Duration(1), 0
	g := gauge{now: func() time.Duration { return now }, count: func() (int, bool) { counts++; now += time.Millisecond; return 10, true }}
	for range 1000 {
		g.inUse(1, 1)
		now += time.Millisecond
	}
	if counts < 5 || counts > 12 {
		t.Errorf("counted %d times a millisecond in a second", counts)
	}
}

func TestGaugeWithoutACountBelievesTheNumber(t *testing.T) {
	counts := 0
	g := gauge{now: func() time.Duration { return 1 }, count: func() (int, bool) { counts++; return 0, false }}
	for range 3 {
		if got := g.inUse(30, 5); got != 31 {
			t.Errorf("%d in use", got)
		}
	}
	if counts != 1 {
		t.Errorf("tried %d times", counts)
	}
}

func TestOpenFilesAreCounted(t *testing.T) {
	before, known := openFiles()
	if !known {
		if runtime.GOOS == "linux" {
			t.Error("they cannot be counted")
		}
		return
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if after, _ := openFiles(); after < before+1 { // others may have closed some meanwhile
		t.Errorf("%d before, %d with two more", before, after)
	}
}

// Others who need descriptors get those of the connections that have shown least; until they have taken them nobody gets a place, and the owner's that are
// idle stay.
func TestMakeRoomTakesFromWhoHasShownLeast(t *testing.T) {
	h := guarded(t, patient(20), nil)
	request := post(callXML(t, "supervisor.getState"), basic("owner", "o"))
	kept := dialTCP(t, h)
	exchange(t, kept, request)
	for range 9 {
		dialTCP(t, h)
	}
	testkit.Until(t, "they are there", func() bool { return h.places.count(fresh) == 9 && h.places.count(idle) == 1 })
	testkit.Until(t, "the daemon waits for their word", func() bool {
		h.places.mu.Lock()
		defer h.places.mu.Unlock()
		return !slices.ContainsFunc(keys(h.places.conns), func(c *conn) bool { return c.unheard.Load() || c.knock.busy() })
	})
	release := h.MakeRoom(4)
	if n := h.places.open(); n != 6 {
		t.Errorf("%d are left", n)
	}
	h.MakeRoom(100)()
	if n := h.places.open(); n != 1 {
		t.Errorf("%d are left, not the owner's", n)
	}
	c := dialTCP(t, h)
	_, _ = io.WriteString(c, request)
	if n := h.places.open(); n != 1 {
		t.Errorf("%d connections while the descriptors are taken", n)
	}
	release()
	release() // once is enough
	if resp, _ := exchange(t, c, ""); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if resp, _ := exchange(t, kept, request); resp.StatusCode != 200 {
		t.Errorf("the connection that was kept: %d", resp.StatusCode)
	}
}

// Who has asked for room and hangs keeps nobody out.
func TestMakeRoomIsForAMoment(t *testing.T) {
	h := guarded(t, patient(20), nil)
	h.MakeRoom(1)
	if resp, _ := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
}
