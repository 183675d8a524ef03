package pluginrpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// TestMain lets the test binary be a plugin: tests start it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("SDK_TEST_PLUGIN") != "" {
		sdk.Serve(testPlugin())
	}
	goleak.VerifyTestMain(m)
}

type settings struct {
	URL  string `hark:"url,secret"`
	Mode string `hark:"mode"`
}

// testPlugin does what its mode says.
func testPlugin() sdk.Plugin {
	return sdk.Plugin{Name: "tester", Version: "1.2.3", Doc: "Tests the SDK.", Kinds: []sdk.Kind{
		sdk.NotifierOf(settings{}, func(_ context.Context, c settings, i sdk.Instance) (sdk.Notifier, error) { return newThing(c, i) }),
		sdk.LogSinkOf(settings{}, func(_ context.Context, c settings, i sdk.Instance) (sdk.LogSink, error) { return newThing(c, i) }),
		sdk.NamespaceOf(settings{}, func(_ context.Context, c settings, i sdk.Instance) (sdk.Namespace, error) { return newThing(c, i) }),
	}}
}

// thing is of every kind.
type thing struct {
	c settings
	i sdk.Instance

	mu     sync.Mutex
	seen   []string
	busy   int
	most   int
	closed int
	enter  chan struct{} // one for each call that has begun, in mode block
	leave  chan struct{} // lets such a call go on
}

func newThing(c settings, i sdk.Instance) (*thing, error) {
	switch c.Mode {
	case "refuse":
		return nil, fmt.Errorf("cannot reach %s: it is gone", c.URL)
	case "refuse key":
		return nil, &sdk.ConfigError{Key: "mode", Text: "not on a sunday, says " + c.URL}
	case "panic":
		panic("with " + c.URL)
	}
	return &thing{c: c, i: i, enter: make(chan struct{}, 100), leave: make(chan struct{}, 100)}, nil
}

func (x *thing) call(ctx context.Context, what string) error {
	if x.c.Mode == "null" {
		return nil
	}
	x.mu.Lock()
	x.seen = append(x.seen, what)
	x.busy++
	x.most = max(x.most, x.busy)
	x.mu.Unlock()
	defer func() { x.mu.Lock(); x.busy--; x.mu.Unlock() }()
	switch x.c.Mode {
	case "block":
		x.enter <- struct{}{}
		<-x.leave
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	case "fail":
		return fmt.Errorf("post %s: refused", x.c.URL)
	case "final":
		return sdk.Final(errors.New("never"))
	case "later":
		return fmt.Errorf("busy: %w", sdk.RetryAfter(errors.New("429"), 7*time.Second))
	case "crash":
		panic("in a call of " + x.c.URL)
	case "exit":
		os.Exit(3)
	}
	return nil
}

func (x *thing) Notify(ctx context.Context, n *sdk.Notification) error { return x.call(ctx, n.ID) }

func (x *thing) Write(ctx context.Context, b *sdk.LogBatch) error {
	if b.Seq == 3 && !b.Redelivered && x.c.Mode == "third" {
		return sdk.RetryAfter(errors.New("not yet"), time.Second)
	}
	return x.call(ctx, fmt.Sprint(b.Seq, " ", string(b.Records[0].Data)))
}

func (x *thing) Methods() []sdk.Method {
	text, array := sdk.Param{Type: "string", Name: "s"}, sdk.Param{Type: "any"}
	methods := []sdk.Method{
		{Name: "echo", Params: []sdk.Param{text, text}, Optional: 1, Returns: array, Help: "answers", ReadOnly: true, Timeout: time.Second},
		{Name: "odd", Params: []sdk.Param{text}, Returns: array},
		{Name: "back", Params: []sdk.Param{text}, Returns: array},
		{Name: "mode", Returns: array},
	}
	if x.c.Mode == "bad method" {
		methods[0].Name = "a b"
	}
	return methods
}

func (x *thing) Call(ctx context.Context, method string, params []any) (any, error) {
	switch method {
	case "echo":
		return params, nil
	case "odd":
		return oddValue(params[0].(string))
	case "back":
		return x.i.Host.Call(ctx, params[0].(string), 1, "two", map[string]any{"a": []any{true}})
	}
	return "ok", x.call(ctx, method)
}

