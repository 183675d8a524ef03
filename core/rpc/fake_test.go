package rpc

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) {
	// the server lingers for half a second after an answer to a request that it has not read: it ends by itself, but later than goleak waits
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const everyGroup = "/every/"

// fake is a Supervisor of a few processes that change state at once; what is
// asked of it is kept in calls.
type fake struct {
	mu       sync.Mutex
	procs    []*core.ProcessInfo // by priority
	mood     atomic.Int64
	mainLog  string
	calls    []string
	fail     error         // what every call that changes something answers, if not nil
	blocked  chan struct{} // a start of "slow" waits for it
	waiting  chan struct{} // gets a value when it does
	panicNow atomic.Bool
}

// awaitStart returns when a start of "slow" waits.
func (f *fake) awaitStart(t testing.TB) {
	t.Helper()
	select {
	case <-f.waiting:
	case <-time.After(testkit.Patience):
		t.Fatal("no start waits")
	}
}

func newFake() *fake {
	f := &fake{blocked: make(chan struct{}), waiting: make(chan struct{}, 16)}
	f.mood.Store(int64(core.MoodRunning))
	for _, p := range []struct {
		group, name string
	}{{"cat", "cat"}, {"slow", "slow"}, {"web", "b"}, {"web", "a"}} {
		f.procs = append(f.procs, &core.ProcessInfo{Group: p.group, Name: p.name, State: process.Stopped, Now: time.Now()})
	}
	return f
}

func (f *fake) note(what ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, strings.Join(what, " "))
	return f.fail
}

func (f *fake) noted() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, "; ")
}

func (f *fake) find(group, name string) (*core.ProcessInfo, error) {
	for _, p := range f.procs {
		if p.Group == group && p.Name == name {
			return p, nil
		}
	}
	return nil, &core.Error{Kind: core.BadName, Detail: "the core's own wording"}
}

func (f *fake) set(group, name string, s process.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, _ := f.find(group, name)
	p.State = s
}

func (f *fake) group(group string, act func(*core.ProcessInfo) (bool, *core.Error)) ([]core.Outcome, error) {
	var out []core.Outcome
	known := group == everyGroup || group == "empty"
	for _, p := range f.procs {
		if group != everyGroup && p.Group != group {
			continue
		}
		known = true
		if acted, err := act(p); acted {
			out = append(out, core.Outcome{Name: p.Name, Group: p.Group, Err: err})
		}
	}
	if !known {
		return nil, &core.Error{Kind: core.BadName, Detail: "the core's own wording"}
	}
	return out, nil
}

func (f *fake) Mood() core.Mood {
	if f.panicNow.Load() {
		panic("boom")
	}
	return core.Mood(f.mood.Load())
}
func (f *fake) Identifier() string                               { return "supervisor" }
func (f *fake) Logfile() string                                  { return f.mainLog }
func (f *fake) ClearMainLog(context.Context) error               { return f.note("clear main log") }
func (f *fake) AddGroup(_ context.Context, name string) error    { return f.note("add", name) }
func (f *fake) RemoveGroup(_ context.Context, name string) error { return f.note("remove", name) }
func (f *fake) Shutdown(context.Context) error                   { return f.note("shutdown") }
func (f *fake) ShutdownWith(_ context.Context, status int) error {
	return f.note("shutdown with", strconv.Itoa(status))
}
func (f *fake) Restart(context.Context) error                       { return f.note("restart") }
func (f *fake) SendRemoteComm(_ context.Context, k, d string) error { return f.note("remote", k, d) }

func (f *fake) Reload(context.Context) (core.GroupDiff, error) {
	return core.GroupDiff{Added: []string{"new"}, Removed: []string{"old", "older"}}, f.note("reload")
}

