package tally

import (
	"testing"

	"github.com/hark-supervisor/hark/eventlistener"
)

func TestEndingsAreToldApartUpToABound(t *testing.T) {
	c := New()
	for status := range 200 {
		c.Ended(eventlistener.Exit{Status: status})
		c.Ended(eventlistener.Exit{Status: status})
	}
	c.Ended(eventlistener.Exit{Signal: 9})
	if len(c.endings) != maxEndings+1 || c.endings["0"] != 2 || c.endings["other"] != 2*(200-maxEndings)+1 {
		t.Errorf("%d: %v", len(c.endings), c.endings)
	}
	c = New()
	c.Ended(eventlistener.Exit{Signal: 9})
	if c.endings["signal 9"] != 1 {
		t.Errorf("%v", c.endings)
	}
}

// As often as a group comes and goes, nothing of it stays behind.
func TestNothingIsKeptOfARemovedGroup(t *testing.T) {
	c := New()
	for range 3 {
		c.Started("a")
		c.Started("b")
		c.Removed("b")
	}
	if _, kept := c.starts["b"]; kept || len(c.starts) != 1 || c.starts["a"] != 3 {
		t.Errorf("kept: %v", c.starts)
	}
	got := c.Read(nil, []string{"a", "b"})
	if len(got.Starts) != 2 || got.Starts["a"] != 3 || got.Starts["b"] != 0 {
		t.Errorf("read: %v", got.Starts)
	}
}
