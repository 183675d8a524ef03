package node

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// installed fetches what package.json names, once.
func installed(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join("node_modules", "@grpc", "proto-loader")); err == nil {
		return
	}
	cmd := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
}

// shout is the command of the example.
func shout() *exec.Cmd {
	cmd := exec.Command("node", "shout.js")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // a plugin has next to no environment
	return cmd
}

func TestTheNotifierInNode(t *testing.T) {
	installed(t)
	file := filepath.Join(t.TempDir(), "shouted")
	sdktest.TestNotifier(t, sdk.Plugin{}, sdktest.NotifierOptions{
		Options: sdktest.Options{
			Command: shout,
			Values:  map[string]string{"file": file},
			Bad: []sdktest.Bad{
				{Name: "a relative file", Set: map[string]string{"file": "here"}, Key: "file"},
				{Name: "neither yes nor no", Set: map[string]string{"loud": "tell-no-value"}, Key: "loud"},
			},
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

func TestTheLogSinkInNode(t *testing.T) {
	installed(t)
	file := filepath.Join(t.TempDir(), "diary")
	sdktest.TestLogSink(t, sdk.Plugin{}, sdktest.LogSinkOptions{
		Options: sdktest.Options{Command: shout, Values: map[string]string{"file": file}},
		Written: func(t *testing.T, records []sdk.LogRecord) {
			var want []byte
			for _, r := range records {
				want = append(want, r.Data...)
			}
			got, err := os.ReadFile(file)
			if err != nil || len(got) != len(want) || !strings.Contains(t.Name(), "at_the_same_time") && !bytes.Equal(got, want) {
				t.Errorf("%d bytes were written (%v), want %d", len(got), err, len(want))
			}
			_ = os.Remove(file)
		},
	})
}

func TestTheNamespaceInNode(t *testing.T) {
	installed(t)
	sdktest.TestNamespace(t, sdk.Plugin{}, sdktest.NamespaceOptions{
		Options: sdktest.Options{Command: shout},
		Calls: []sdktest.Call{
			{Method: "say", Params: []any{"grüß gott"}, Want: "GRÜSS GOTT"},
			{Method: "say", Params: []any{1}, Fault: 2},
			{Method: "say", Fault: 2},
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

// Values of XML-RPC go through JavaScript and come back as they were.
func TestValuesInNode(t *testing.T) {
	installed(t)
	dir := t.TempDir()
	for _, name := range []string{"hark_plugin.js", "plugin.proto"} {
		text, err := Files.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	modules, err := filepath.Abs("node_modules")
	if err == nil {
		err = os.Symlink(modules, filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	echo := `const { Plugin } = require('./hark_plugin');
const p = new Plugin('echo', '1.0.0', 'Says what it is told.');
p.namespace([], (values, instance) => ({
	methods: () => [{ name: 'echo', params: [{ type: 'struct', name: 'x' }], returns: { type: 'struct' }, help: 'x' }],
	call: (method, [x]) => { console.log('what is printed goes to the log'); instance.log('info', 'told', { nan: NaN, big: 2n ** 70n }); return x; },
}));
p.serve();
`
	if err := os.WriteFile(filepath.Join(dir, "echo.js"), []byte(echo), 0o600); err != nil {
		t.Fatal(err)
	}
	var calls []sdktest.Call
	for _, v := range []any{
		nil, true, "", "žluť\n\x00", 0, -1, math.MaxInt32, int64(math.MaxInt64), int64(math.MinInt64), 1.5, -0.25, []byte{0, 255}, []any{}, []any{1, "x", []any{nil}},
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 58, 500e6, time.UTC),
	} {
		calls = append(calls, sdktest.Call{Method: "echo", Params: []any{v}, Want: v})
	}
	sdktest.TestNamespace(t, sdk.Plugin{}, sdktest.NamespaceOptions{
		Options: sdktest.Options{Command: func() *exec.Cmd {
			cmd := shout()
			cmd.Args[1] = filepath.Join(dir, "echo.js")
			return cmd
		}},
		Calls: calls,
	})
}

func TestThePluginByHand(t *testing.T) {
	installed(t)
	out, err := shout().CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 2 || !strings.HasPrefix(string(out), "This is shout 1.0.0, a plugin of Hark") {
		t.Errorf("run by hand it ends with %v and says %s", err, out)
	}
	cmd := shout()
	cmd.Args = append(cmd.Args, "--describe")
	doc, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := pluginrpc.ParseDescription(doc); err != nil || d.Name != "shout" || d.Kind(wire.Namespace) == nil {
		t.Errorf("it describes itself as %+v (%v)", d, err)
	}
}

// The grammar beside the plugin is Hark's.
func TestTheGrammarIsCurrent(t *testing.T) {
	want, err := os.ReadFile(filepath.Join("..", "..", "..", "sdk", "proto", "plugin.proto"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Files.ReadFile("plugin.proto"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("plugin.proto is not that of sdk/proto: run make proto (%v)", err)
	}
}
