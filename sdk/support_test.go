package sdk

import (
	"bufio"
	"bytes"
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
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// TestMain lets the test binary be a plugin: tests start it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("SDK_TEST_PLUGIN") != "" {
		Serve(testPlugin())
	}
	goleak.VerifyTestMain(m)
}

type settings struct {
	URL  string `mapstructure:"url" hark:"secret"`
	Mode string `mapstructure:"mode"`
}

// testPlugin does what its mode says.
func testPlugin() Plugin {
	return Plugin{Name: "tester", Version: "1.2.3", Doc: "Tests the SDK.", Kinds: []Kind{
		NotifierOf(settings{}, func(_ context.Context, c settings, i Instance) (Notifier, error) { return newThing(c, i) }),
		LogSinkOf(settings{}, func(_ context.Context, c settings, i Instance) (LogSink, error) { return newThing(c, i) }),
		NamespaceOf(settings{}, func(_ context.Context, c settings, i Instance) (Namespace, error) { return newThing(c, i) }),
	}}
}

// thing is of every kind.
type thing struct {
	c settings
	i Instance

	mu     sync.Mutex
	seen   []string
	busy   int
	most   int
	closed int
	enter  chan struct{} // one for each call that has begun, in mode block
	leave  chan struct{} // lets such a call go on
}

func newThing(c settings, i Instance) (*thing, error) {
	switch c.Mode {
	case "refuse":
		return nil, fmt.Errorf("cannot reach %s: it is gone", c.URL)
	case "refuse key":
		return nil, &ConfigError{"mode", "not on a sunday, says " + c.URL}
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
		return Final(errors.New("never"))
	case "later":
		return fmt.Errorf("busy: %w", RetryAfter(errors.New("429"), 7*time.Second))
	case "crash":
		panic("in a call of " + x.c.URL)
	case "exit":
		os.Exit(3)
	}
	return nil
}

func (x *thing) Notify(ctx context.Context, n *Notification) error { return x.call(ctx, n.ID) }

func (x *thing) Write(ctx context.Context, b *LogBatch) error {
	if b.Seq == 3 && !b.Redelivered && x.c.Mode == "third" {
		return RetryAfter(errors.New("not yet"), time.Second)
	}
	return x.call(ctx, fmt.Sprint(b.Seq, " ", string(b.Records[0].Data)))
}

func (x *thing) Methods() []Method {
	text, array := Param{Type: "string", Name: "s"}, Param{Type: "any"}
	methods := []Method{
		{Name: "echo", Params: []Param{text, text}, Optional: 1, Returns: array, Help: "answers", ReadOnly: true, Timeout: time.Second},
		{Name: "odd", Params: []Param{text}, Returns: array},
		{Name: "back", Params: []Param{text}, Returns: array},
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
		for range map[string]int{"deep": MaxDepth, "just deep enough": MaxDepth - 1}[name] {
			v = []any{v}
		}
		return v, nil
	case "huge":
		return strings.Repeat("x", MaxReply+1), nil
	case "no utf-8":
		return Struct{{"a", []any{1, "\xff"}}}, nil
	case "channel":
		return make(chan int), nil
	case "fault":
		return nil, &Fault{70, "NOT_RUNNING"}
	case "ordered":
		return Struct{{"z", 1}, {"a", int64(1) << 40}, {"m", []byte{0}}, {"n", nil}, {"t", time.Unix(5, 0).UTC()}, {"f", 1.5}}, nil
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

// lockedBuffer is what a plugin in this process has written to its stderr.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// local is a plugin served in this process, and its host.
type local struct {
	*Client
	things chan *thing // every instance made, in order
	stderr *lockedBuffer
	hangUp func() // closes the host's connection, as when the plugin's process has ended; once more is harmless
}

// serveHere serves the test plugin in this process, over a real socket.
func serveHere(t *testing.T) *local {
	t.Helper()
	l := &local{things: make(chan *thing, 100), stderr: &lockedBuffer{}}
	keep := func(c settings, i Instance) (*thing, error) {
		x, err := newThing(c, i)
		if err == nil {
			l.things <- x
		}
		return x, err
	}
	p := testPlugin()
	p.Kinds = []Kind{
		NotifierOf(settings{}, func(_ context.Context, c settings, i Instance) (Notifier, error) { return keep(c, i) }),
		LogSinkOf(settings{}, func(_ context.Context, c settings, i Instance) (LogSink, error) { return keep(c, i) }),
		NamespaceOf(settings{}, func(_ context.Context, c settings, i Instance) (Namespace, error) { return keep(c, i) }),
	}
	l.Client, l.hangUp = serveTo(t, p, l.stderr)
	return l
}

// serveOne serves a plugin in this process, over a real socket.
func serveOne(t *testing.T, p Plugin) *Client {
	c, _ := serveTo(t, p, &lockedBuffer{})
	return c
}

func serveTo(t *testing.T, p Plugin, stderr io.Writer) (c *Client, hangUp func()) {
	t.Helper()
	s, err := NewServer(p, stderr, IsPID(os.Getpid))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	lis, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(lis) }()
	c, end, err := Dial("1|1|unix|"+socket+"|grpc|", IsPID(os.Getpid), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		s.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c, end
}

// configure makes an instance of the kind that does what mode says.
func (l *local) configure(t *testing.T, kind KindName, name, mode string) *thing {
	t.Helper()
	if _, err := l.Configure(soon(t), kind, name, map[string]string{"url": testURL, "mode": mode}, Daemon{}, ""); err != nil {
		t.Fatal(err)
	}
	return <-l.things
}

const testURL = "https://hooks.example.org/T0K3N"

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// process is a plugin that runs as a process of its own.
type process struct {
	*Client
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *lockedBuffer
	end    func()
}

// start starts the test binary as a plugin.
func start(t testing.TB, env ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), stderr: &lockedBuffer{}}
	p.cmd.Env = append([]string{"SDK_TEST_PLUGIN=1", Cookie + "=" + CookieValue, "PLUGIN_UNIX_SOCKET_DIR=" + t.TempDir(), "PLUGIN_PROTOCOL_VERSIONS=1", "GORACE=atexit_sleep_ms=0"}, env...)
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
	p.Client, p.end, err = Dial(line, IsPID(func() int { return p.cmd.Process.Pid }), io.Discard)
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
