package plugintest

import (
	"os/exec"
	"testing"
)

// Build builds all testplugins and returns their directory. Call it before there is a child.System, whose reaper takes
// every child's status.
func Build(t testing.TB) string {
	t.Helper()
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", bin, "github.com/hark-supervisor/hark/testplugins/...").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}
