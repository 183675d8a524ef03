package turns

import "time"

// Clock is the loop's only source of time, so that a test can set the time.
type Clock interface {
	// Now returns the wall clock's time with a monotonic reading.
	Now() time.Time
	// Alarm returns a channel that gets one value at or soon after t, and a function that stops it.
	// The loop holds at most one at a time.
	Alarm(t time.Time) (<-chan time.Time, func())
}

// System is the Clock of the machine.
type System struct{}

// Now returns time.Now().
func (System) Now() time.Time { return time.Now() }

// Alarm returns a timer's channel.
func (System) Alarm(t time.Time) (<-chan time.Time, func()) {
	timer := time.NewTimer(time.Until(t))
	return timer.C, func() { timer.Stop() }
}

// alarm is the loop's one pending alarm. It is not set again while its time stays the same, as it does in most turns of a busy
// loop.
type alarm struct {
	fires  <-chan time.Time // nil: not set
	at     time.Time
	cancel func()
}

// set sets the alarm for at; zero means never.
func (a *alarm) set(c Clock, at time.Time) {
	if a.fires != nil && a.at.Equal(at) {
		return
	}
	a.off()
	if !at.IsZero() {
		a.at = at
		a.fires, a.cancel = c.Alarm(at)
	}
}

// tooLate reports whether the alarm goes off later than at, or not at all; zero means never.
func (a *alarm) tooLate(at time.Time) bool {
	return !at.IsZero() && (a.fires == nil || at.Before(a.at))
}

func (a *alarm) off() {
	if a.fires != nil {
		a.cancel()
		a.fires = nil
	}
}