// oddValue is what no answer may hold, or hardly.
func oddValue(name string) (any, error) {
	switch name {
	case "deep", "just deep enough":
		var v any = "bottom"
		for range map[string]int{"deep": wire.MaxDepth, "just deep enough": wire.MaxDepth - 1}[name] {
			v = []any{v}
		}
		return v, nil
	case "huge":
		return strings.Repeat("x", wire.MaxReply+1), nil
	case "no utf-8":
		return sdk.Struct{{Name: "a", Value: []any{1, "\xff"}}}, nil
	case "channel":
		return make(chan int), nil
	case "fault":
		return nil, &sdk.Fault{Code: 70, Text: "NOT_RUNNING"}
	case "ordered":
		return sdk.Struct{{Name: "z", Value: 1}, {Name: "a", Value: int64(1) << 40}, {Name: "m", Value: []byte{0}}, {Name: "n", Value: nil}, {Name: "t", Value: time.Unix(5, 0).UTC()}, {Name: "f", Value: 1.5}}, nil
	}
	return nil, errors.New("no " + name)
}

func (x *thing) Close(context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed++
	if x.c.Mode == "close fails" {
		return fmt.Errorf("cannot flush to %s", x.c.URL)
	}
	return nil
}

func (x *thing) Health() error {
	if x.c.Mode == "ill" {
		return fmt.Errorf("%s has been away for an hour", x.c.URL)
	}
	return nil
}

// local is a plugin served in this process, and its host.
type local struct {
	*Client
	things chan *thing // every instance made, in order
	stderr *testkit.Buffer
	hangUp func() // closes the host's connection, as when the plugin's process has ended; once more is harmless
}

// serveHere serves the test plugin in this process, over a real socket.
func serveHere(t *testing.T) *local {
	t.Helper()
	l := &local{things: make(chan *thing, 100), stderr: &testkit.Buffer{}}
	keep := func(c settings, i sdk.Instance) (*thing, error) {
		x, err := newThing(c, i)
		if err == nil {
			l.things <- x
		}
		return x, err
	}
	p := testPlugin()
	p.Kinds = []sdk.Kind{
		sdk.NotifierOf(settings{}, func(_ context.Context, c settings, i sdk.Instance) (sdk.Notifier, error) { return keep(c, i) }),
		sdk.LogSinkOf(settings{}, func(_ context.Context, c settings, i sdk.Instance) (sdk.LogSink, error) { return keep(c, i) }),
		sdk.NamespaceOf(settings{}, func(_ context.Context, c settings, i sdk.Instance) (sdk.Namespace, error) { return keep(c, i) }),
	}
	l.Client, l.hangUp = serveTo(t, p, l.stderr)
	return l
}

// serveOne serves a plugin in this process, over a real socket.
func serveOne(t *testing.T, p sdk.Plugin) *Client {
	c, _ := serveTo(t, p, &testkit.Buffer{})
	return c
}

func serveTo(t *testing.T, p sdk.Plugin, stderr io.Writer) (c *Client, hangUp func()) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	lis, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := sdk.ServeAt(lis, p, stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	c, end, err := Dial("1|1|unix|"+socket+"|grpc|", wire.IsPID(os.Getpid), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	return c, end
}

// configure makes an instance of the kind that does what mode says.
func (l *local) configure(t *testing.T, kind wire.Kind, name, mode string) *thing {
	t.Helper()
	if _, err := l.Configure(testkit.Soon(t), kind, name, map[string]string{"url": testURL, "mode": mode}, sdk.Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	return <-l.things
}

const testURL = "https://hooks.example.org/T0K3N"

// process is a plugin that runs as a process of its own.
type process struct {
	*Client
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *testkit.Buffer
	end    func()
}

// start starts the test binary as a plugin.
func start(t testing.TB, env ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), stderr: &testkit.Buffer{}}
	p.cmd.Env = append([]string{"SDK_TEST_PLUGIN=1", wire.Cookie + "=" + wire.CookieValue, "PLUGIN_UNIX_SOCKET_DIR=" + t.TempDir(), "PLUGIN_PROTOCOL_VERSIONS=1", "GORACE=atexit_sleep_ms=0"}, env...)
	p.cmd.Stderr = p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("no handshake: %v; stderr: %s", err, p.stderr)
	}
	p.Client, p.end, err = Dial(line, wire.IsPID(func() int { return p.cmd.Process.Pid }), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.end()
		_ = p.stdin.Close()
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}
