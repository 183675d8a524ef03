package nofile_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/child/nofile"
)

func TestMain(m *testing.M) {
	if os.Getenv("NOFILE_REPORT") != "" {
		var now syscall.Rlimit
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now)
		soft, ok := nofile.Original()
		fmt.Println(soft, ok, uint64(now.Cur) > soft)
		return
	}
	os.Exit(m.Run())
}

func TestTheLimitBeforeGoRaisedItIsRemembered(t *testing.T) {
	if runtime.GOOS != "linux" || (runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64") {
		t.Skip("read on Linux, amd64 and arm64, only")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, soft := range []string{"512", "700"} {
		cmd := exec.Command("/bin/sh", "-c", `ulimit -S -n "$0" && exec "$1"`, soft, self)
		cmd.Env = append(os.Environ(), "NOFILE_REPORT=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if got, want := strings.TrimSpace(string(out)), soft+" true true"; got != want {
			t.Errorf("started with a soft limit of %s: got %q, want %q (limit, known, raised by Go since)", soft, got, want)
		}
	}
}
