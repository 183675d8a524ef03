package pluginrpc

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

func TestAPluginAsAProcess(t *testing.T) {
	p := start(t)
	ctx := testkit.Soon(t)
	d, err := p.Describe(ctx)
	if err != nil || d.Name != "tester" || d.Version != "1.2.3" || len(d.Kinds) != 3 {
		t.Fatalf("it describes itself as %+v (%v)", d, err)
	}
	if k := d.Kind(wire.Notifier); k == nil || !reflect.DeepEqual(k.Fields, []pluginkeys.Field{{Key: "url", Secret: true}, {Key: "mode"}}) {
		t.Errorf("the notifier is %+v", k)
	}
	if _, err := p.Configure(ctx, wire.Notifier, "ops", nil, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.Notifier("ops").Notify(ctx, &sdk.Notification{ID: "1"}); err != nil {
		t.Error(err)
	}
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestTheLifelineEndsTheProcess(t *testing.T) {
	p := start(t)
	if _, err := p.Describe(testkit.Soon(t)); err != nil {
		t.Fatal(err)
	}
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestADeadPluginIsUnavailable(t *testing.T) {
	p := start(t)
	ctx := testkit.Soon(t)
	if _, err := p.Configure(ctx, wire.Notifier, "ops", map[string]string{"mode": "exit"}, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.Notifier("ops").Notify(ctx, &sdk.Notification{}); !wire.IsUnavailable(err) {
		t.Errorf("a plugin that dies answers %v", err)
	}
	if _, err := p.Describe(ctx); !wire.IsUnavailable(err) {
		t.Errorf("a dead plugin answers %v", err)
	}
}

func TestAStrangerIsRefused(t *testing.T) {
	p := start(t)
	stranger, end, err := Dial("1|1|unix|"+socketOf(t, p)+"|grpc|", wire.IsPID(func() int { return 1 }), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := stranger.Describe(testkit.Soon(t)); !wire.IsUnavailable(err) || !strings.Contains(err.Error(), "the peer is process") {
		t.Errorf("a plugin with another pid than wanted answers %v", err)
	}
	// the plugin's side: a process that is not its parent
	cmd := exec.Command(os.Args[0], "-test.run=^TestKnockAsAStranger$", "-test.v")
	cmd.Env = append(os.Environ(), "SDK_TEST_KNOCK="+socketOf(t, p))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestKnockAsAStranger") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestKnockAsAStranger is run as a process of its own by TestAStrangerIsRefused.
func TestKnockAsAStranger(t *testing.T) {
	socket := os.Getenv("SDK_TEST_KNOCK")
	if socket == "" {
		return
	}
	c, end, err := Dial("1|1|unix|"+socket+"|grpc|", func(wire.Peer) error { return nil }, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Describe(testkit.Soon(t)); !wire.IsUnavailable(err) {
		t.Errorf("the plugin answers a stranger: %v", err)
	}
}

func socketOf(t *testing.T, p *process) string {
	t.Helper()
	for _, v := range p.cmd.Env {
		if dir, ok := strings.CutPrefix(v, "PLUGIN_UNIX_SOCKET_DIR="); ok {
			found, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(found) != 1 {
				t.Fatalf("sockets: %v (%v)", found, err)
			}
			return found[0]
		}
	}
	t.Fatal("no directory")
	return ""
}

func TestAPluginCallsBack(t *testing.T) {
	p := start(t)
	ctx := testkit.Soon(t)
	socket := filepath.Join(t.TempDir(), "host")
	lis, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	host := NewHostServer(wire.IsPID(func() int { return p.cmd.Process.Pid }), func(_ context.Context, method string, params []any) (any, error) {
		switch method {
		case "supervisor.getState":
			got = params
			return sdk.Struct{{Name: "statecode", Value: 1}}, nil
		case "supervisor.shutdown":
			return nil, &sdk.Fault{Code: 403, Text: "not permitted"}
		}
		return nil, errors.New("something else")
	})
	done := make(chan error, 1)
	go func() { done <- host.Serve(lis) }()
	t.Cleanup(func() {
		host.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})

	if _, err := p.Configure(ctx, wire.Namespace, "x", nil, sdk.Daemon{}, socket); err != nil {
		t.Fatal(err)
	}
	v, err := p.Call(ctx, "x", "back", []any{"supervisor.getState"})
	if want := (sdk.Struct{{Name: "statecode", Value: 1}}); err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("the answer is %#v (%v)", v, err)
	}
	if want := []any{1, "two", map[string]any{"a": []any{true}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("the host got %#v, want %#v", got, want)
	}
	var f *sdk.Fault
	if _, err := p.Call(ctx, "x", "back", []any{"supervisor.shutdown"}); !errors.As(err, &f) || *f != (sdk.Fault{Code: 403, Text: "not permitted"}) {
		t.Errorf("a refused call answers %#v", err)
	}
	if _, err := p.Configure(ctx, wire.Namespace, "alone", nil, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Call(ctx, "alone", "back", []any{"supervisor.getState"}); !errors.As(err, &f) || f.Code != 403 {
		t.Errorf("a call without a socket answers %#v", err)
	}
}

func TestADescriptionIsReadBack(t *testing.T) {
	doc, err := sdk.Describe(testPlugin())
	if err != nil {
		t.Fatal(err)
	}
	d, err := ParseDescription(doc)
	if err != nil || d.Name != "tester" || len(d.Kinds) != 3 || d.Kinds[1].Name != wire.LogSink || !d.Kinds[0].Fields[0].Secret {
		t.Errorf("read back: %+v (%v)", d, err)
	}
	if _, err := ParseDescription([]byte(`{"name":"../x","version":"1"}`)); err == nil {
		t.Error("a name that is a path is taken")
	}
}

func TestTheHandshakeLineIsChecked(t *testing.T) {
	for line, want := range map[string]string{
		"hello":                  "not the handshake",
		"1|9|unix|/x|grpc|":      "version",
		"1|1|tcp|:1|grpc|":       `over "tcp"`,
		"1|1|unix|/x|netrpc|":    `"netrpc"`,
		"2|1|unix|/x|grpc|":      "not the handshake",
		"1|1|unix|/x|grpc|\n":    "",
		"1|1|unix|/x|grpc||true": "",
	} {
		_, err := handshakeAddress(line)
		if (want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestDeadlinesReachThePlugin(t *testing.T) {
	l := serveHere(t)
	l.configure(t, wire.Notifier, "a", "hang")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := l.Notifier("a").Notify(ctx, &sdk.Notification{}); err == nil {
		t.Error("a call that hangs ends well")
	}
	if _, err := l.Configure(ctx, wire.Notifier, "b", nil, sdk.Daemon{}, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call behind its deadline ends with %v", err)
	}
}

func TestGoPluginsClientDispensesAClient(t *testing.T) {
	p := start(t)
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: wire.Handshake(), Plugins: Plugins()[wire.ProtocolVersion], AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger: hclog.NewNullLogger(), GRPCDialOptions: wire.DialOptions(wire.IsPID(func() int { return p.cmd.Process.Pid })),
		Reattach: &plugin.ReattachConfig{
			Protocol: plugin.ProtocolGRPC, ProtocolVersion: wire.ProtocolVersion, Pid: p.cmd.Process.Pid, Test: true,
			Addr: &net.UnixAddr{Name: socketOf(t, p), Net: "unix"},
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
	if d, err := dispensed.(*Client).Describe(testkit.Soon(t)); err != nil || d.Name != "tester" {
		t.Errorf("it describes itself as %+v (%v)", d, err)
	}
	if err := rpc.Close(); err != nil { // which tells the plugin to end
		t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	testkit.Until(t, "go-plugin sees the end", c.Exited)
}

// A connection that closes under a call is no wish of the caller: gRPC says Canceled of both.
func TestAConnectionThatClosesUnderACall(t *testing.T) {
	l := serveHere(t)
	x := l.configure(t, wire.Namespace, "x", "block")
	given, giveUp := context.WithCancel(testkit.Soon(t))
	answers := make(chan error, 1)
	go func() { _, err := l.Call(given, "x", "mode", nil); answers <- err }()
	<-x.enter
	giveUp()
	if err := <-answers; !errors.Is(err, context.Canceled) || wire.IsUnavailable(err) {
		t.Errorf("a call that was given up answers %v", err)
	}
	stream, err := l.OpenLogStream(testkit.Soon(t), "x")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, err := l.Call(testkit.Soon(t), "x", "mode", nil); answers <- err }()
	<-x.enter
	l.hangUp()
	if err := <-answers; !wire.IsUnavailable(err) || errors.Is(err, context.Canceled) {
		t.Errorf("a call whose connection closed answers %v", err)
	}
	if _, err := stream.Recv(); !wire.IsUnavailable(err) {
		t.Errorf("a stream whose connection closed answers %v", err)
	}
	if _, err := l.Call(testkit.Soon(t), "x", "mode", nil); !wire.IsUnavailable(err) {
		t.Errorf("a call after that answers %v", err)
	}
	x.leave <- struct{}{}
	x.leave <- struct{}{}
}
