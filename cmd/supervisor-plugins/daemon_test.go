package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// built is supervisord with supervisor-plugins beside it, as they are installed, built once for those tests that run them.
var built struct {
	once sync.Once
	dir  string
	err  error
}

// startDaemon runs a supervisord that has the bundled plugins, and a client of it.
func startDaemon(t *testing.T, sections string) (*daemontest.Daemon, *client.Client) {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("/tmp", "hark-build"); built.err != nil {
			return
		}
		const module = "github.com/hark-supervisor/hark/cmd/"
		out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", built.dir, module+"supervisord", module+"supervisor-plugins").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("cannot build them: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	d := daemontest.StartCommand(t, []string{filepath.Join(built.dir, "supervisord")}, sections)
	c, err := client.New(d.ServerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return d, c
}

// untilThere waits until a method can be called: plugins start after the daemon.
func untilThere(t *testing.T, c *client.Client, method string) {
	t.Helper()
	daemontest.Until(t, method+" is there", func() bool {
		var names []string
		return c.Call(t.Context(), "system.methodSignature", &names, method) == nil
	})
}

// python runs a script with the client that Supervisor has, s, connected to a daemon.
func python(t *testing.T, d *daemontest.Daemon, script string) {
	t.Helper()
	const before = `
import sys, xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport
s = xmlrpc.client.ServerProxy("http://127.0.0.1", SupervisorTransport("", "", sys.argv[1]))
def fault(f, *args):
    try:
        f(*args)
    except xmlrpc.client.Fault as e:
        return e.faultCode, e.faultString
    assert False, "no fault"
def same(got, want):
    assert got == want and type(got) == type(want), "got %r, want %r" % (got, want)
`
	ctx, cancel := context.WithTimeout(t.Context(), daemontest.Patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/usr/bin/python3", "-c", before+script, d.ServerURL).CombinedOutput()
	if err != nil {
		t.Fatalf("%v; make test installs what the tests need\n%s", err, out)
	}
}

// wantFault makes a call that must be answered with a fault.
func wantFault(t *testing.T, c *client.Client, code int, text, method string, args ...any) {
	t.Helper()
	var result any
	err := c.Call(t.Context(), method, &result, args...)
	if f, ok := errors.AsType[*client.Fault](err); !ok || f.Code != code || !strings.Contains(f.String, text) {
		t.Errorf("%s%v: %v (%v), want fault %d with %q", method, args, result, err, code, text)
	}
}
