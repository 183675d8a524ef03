package build

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Companion finds another program of Hark by its name: next to this one, else in PATH.
func Companion(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path, nil
		}
	}
	return exec.LookPath(name)
}
