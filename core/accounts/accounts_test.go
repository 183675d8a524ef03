package accounts

import (
	"errors"
	"os"
	"strings"
	"syscall"
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

// Before there is a reaper and after, getent answers alike.
func TestGetent(t *testing.T) {
	system, err := child.New(child.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer system.Close()
	check(t, "with a reaper", system)
}

func TestGetentAlone(t *testing.T) { check(t, "alone", nil) }

func check(t *testing.T, name string, by *child.System) {
	t.Helper()
	if _, err := lookPath("getent"); err != nil {
		t.Skip("there is no getent")
	}
	if out, err := Getent(by, []string{"getent", "passwd", "root"}); err != nil || !strings.HasPrefix(string(out), "root:") {
		t.Errorf("%s: %q, %v", name, out, err)
	}
	if _, err := Getent(by, []string{"getent", "passwd", "nobody-of-this-name"}); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("%s: an account that is not there: %v", name, err)
	}
	if _, err := Getent(by, []string{"no-such-command"}); err == nil {
		t.Errorf("%s: a command that is not there answers", name)
	}
}
