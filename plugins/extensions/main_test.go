package extensions

import (
	"os"
	"testing"

	"github.com/hark-supervisor/hark/core/child"
)

// TestMain lets the test binary be the helper that sets a child's umask.
func TestMain(m *testing.M) {
	if child.UmaskVerb(os.Args) {
		return
	}
	os.Exit(m.Run())
}
