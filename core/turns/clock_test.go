package turns

import (
	"testing"
	"time"
)

func TestTheAlarmIsSetAnewOnlyForAnotherMoment(t *testing.T) {
	c := &countingClock{}
	var a alarm
	at := time.Now().Add(time.Hour)
	a.set(c, at)
	a.set(c, at)
	if c.set != 1 || a.fires == nil {
		t.Errorf("set %d times", c.set)
	}
	a.set(c, at.Add(time.Second))
	a.set(c, time.Time{})
	if c.set != 2 || c.cancelled != 2 || a.fires != nil {
		t.Errorf("set %d times, cancelled %d", c.set, c.cancelled)
	}
}

type countingClock struct{ set, cancelled int }

func (c *countingClock) Now() time.Time { return time.Now() }

func (c *countingClock) Alarm(time.Time) (<-chan time.Time, func()) {
	c.set++
	return make(chan time.Time), func() { c.cancelled++ }
}
