package lines

import (
	"fmt"
	"testing"
	"time"
)

func TestLinesOfAChunkHaveTimesThatRise(t *testing.T) {
	for _, tick := range []time.Duration{time.Nanosecond, time.Microsecond} {
		c := NewClock(tick)
		line := Line{Group: "web", Process: "web", Channel: "stdout", Time: start().Add(300 * time.Nanosecond)}
		var last time.Time
		for i := range 20000 {
			got := c.Of(&line)
			if i == 0 && !got.Equal(line.Time.Truncate(tick)) || i > 0 && got.Sub(last) != tick {
				t.Fatalf("line %d is of %v, the one before of %v", i, got, last)
			}
			last = got
		}
		other := line
		other.Channel = "stderr"
		if got := c.Of(&other); !got.Equal(line.Time.Truncate(tick)) {
			t.Errorf("another channel begins at %v", got)
		}
		line.Time = last.Add(time.Second)
		if got := c.Of(&line); !got.Equal(line.Time.Truncate(tick)) {
			t.Errorf("a later chunk is of %v, want its own time", got)
		}
	}
}

func TestAClockForgets(t *testing.T) {
	c := NewClock(1)
	for i := range 3 * maxClocks {
		c.Of(&Line{Process: fmt.Sprint(i), Time: start()})
	}
	if len(c.last) > maxClocks {
		t.Errorf("%d channels are remembered", len(c.last))
	}
}
