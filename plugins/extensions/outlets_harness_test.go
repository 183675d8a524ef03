package extensions

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/plugins/outlets"
	"github.com/hark-supervisor/hark/sdk"
)

// pluginProcess runs a plugin over and over, as the host does, with one instance of each of some kinds. It is outlets.Instances.
type pluginProcess struct {
	t      testing.TB
	system *child.System
	path   string
	values map[string]string
	kinds  []wire.Kind

	mu       sync.Mutex
	child    *child.Child
	client   *pluginrpc.Client // nil: it is not running
	hangUp   func()
	starts   int
	stopping bool
	gone     chan struct{} // closed when the last one has ended
}

const instanceName = "x"

func startPlugin(t testing.TB, system *child.System, path string, values map[string]string, kinds ...wire.Kind) *pluginProcess {
	p := &pluginProcess{t: t, system: system, path: path, values: values, kinds: kinds, gone: make(chan struct{})}
	p.start()
	t.Cleanup(p.stop)
	testkit.Until(t, "the plugin is there", func() bool { _, err := p.reach(); return err == nil })
	return p
}

// firstLine reads a plugin's handshake.
type firstLine struct {
	got  bytes.Buffer
	line chan string
}

func (f *firstLine) Output(b []byte) child.Work {
	if f.line == nil {
		return nil
	}
	f.got.Write(b)
	if line, err := f.got.ReadString('\n'); err == nil {
		f.line <- line
		f.line = nil
	}
	return nil
}

func (f *firstLine) Closed(int) child.Work { return nil }

func (p *pluginProcess) start() {
	line := make(chan string, 1)
	p.system.Spawn(&child.Request{
		Name: "plugin", Argv: []string{p.path}, Umask: 0o077, Stdin: -1,
		Env:    []string{wire.Cookie + "=" + wire.CookieValue, "PLUGIN_PROTOCOL_VERSIONS=1", "PLUGIN_UNIX_SOCKET_DIR=" + p.t.TempDir()},
		Stdout: &firstLine{line: line}, Stderr: &firstLine{},
		Started: func(c *child.Child) {
			p.mu.Lock()
			p.child = c
			p.starts++
			p.mu.Unlock()
			go func() { p.connect(<-line) }()
		},
		Failed: func(e *child.SpawnError) { p.t.Error(e); close(p.gone) },
		Exited: func(*child.Child, syscall.WaitStatus) { go p.ended() },
	})
}

