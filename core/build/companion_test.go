package build

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCompanion: a program next to this one is found before one in PATH, and a directory is not a program.
func TestCompanion(t *testing.T) {
	const name = "hark-companion-of-a-test"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	beside, inPath := filepath.Join(filepath.Dir(self), name), filepath.Join(t.TempDir(), name)
	t.Setenv("PATH", filepath.Dir(inPath))
	if got, err := Companion(name); err == nil {
		t.Errorf("found %s", got)
	}
	if err := os.WriteFile(inPath, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // it is to be found as a program
		t.Fatal(err)
	}
	if err := os.Mkdir(beside, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(beside) })
	if got, err := Companion(name); got != inPath || err != nil {
		t.Errorf("in PATH: %s, %v", got, err)
	}
	if err := os.Remove(beside); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(beside, []byte("#!/bin/sh\n"), 0o700); err != nil { //nolint:gosec // as above
		t.Fatal(err)
	}
	if got, err := Companion(name); got != beside || err != nil {
		t.Errorf("next to this one: %s, %v", got, err)
	}
}