func (f *fake) ConfigInfo(context.Context) ([]core.ConfigInfo, error) {
	z := &config.Process{Name: "z", Command: config.ParseCommand("/bin/cat"), AutoStart: true, AutoRestart: config.RestartAlways, ExitCodes: []int{0, 2},
		StopSignal: syscall.SIGTERM, StopWait: 10 * time.Second, StartWait: time.Second, StartRetries: 3, Priority: 999, User: &config.User{UID: 1000}, Directory: "/tmp",
		Stdout: config.Stream{MaxBytes: 50 << 30, Backups: 10}}
	a := &config.Process{Name: "a", Command: config.ParseCommand("/bin/true"), AutoRestart: config.RestartUnexpected}
	return []core.ConfigInfo{
		{Group: &config.Group{Name: "z", Priority: 999}, Process: z, InUse: true, StdoutLog: "/tmp/z.log"},
		{Group: &config.Group{Name: "g", Priority: 1}, Process: a, StdoutLog: "auto"},
	}, nil
}

func (f *fake) StartProcess(ctx context.Context, group, name string, wait bool) error {
	if name == "slow" && wait {
		f.waiting <- struct{}{}
		select {
		case <-f.blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(group, name)
	if err != nil {
		return err
	}
	if f.fail != nil {
		return f.fail
	}
	if p.State == process.Running {
		return &core.Error{Kind: core.AlreadyStarted, Detail: "the core's own wording"}
	}
	p.State, p.Pid = process.Running, 123
	return nil
}

func (f *fake) StopProcess(_ context.Context, group, name string, _ bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(group, name)
	if err != nil {
		return err
	}
	if p.State != process.Running {
		return &core.Error{Kind: core.NotRunning}
	}
	p.State, p.Pid = process.Stopped, 0
	return nil
}

func (f *fake) SignalProcess(_ context.Context, group, name string, sig syscall.Signal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(group, name)
	if err != nil {
		return err
	}
	if p.State != process.Running {
		return &core.Error{Kind: core.NotRunning}
	}
	f.calls = append(f.calls, "signal "+name+" "+sig.String())
	return nil
}

func (f *fake) startAny(group string) ([]core.Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group(group, func(p *core.ProcessInfo) (bool, *core.Error) {
		if p.State == process.Running {
			return false, nil
		}
		if p.Name == "slow" {
			return true, &core.Error{Kind: core.AbnormalTermination}
		}
		p.State = process.Running
		return true, nil
	})
}

func (f *fake) stopAny(group string) ([]core.Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group(group, func(p *core.ProcessInfo) (bool, *core.Error) {
		running := p.State == process.Running
		p.State = process.Stopped
		return running, nil
	})
}

func (f *fake) signalAny(group string, sig syscall.Signal) ([]core.Outcome, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.group(group, func(p *core.ProcessInfo) (bool, *core.Error) {
		if p.State != process.Running {
			return false, nil
		}
		f.calls = append(f.calls, "signal "+p.Name+" "+sig.String())
		return true, nil
	})
}

func (f *fake) StartGroup(_ context.Context, g string, _ bool) ([]core.Outcome, error) {
	return f.startAny(g)
}
func (f *fake) StartAll(context.Context, bool) ([]core.Outcome, error) { return f.startAny(everyGroup) }
func (f *fake) StopGroup(_ context.Context, g string, _ bool) ([]core.Outcome, error) {
	return f.stopAny(g)
}
func (f *fake) StopAll(context.Context, bool) ([]core.Outcome, error) { return f.stopAny(everyGroup) }
func (f *fake) SignalGroup(_ context.Context, g string, sig syscall.Signal) ([]core.Outcome, error) {
	return f.signalAny(g, sig)
}
func (f *fake) SignalAll(_ context.Context, sig syscall.Signal) ([]core.Outcome, error) {
	return f.signalAny(everyGroup, sig)
}

func (f *fake) ProcessInfo(_ context.Context, group, name string) (core.ProcessInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(group, name)
	if err != nil {
		return core.ProcessInfo{}, err
	}
	return *p, nil
}

func (f *fake) AllProcessInfo(context.Context) ([]core.ProcessInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []core.ProcessInfo
	for _, p := range f.procs {
		all = append(all, *p)
	}
	return all, nil
}

func (f *fake) ProcessNames(context.Context) ([]core.Outcome, error) {
	return f.group(everyGroup, func(*core.ProcessInfo) (bool, *core.Error) { return true, nil })
}

func (f *fake) SendStdin(_ context.Context, group, name string, chars []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(group, name)
	if err != nil {
		return err
	}
	if p.State != process.Running {
		return &core.Error{Kind: core.NotRunning}
	}
	if f.fail != nil {
		return f.fail
	}
	f.calls = append(f.calls, "stdin "+string(chars))
	return nil
}

func (f *fake) LogPath(_ context.Context, group, name, channel string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, err := f.find(group, name)
	if err != nil {
		return "", err
	}
	if channel == "stderr" {
		return p.StderrLog, nil
	}
	return p.StdoutLog, nil
}

func (f *fake) ClearProcessLogs(_ context.Context, group, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find(group, name); err != nil {
		return err
	}
	if name == "a" {
		return &core.Error{Kind: core.Failed, Detail: "the core's own wording"}
	}
	return nil
}

// textSlice is a part of a log that is in memory.
type textSlice struct{ *strings.Reader }

func (textSlice) Close() error { return nil }

func slice(b []byte) LogSlice { return textSlice{strings.NewReader(string(b))} }

// testLogs reads files simply; core/logs has the real thing and its tests.
func testLogs() Logs {
	return Logs{
		Read: func(path string, offset, length int64) (LogSlice, error) {
			b, err := os.ReadFile(path)
			switch {
			case err != nil:
				return nil, &core.Error{Kind: core.Failed}
			case length < 0 || offset < 0 && length != 0:
				return nil, &core.Error{Kind: core.BadArguments}
			case offset < 0:
				return slice(b[max(0, int64(len(b))+offset):]), nil
			}
			b = b[min(offset, int64(len(b))):]
			return slice(b[:min(length, int64(len(b)))]), nil
		},
		Tail: func(path string, offset, length int64) (LogSlice, int64, bool, error) {
			b, err := os.ReadFile(path)
			size := int64(len(b))
			return slice(b[max(0, size-length):]), size, size > offset+length, err
		},
		Follow: func(path string, head int64) (Follower, error) {
			b, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			first := b[max(0, int64(len(b))-head):]
			return &testFollower{first: first, past: int64(len(first)), ends: strings.HasSuffix(string(b), "END\n")}, nil
		},
	}
}

type testFollower struct {
	first []byte
	past  int64
	ends  bool // after first
	ended bool
}

func (t *testFollower) Next(ctx context.Context) ([]byte, error) {
	if t.ended {
		return nil, io.EOF
	}
	if t.first != nil {
		b := t.first
		t.first = nil
		t.ended = t.ends
		return b, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (t *testFollower) Past() int64 { return t.past }

func (t *testFollower) Close() error { return nil }

// lines is an activity log in memory.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(level config.Level, text string) {
	names := map[config.Level]string{config.CRIT: "CRIT", config.ERRO: "ERRO", config.WARN: "WARN", config.INFO: "INFO", config.TRAC: "TRAC"}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, names[level]+" "+text)
}

func (l *lines) with(part string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.all {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

// harness is an open server with its socket's path and its log.
type harness struct {
	*Server
	sup  *fake
	path string
	log  *lines
}

func interfaces() []config.RPCInterface {
	return []config.RPCInterface{{Name: "supervisor", Factory: mainFactory}}
}

func unixServer(t testing.TB) config.Server {
	return config.Server{Section: "unix_http_server", Network: "unix", Path: filepath.Join(t.TempDir(), "s.sock"), Mode: 0o700}
}

// serve opens and serves one unix socket; change may alter the options first.
func serve(t testing.TB, lim limits, change func(*Options)) *harness {
	t.Helper()
	h := &harness{sup: newFake(), log: &lines{}}
	o := Options{
		Servers: []config.Server{unixServer(t)}, Interfaces: interfaces(), Supervisor: h.sup,
		Logs: testLogs(), Hark: Hark{Version: "0.1.0-test", Daemon: h.sup}, Activity: h.log.add,
	}
	if change != nil {
		change(&o)
	}
	h.path = o.Servers[0].Path
	var err error
	if h.Server, err = open(o, lim); err != nil {
		t.Fatal(err)
	}
	h.Serve()
	t.Cleanup(func() {
		_ = h.Close()
		testkit.Until(t, "the condition holds", h.memory.left)
	})
	return h
}

var errTest = errors.New("a test's own error")
