package python

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/plugintest"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shout is the command of the example.
func shout() *exec.Cmd {
	cmd := exec.Command("/usr/bin/python3", "shout.py")
	cmd.Env = []string{"PYTHONDONTWRITEBYTECODE=1"} // a plugin has next to no environment
	return cmd
}

func TestTheNotifierInPython(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shouted")
	sdktest.TestNotifier(t, sdk.Plugin{}, sdktest.NotifierOptions{
		Options: sdktest.Options{
			Command: shout,
			Values:  map[string]string{"file": file},
			Bad:     []sdktest.Bad{{Name: "a relative file", Set: map[string]string{"file": "here"}, Key: "file"}},
		},
		Delivered: func(t *testing.T, n int) {
			got, err := os.ReadFile(file)
			if err != nil && n > 0 {
				t.Fatal(err)
			}
			_ = os.Remove(file)
			if lines := strings.Count(string(got), "\n"); lines != n || n == 1 && string(got) != "WEB:WEB_00 EXITED UNEXPECTEDLY!\n" {
				t.Errorf("it shouted %d times: %q", lines, got)
			}
		},
	})
}

func TestTheLogSinkInPython(t *testing.T) {
	file := filepath.Join(t.TempDir(), "diary")
	sdktest.TestLogSink(t, sdk.Plugin{}, sdktest.LogSinkOptions{
		Options: sdktest.Options{Command: shout, Values: map[string]string{"file": file}},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			size := 0
			for _, r := range records {
				size += len(r.Data)
			}
			got, err := os.ReadFile(file)
			if err != nil || len(got) != size {
				t.Errorf("%d bytes were written (%v), want %d", len(got), err, size)
			}
			_ = os.Remove(file)
		},
	})
}

// The host's library finds its way in a plugin that does not have go-plugin's own services.
func TestGoPluginDispensesThePluginInPython(t *testing.T) {
	p := plugintest.Start(t, shout())
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: wire.Handshake(), Plugins: pluginrpc.Plugins()[wire.ProtocolVersion], AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger: hclog.NewNullLogger(), GRPCDialOptions: wire.DialOptions(wire.IsPID(p.PID)),
		Reattach: &plugin.ReattachConfig{
			Protocol: plugin.ProtocolGRPC, ProtocolVersion: wire.ProtocolVersion, Pid: p.PID(), Test: true,
			Addr: &net.UnixAddr{Name: p.Socket(), Net: "unix"},
		},
	})
	rpc, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	dispensed, err := rpc.Dispense(wire.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), sdktest.Patience)
	defer cancel()
	if d, err := dispensed.(*pluginrpc.Client).Describe(ctx); err != nil || d.Name != "shout" {
		t.Errorf("it describes itself as %+v (%v)", d, err)
	}
	if err := rpc.Close(); err != nil { // which tells the plugin to end
		t.Error(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	testkit.Until(t, "go-plugin sees the end", c.Exited)
}

func TestTheNamespaceInPython(t *testing.T) {
	sdktest.TestNamespace(t, sdk.Plugin{}, sdktest.NamespaceOptions{
		Options: sdktest.Options{Command: shout},
		Calls: []sdktest.Call{
			{Method: "say", Params: []any{"grüß gott"}, Want: "GRÜSS GOTT"},
			{Method: "say", Params: []any{1}, Fault: 2},
			{Method: "state", Params: []any{"web"}, Want: "RUNNING"},
			{Method: "state", Params: []any{"nobody"}, Fault: 10},
		},
		Host: func(_ context.Context, method string, params []any) (any, error) {
			switch {
			case method != "supervisor.getProcessInfo":
				return nil, errors.New("no such method here")
			case params[0] != "web":
				return nil, &sdk.Fault{Code: 10, Text: "BAD_NAME: " + params[0].(string)}
			}
			return map[string]any{"name": "web", "statename": "RUNNING"}, nil
		},
	})
}

func TestThePluginByHand(t *testing.T) {
	cmd := shout()
	out, err := cmd.CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 2 || !strings.HasPrefix(string(out), "This is shout 1.0.0, a plugin of Hark") {
		t.Errorf("run by hand it ends with %v and says %s", err, out)
	}
	cmd = shout()
	cmd.Args = append(cmd.Args, "--describe")
	doc, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := pluginrpc.ParseDescription(doc); err != nil || d.Name != "shout" || d.Kind(wire.Namespace) == nil {
		t.Errorf("it describes itself as %+v (%v)", d, err)
	}
}
