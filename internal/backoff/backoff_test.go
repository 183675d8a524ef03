package backoff

import (
	"math"
	"testing"
	"time"
)

func TestAfter(t *testing.T) {
	for _, c := range []struct {
		n                  int
		first, limit, want time.Duration
	}{
		{0, time.Second, time.Minute, time.Second},
		{1, time.Second, time.Minute, time.Second},
		{2, time.Second, time.Minute, 2 * time.Second},
		{6, time.Second, time.Minute, 32 * time.Second},
		{7, time.Second, time.Minute, time.Minute},
		{1 << 30, time.Second, time.Minute, time.Minute},
		{1, time.Hour, time.Minute, time.Minute},
		{2, 0, time.Minute, 0},
		{1 << 30, time.Nanosecond, math.MaxInt64, math.MaxInt64},
	} {
		if got := After(c.n, c.first, c.limit); got != c.want {
			t.Errorf("after %d failures, from %v up to %v: %v, want %v", c.n, c.first, c.limit, got, c.want)
		}
	}
}