func (p *pluginProcess) connect(line string) {
	client, hangUp, err := pluginrpc.Dial(line, func(wire.Peer) error { return nil }, io.Discard)
	if err != nil {
		return // it was killed
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, kind := range p.kinds {
		if _, err := client.Configure(ctx, kind, instanceName, p.values, sdk.Daemon{Identifier: "test"}, ""); err != nil {
			if !wire.IsUnavailable(err) {
				p.t.Error(err)
			}
			hangUp()
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client, p.hangUp = client, hangUp
}

func (p *pluginProcess) ended() {
	p.mu.Lock()
	if p.hangUp != nil {
		p.hangUp()
	}
	p.client, p.hangUp, p.child = nil, nil, nil
	stopping := p.stopping
	p.mu.Unlock()
	if stopping {
		close(p.gone)
		return
	}
	p.start()
}

func (p *pluginProcess) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.child != nil {
		_ = p.child.Signal(syscall.SIGKILL, true)
	}
}

func (p *pluginProcess) stop() {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); p.kill() {
		select {
		case <-p.gone:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
	p.t.Error("the plugin does not end")
}

func (p *pluginProcess) reach() (*pluginrpc.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		return nil, wire.ErrUnavailable
	}
	return p.client, nil
}

// Notify implements outlets.Instances.
func (p *pluginProcess) Notify(ctx context.Context, _ string, n *sdk.Notification) error {
	client, err := p.reach()
	if err != nil {
		return err
	}
	return client.Notifier(instanceName).Notify(ctx, n)
}

// OpenLogStream implements outlets.Instances.
func (p *pluginProcess) OpenLogStream(ctx context.Context, _ string) (delivery.LogStream, error) {
	client, err := p.reach()
	if err != nil {
		return nil, err
	}
	return client.OpenLogStream(ctx, instanceName)
}

// outletRig is a supervisor with real programs, and outlets.
type outletRig struct {
	t       testing.TB
	dir     string
	system  *child.System
	sup     *core.Supervisor
	bus     *eventlistener.Bus
	outlets *outlets.Set
	events  *keptEvents
	mu      sync.Mutex
	log     bytes.Buffer
}

// keptEvents keeps payloads by type.
type keptEvents struct {
	mu  sync.Mutex
	all map[string][]string
}

func (k *keptEvents) Accept(e *eventlistener.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all[e.Type().String()] = append(k.all[e.Type().String()], string(e.Payload()))
}

func (k *keptEvents) of(kind string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string(nil), k.all[kind]...)
}

// newRig makes a supervisor of programs: commands by name. Call start.
func newRig(t testing.TB, programs map[string]string) *outletRig {
	t.Helper()
	r := &outletRig{t: t, dir: t.TempDir(), bus: eventlistener.NewBus(), events: &keptEvents{all: map[string][]string{}}}
	var err error
	if r.system, err = child.New(child.Options{Linger: 100 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.system.Close)
	r.bus.Subscribe(r.events, []eventlistener.Type{eventlistener.AnyEvent, eventlistener.HarkEvent})
	conf := &config.Config{ServerURL: "unix:///s"}
	conf.Supervisord.Identifier, conf.Supervisord.ChildLogDir, conf.Supervisord.LogLevel = "test", r.dir, config.INFO
	for name := range maps.Keys(programs) {
		conf.Groups = append(conf.Groups, &config.Group{Name: name, Priority: 999, Processes: []*config.Process{{
			Name: name, Command: config.ParseCommand(programs[name]), Umask: -1, Priority: 999, ExitCodes: []int{0}, StopSignal: syscall.SIGKILL, StopWait: 10 * time.Second,
		}}})
	}
	r.sup, err = core.New(core.Options{
		Config: conf, System: r.system, Bus: r.bus, Environ: os.Environ(), Log: func(_ config.Level, text string) { r.note(text) },
		ReopenLog: func() {}, ClearLog: func() error { return nil }, Reread: func() (*config.Config, error) { return conf, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *outletRig) note(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.WriteString(text + "\n")
}

// Write is for the outlets' log.
func (r *outletRig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

// run begins the loop, with outlets that reach their plugins through i.
func (r *outletRig) run(i outlets.Instances) {
	oc := newOutletCore()
	letters := deadletters.NewLog(r.dir, func(_ config.Level, text string) { r.note(text) })
	oc.move(r.sup, letters)
	r.outlets = outlets.New(oc, i, sdk.Daemon{Identifier: "test", Hostname: "here"}, &notify.Silences{},
		hclog.New(&hclog.LoggerOptions{Output: r, Level: hclog.Info}))
	ended := make(chan struct{})
	go func() {
		r.sup.Run(nil)
		close(ended)
	}()
	r.t.Cleanup(func() {
		_ = r.sup.Shutdown(context.Background())
		<-ended
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		r.outlets.Close(ctx)
		letters.Flush()
	})
}

func (r *outletRig) program(name string) {
	r.t.Helper()
	if err := r.sup.StartProcess(context.Background(), name, name, true); err != nil {
		r.t.Fatal(err)
	}
}

func (r *outletRig) setSink(o logsink.Options) *logsink.Sink {
	r.t.Helper()
	o.Name, o.Stdout, o.Stderr = instanceName, true, true
	if err := r.outlets.SetLogSink(context.Background(), o, outlets.Leave{Flush: time.Minute}); err != nil {
		r.t.Fatal(err)
	}
	return r.outlets.LogSinks()[0]
}

// until polls.
func (r *outletRig) until(what string, so func() bool) {
	r.t.Helper()
	testkit.Await(r.t, so, func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return fmt.Sprintf("%s; the log:\n%.4000s", what, &r.log)
	})
}
