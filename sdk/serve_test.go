package sdk

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
)

func TestAPluginAsAProcess(t *testing.T) {
	p := start(t)
	ctx := soon(t)
	d, err := p.Describe(ctx)
	if err != nil || d.Name != "tester" || d.Version != "1.2.3" || len(d.Kinds) != 3 {
		t.Fatalf("it describes itself as %+v (%v)", d, err)
	}
	if k := d.Kind(NotifierKind); k == nil || !reflect.DeepEqual(k.Fields, []Field{{Key: "url", Secret: true}, {Key: "mode"}}) {
		t.Errorf("the notifier is %+v", k)
	}
	if _, err := p.Configure(ctx, NotifierKind, "ops", nil, Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.Notifier("ops").Notify(ctx, &Notification{ID: "1"}); err != nil {
		t.Error(err)
	}
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func TestTheLifelineEndsTheProcess(t *testing.T) {
	p := start(t)
	if _, err := p.Describe(soon(t)); err != nil {
		t.Fatal(err)
	}
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestADeadPluginIsUnavailable(t *testing.T) {
	p := start(t)
	ctx := soon(t)
	if _, err := p.Configure(ctx, NotifierKind, "ops", map[string]string{"mode": "exit"}, Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	if err := p.Notifier("ops").Notify(ctx, &Notification{}); !IsUnavailable(err) {
		t.Errorf("a plugin that dies answers %v", err)
	}
	if _, err := p.Describe(ctx); !IsUnavailable(err) {
		t.Errorf("a dead plugin answers %v", err)
	}
}

func TestAStrangerIsRefused(t *testing.T) {
	p := start(t)
	stranger, end, err := Dial("1|1|unix|"+socketOf(t, p)+"|grpc|", IsPID(func() int { return 1 }), &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := stranger.Describe(soon(t)); !IsUnavailable(err) || !strings.Contains(err.Error(), "the peer is process") {
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
	c, end, err := Dial("1|1|unix|"+socket+"|grpc|", func(Peer) error { return nil }, &bytes.Buffer{})
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if _, err := c.Describe(soon(t)); !IsUnavailable(err) {
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
	ctx := soon(t)
	socket := filepath.Join(t.TempDir(), "host")
	lis, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var got []any
	host := NewHostServer(IsPID(func() int { return p.cmd.Process.Pid }), func(_ context.Context, method string, params []any) (any, error) {
		switch method {
		case "supervisor.getState":
			got = params
			return Struct{{"statecode", 1}}, nil
		case "supervisor.shutdown":
			return nil, &Fault{403, "not permitted"}
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

	if _, err := p.Configure(ctx, NamespaceKind, "x", nil, Daemon{}, socket); err != nil {
		t.Fatal(err)
	}
	v, err := p.Call(ctx, "x", "back", []any{"supervisor.getState"})
	if want := (Struct{{"statecode", 1}}); err != nil || !reflect.DeepEqual(v, want) {
		t.Errorf("the answer is %#v (%v)", v, err)
	}
	if want := []any{1, "two", map[string]any{"a": []any{true}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("the host got %#v, want %#v", got, want)
	}
	var f *Fault
	if _, err := p.Call(ctx, "x", "back", []any{"supervisor.shutdown"}); !errors.As(err, &f) || *f != (Fault{403, "not permitted"}) {
		t.Errorf("a refused call answers %#v", err)
	}
	if _, err := p.Configure(ctx, NamespaceKind, "alone", nil, Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Call(ctx, "alone", "back", []any{"supervisor.getState"}); !errors.As(err, &f) || f.Code != noPermission {
		t.Errorf("a call without a socket answers %#v", err)
	}
}

func TestTheCommandLine(t *testing.T) {
	shout := testPlugin()
	shout.Name, shout.Doc = "shout", "Shouts."
	for _, c := range []struct {
		name   string
		args   []string
		status int
		out    string
	}{
		{"by hand", []string{"/x/tester"}, 2, "This is tester 1.2.3, a plugin of Hark (notifier, logsink, namespace): Tests the SDK."},
		{"by a name that no plugin has", []string{"supervisor-plugins", "shot"}, 2, `no plugin is called "shot"`},
		{"without a name", []string{"supervisor-plugins"}, 2, "  shout        Shouts."},
		{"the list", []string{"supervisor-plugins", "--list"}, 0, "tester\nshout\n"},
		{"the version", []string{"supervisor-plugins", "shout", "--version"}, 0, "shout 1.2.3\n"},
		{"as a link", []string{"/usr/lib/hark/hark-shout", "--version"}, 0, "shout 1.2.3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(Cookie, "")
			var out bytes.Buffer
			status := runOneOf([]Plugin{testPlugin(), shout}, c.args, &out, &out, &out)
			if status != c.status || !strings.Contains(out.String(), c.out) {
				t.Errorf("status %d, output:\n%s", status, &out)
			}
		})
	}
}

func TestDescribeOnTheCommandLineIsReadBack(t *testing.T) {
	var out bytes.Buffer
	if status := run(testPlugin(), []string{"--describe"}, nil, &out, &out); status != 0 {
		t.Fatalf("status %d: %s", status, &out)
	}
	d, err := ParseDescription(out.Bytes())
	if err != nil || d.Name != "tester" || len(d.Kinds) != 3 || d.Kinds[1].Name != LogSinkKind || !d.Kinds[0].Fields[0].Secret {
		t.Errorf("read back: %+v (%v)", d, err)
	}
	if _, err := ParseDescription([]byte(`{"name":"../x","version":"1"}`)); err == nil {
		t.Error("a name that is a path is taken")
	}
}

func TestAnIllMadePluginSaysSo(t *testing.T) {
	for want, change := range map[string]func(*Plugin){
		"not a name of a plugin": func(p *Plugin) { p.Name = "A/b" },
		"has a version":          func(p *Plugin) { p.Version = "" },
		"there twice":            func(p *Plugin) { p.Kinds = append(p.Kinds, p.Kinds[0]) },
		"are made by":            func(p *Plugin) { p.Kinds = []Kind{{Name: NotifierKind}} },
	} {
		p := testPlugin()
		change(&p)
		var out bytes.Buffer
		if status := run(p, nil, nil, &out, &out); status != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("status %d, %s; want %s", status, &out, want)
		}
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
	l.configure(t, NotifierKind, "a", "hang")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := l.Notifier("a").Notify(ctx, &Notification{}); err == nil {
		t.Error("a call that hangs ends well")
	}
	if _, err := l.Configure(ctx, NotifierKind, "b", nil, Daemon{}, ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call behind its deadline ends with %v", err)
	}
}

func TestGoPluginsClientDispensesAClient(t *testing.T) {
	p := start(t)
	c := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: Handshake(), Plugins: ClientPlugins()[ProtocolVersion], AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger: hclog.NewNullLogger(), GRPCDialOptions: DialOptions(IsPID(func() int { return p.cmd.Process.Pid })),
		Reattach: &plugin.ReattachConfig{
			Protocol: plugin.ProtocolGRPC, ProtocolVersion: ProtocolVersion, Pid: p.cmd.Process.Pid, Test: true,
			Addr: &net.UnixAddr{Name: socketOf(t, p), Net: "unix"},
		},
	})
	rpc, err := c.Client()
	if err != nil {
		t.Fatal(err)
	}
	dispensed, err := rpc.Dispense(PluginName)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := dispensed.(*Client).Describe(soon(t)); err != nil || d.Name != "tester" {
		t.Errorf("it describes itself as %+v (%v)", d, err)
	}
	if err := rpc.Close(); err != nil { // which tells the plugin to end
		t.Error(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	eventually(t, "go-plugin sees the end", c.Exited)
}

// A connection that closes under a call is no wish of the caller: gRPC says Canceled of both.
func TestAConnectionThatClosesUnderACall(t *testing.T) {
	l := serveHere(t)
	x := l.configure(t, NamespaceKind, "x", "block")
	given, giveUp := context.WithCancel(soon(t))
	answers := make(chan error, 1)
	go func() { _, err := l.Call(given, "x", "mode", nil); answers <- err }()
	<-x.enter
	giveUp()
	if err := <-answers; !errors.Is(err, context.Canceled) || IsUnavailable(err) {
		t.Errorf("a call that was given up answers %v", err)
	}
	stream, err := l.OpenLogStream(soon(t), "x")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, err := l.Call(soon(t), "x", "mode", nil); answers <- err }()
	<-x.enter
	l.hangUp()
	if err := <-answers; !IsUnavailable(err) || errors.Is(err, context.Canceled) {
		t.Errorf("a call whose connection closed answers %v", err)
	}
	if _, err := stream.Recv(); !IsUnavailable(err) {
		t.Errorf("a stream whose connection closed answers %v", err)
	}
	if _, err := l.Call(soon(t), "x", "mode", nil); !IsUnavailable(err) {
		t.Errorf("a call after that answers %v", err)
	}
	x.leave <- struct{}{}
	x.leave <- struct{}{}
}
