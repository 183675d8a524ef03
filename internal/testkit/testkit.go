// Package testkit is what tests of several packages need.
package testkit

import (
	"sync/atomic"
	"testing"
	"time"
)

// Patience bounds a failure, never a success.
const Patience = 120 * time.Second

// Until waits until a condition holds; the test fails when it never does.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// Panics returns a function that panics the first n times that it is called.
func Panics(n int32) func() {
	var calls atomic.Int32
	return func() {
		if calls.Add(1) <= n {
			panic("made by the test")
		}
	}
}
