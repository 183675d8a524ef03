//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

func TestMain(m *testing.M) {
	if what := os.Getenv(talkVariable); what != "" {
		talk(what)
		return
	}
	os.Exit(run(m))
}

// run builds supervisord and the plugins beside it.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "hark-integration")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)                      //nolint:errcheck // a temporary directory
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // the plugins are trusted where others may look at them
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	build := exec.Command("go", "build", "-o", dir, "../../../cmd/supervisord", "../../../cmd/supervisor-plugins")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build supervisord: %v\n%s", err, out)
		return 1
	}
	if err := os.Setenv(daemontest.Variable, filepath.Join(dir, "supervisord")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}
