package guard

import (
	"strings"
	"testing"
	"time"
)

func TestPanicsAreLoggedUntilThereAreTooMany(t *testing.T) {
	var lines []string
	tooMany := 0
	g := New(func(text string) { lines = append(lines, text) }, func() { tooMany++ })
	for range Max {
		g.Safely("a test", func() { panic("on purpose") })
	}
	if len(lines) != Max || tooMany != 0 || !strings.HasPrefix(lines[0], "internal error (a test): on purpose; the daemon continues") || !strings.Contains(lines[0], "guard_test.go") {
		t.Errorf("%d lines, too many: %d; %.200s", len(lines), tooMany, lines[0])
	}
	g.Safely("a test", func() { panic("once more") })
	if tooMany != 1 || !strings.Contains(lines[len(lines)-1], "shutting down") || g.Hopeless() {
		t.Errorf("too many: %d; %s", tooMany, lines[len(lines)-1])
	}
	for range Max + 1 {
		g.Safely("a test", func() { panic("in the shutdown") })
	}
	if tooMany != 1 || !g.Hopeless() {
		t.Errorf("too many: %d, hopeless %v", tooMany, g.Hopeless())
	}
}

func TestARefusingSubscriberIsLoggedOnceInAPeriod(t *testing.T) {
	var lines []string
	g := New(func(text string) { lines = append(lines, text) }, func() { t.Error("it ends the daemon") })
	now := time.Now()
	for i := range 100 {
		g.Refused(now.Add(time.Duration(i)*time.Millisecond), "no")
	}
	g.Refused(now.Add(period+time.Second), "no")
	if len(lines) != 2 || !strings.Contains(lines[1], "101 so far") {
		t.Errorf("%q", lines)
	}
}
