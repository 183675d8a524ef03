package sdktest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// serveVariable names the test whose plugin the test binary serves.
const serveVariable = "HARK_SDKTEST_SERVE"

// serveHere serves the plugin in this process, over a real socket.
func serveHere(t *testing.T, p sdk.Plugin) *session {
	t.Helper()
	log := &testkit.Buffer{}
	socket := filepath.Join(testkit.Dir(t), "plugin")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := sdk.ServeAt(listener, p, log)
	if err != nil {
		_ = listener.Close()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	c, end, err := pluginrpc.Dial("1|1|unix|"+socket+"|grpc|", wire.IsPID(os.Getpid), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return &session{Client: c, log: log.String, pid: os.Getpid()}
}

// startProcess starts the test binary again, to serve the plugin of the test of that name.
func startProcess(t *testing.T, name string) *session {
	t.Helper()
	var pattern []string
	for _, part := range strings.Split(name, "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(part)+"$")
	}
	cmd := exec.Command(os.Args[0], "-test.run="+strings.Join(pattern, "/"), "-test.timeout=10m")
	cmd.Env = append(os.Environ(), serveVariable+"="+name, "GORACE=atexit_sleep_ms=0") // the race detector's second at the end
	return start(t, cmd)
}

// start starts a plugin by its command.
func start(t *testing.T, cmd *exec.Cmd) *session {
	t.Helper()
	p := plugintest.Start(t, cmd)
	return &session{Client: p.Client, log: p.Log, pid: p.PID(), end: func(t *testing.T) {
		if err := p.Close(); err != nil {
			t.Errorf("it does not end well when its lifeline is closed: %v\n%s", err, p.Log())
		}
	}}
}
