package core

import "time"

// Clock is the loop's only source of time, so that a test may be one.
type Clock interface {
	// Now is the wall clock with a monotonic reading.
	Now() time.Time
	// Alarm gives a channel that fires once at or soon after t, and what stops it.
	// The loop holds at most one at a time.
	Alarm(t time.Time) (<-chan time.Time, func())
}

// SystemClock is the Clock of the machine.
type SystemClock struct{}

// Now gives time.Now.
func (SystemClock) Now() time.Time { return time.Now() }

// Alarm gives a timer's channel.
func (SystemClock) Alarm(t time.Time) (<-chan time.Time, func()) {
	timer := time.NewTimer(time.Until(t))
	return timer.C, func() { timer.Stop() }
}
