//go:build !linux

package heldtest

import "testing"

// Exchange needs a thread with another user's rights, which only Linux has: the test is skipped.
func Exchange(t *testing.T, _ string, _ int, _ func(path string)) {
	t.Skip("a thread cannot have another user's rights here")
}
