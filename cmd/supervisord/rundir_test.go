package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/testplugins/faulty"
)

// The daemon of an ordinary user has plugins, whoever was first in the temporary folder.
func TestPluginsOfAnOrdinaryUserWorkWhoeverWasFirstInTheTemporaryFolder(t *testing.T) {
	needsRoot(t)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	in := ready(t, inBackground()+"[plugin:faulty]\ncommand=DIR/faulty "+faulty.Verb+" none\npermissions=read\n[rpcinterface:faulty]\nplugin=faulty\n", "-u", "www-data")
	tmp := filepath.Join(in.dir, "tmp")
	taken := filepath.Join(tmp, "hark-33")
	for _, err := range []error{
		os.WriteFile(filepath.Join(in.dir, "faulty"), self, 0o755), //nolint:gosec // another user runs it
		os.Mkdir(tmp, 0o700), os.Chmod(tmp, 0o777|os.ModeSticky), os.Mkdir(taken, 0o755), os.Chown(taken, 12345, 12345),
		os.Chown(in.dir, 33, 33), os.Chmod(in.conf, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	in.cmd.Env = append(in.cmd.Env, "TMPDIR="+tmp, "XDG_RUNTIME_DIR=/root") // root's, as after sudo
	if out, status := in.daemonize(); status != 0 {
		t.Fatalf("status %d: %s", status, out)
	}
	in.waitEcho("echo")
	pid, _ := in.pidfile()
	in.must("supervisor.shutdown")
	testkit.Until(t, "the daemon has ended", func() bool { return !alive(pid) })
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) != 1 || left[0] != taken {
		t.Errorf("left in the temporary folder: %q", left)
	}
}
