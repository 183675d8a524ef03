package core

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) {
	child.IgnoreSignals()
	goleak.VerifyTestMain(m)
}

// recorder keeps every event it is given.
type recorder struct {
	mu     sync.Mutex
	events []*eventlistener.Event
}

func (r *recorder) Accept(e *eventlistener.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// names are the types of the events about one process, or of all for "".
func (r *recorder) names(process string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, e := range r.events {
		if p, ok := e.Process(); process == "" || ok && p.Name == process {
			names = append(names, e.Type().String())
		}
	}
	return names
}

func (r *recorder) payloads(kind eventlistener.Type) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	for _, e := range r.events {
		if e.Type() == kind {
			all = append(all, string(e.Payload()))
		}
	}
	return all
}

// running is a Supervisor under test with its System.
type running struct {
	*Supervisor
	Selections
	t       *testing.T
	dir     string
	events  *recorder
	signals chan os.Signal
	mu      sync.Mutex
	lines   []string
	reread  func() (*config.Config, error)
	mood    chan Mood
	long    string // see lastsLong
	system  *child.System
}

func run(t *testing.T, groups ...*config.Group) *running {
	t.Helper()
	r := prepare(t, groups...)
	r.begin()
	return r
}

// prepare is run before Run.
func prepare(t *testing.T, groups ...*config.Group) *running {
	t.Helper()
	return prepareWith(t, func(*Options) {}, groups...)
}

// prepareWith is prepare with other options.
func prepareWith(t *testing.T, change func(*Options), groups ...*config.Group) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), events: &recorder{}, signals: make(chan os.Signal, 4), mood: make(chan Mood, 1)}
	system, err := child.New(child.Options{})
	if err != nil {
		t.Fatal(err)
	}
	bus := eventlistener.NewBus()
	bus.Subscribe(r.events, []eventlistener.Type{eventlistener.AnyEvent, eventlistener.HarkEvent})
	conf := &config.Config{Groups: groups, ServerURL: "unix:///s"}
	conf.Supervisord.Identifier = "test"
	conf.Supervisord.ChildLogDir = r.dir
	conf.Supervisord.LogLevel = config.DEBG
	o := Options{
		Config: conf, System: system, Bus: bus, Environ: os.Environ(),
		Log: func(_ config.Level, text string) {
			r.mu.Lock()
			r.lines = append(r.lines, text)
			r.mu.Unlock()
		},
		ReopenLog: func() {},
		ClearLog:  func() error { return nil },
		Reread:    func() (*config.Config, error) { return r.reread() },
		Program: func(name, _ string, settings map[string]string) ([]*config.Process, []string, error) {
			if settings["command"] == "" {
				return nil, nil, config.Errors{{Supervisor: "there is no command"}}
			}
			p := *program(name, settings["command"]).Processes[0]
			if settings["autorestart"] == "true" {
				p.AutoRestart = config.RestartAlways
			}
			p.Stdout.Logfile, p.Stderr.Logfile = config.Logfile{Kind: config.LogAuto}, config.Logfile{Kind: config.LogAuto}
			return []*config.Process{&p}, []string{"a word about " + name}, nil
		},
	}
	change(&o)
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Supervisor, r.Selections, r.system = s, s.Selections(), system
	t.Cleanup(system.Close)
	return r
}

func (r *running) begin() {
	go func() { r.mood <- r.Run(r.signals) }()
	r.t.Cleanup(func() {
		_ = r.Shutdown(context.Background())
		select {
		case <-r.turns.Ended():
		case <-time.After(testkit.Patience):
			r.t.Error("the supervisor does not end")
		}
	})
}

// program is a group of one process with the same name.
func program(name, command string, change ...func(*config.Process)) *config.Group {
	p := &config.Process{
		Name: name, Command: config.ParseCommand(command), Umask: -1, Priority: 999, AutoStart: true, StartWait: 0, StartRetries: 0,
		AutoRestart: config.RestartNever, ExitCodes: []int{0}, StopSignal: syscall.SIGTERM, StopWait: 10 * time.Second,
		Stdout: config.Stream{MaxBytes: 1 << 20, Backups: 2}, Stderr: config.Stream{MaxBytes: 1 << 20, Backups: 2},
	}
	for _, f := range change {
		f(p)
	}
	return &config.Group{Name: name, Priority: p.Priority, Processes: []*config.Process{p}}
}

// at gives the state to f: before the loop, on it, or after its end.
func (r *running) at(f func(l *loop)) {
	r.t.Helper()
	if r.turns.Alone(f) { // before Run
		return
	}
	if err := r.turns.Ask(context.Background(), f); errors.Is(err, ErrEnded) {
		r.turns.Alone(f)
	} else if err != nil {
		r.t.Fatal(err)
	}
}

// processOf is a process.
func (r *running) processOf(group, name string) (m *member) {
	r.t.Helper()
	r.at(func(l *loop) { m = l.groups[group].member(name) })
	return m
}

func (r *running) until(what string, condition func() bool) {
	r.t.Helper()
	testkit.Await(r.t, condition, func() string {
		r.mu.Lock()
		defer r.mu.Unlock()
		return what + "; the log:\n" + strings.Join(r.lines, "\n")
	})
}

// pauseBriefly is between two looks of a poll.
func pauseBriefly() {
	timer := time.NewTimer(2 * time.Millisecond)
	<-timer.C
}

func (r *running) state(name string) process.State {
	r.t.Helper()
	info, err := r.ProcessInfo(context.Background(), name, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return info.State
}

func (r *running) untilState(name string, st process.State) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s is %v", name, st), func() bool { return r.state(name) == st })
}

func (r *running) logged(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, text) })
}

func (r *running) count(text string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Count(strings.Join(r.lines, "\n"), text)
}

func kindOf(err error) ErrorKind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return 0
}

func stdoutTo(path string) func(*config.Process) {
	return func(p *config.Process) { p.Stdout.Logfile = config.Logfile{Kind: config.LogPath, Path: path} }
}

func TestAProcessStartsRunsAndStopsWithItsEvents(t *testing.T) {
	r := run(t, program("cat", "/bin/cat"))
	r.untilState("cat", process.Running)
	if err := r.StopProcess(context.Background(), "cat", "cat", true); err != nil {
		t.Fatal(err)
	}
	want := []string{"PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING", "PROCESS_STATE_STOPPING", "PROCESS_STATE_STOPPED"}
	if got := r.events.names("cat"); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if err := r.StopProcess(context.Background(), "cat", "cat", true); kindOf(err) != NotRunning {
		t.Errorf("stopping it again: %v", err)
	}
	if err := r.StartProcess(context.Background(), "cat", "cat", true); err != nil {
		t.Error(err)
	}
	if err := r.StartProcess(context.Background(), "cat", "cat", true); kindOf(err) != AlreadyStarted {
		t.Errorf("starting it again: %v", err)
	}
}

func TestHowAProcessEndedIsTold(t *testing.T) {
	r := run(t, program("dies", "/bin/sh -c 'kill -SEGV $$'"), program("fails", "/bin/sh -c 'exit 5'"))
	r.untilState("dies", process.Exited)
	r.untilState("fails", process.Exited)
	for name, want := range map[string]process.Reaped{"dies": {Code: -1, Signal: syscall.SIGSEGV}, "fails": {Code: 5}} {
		info, err := r.ProcessInfo(context.Background(), name, name)
		if err != nil {
			t.Fatal(err)
		}
		info.End.CoreDump = false // depends on the machine
		if info.End != want || !info.HasEnd {
			t.Errorf("%s ended %+v, %v", name, info.End, info.HasEnd)
		}
	}
}

func TestRefusalsOfAStartSayWhy(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	off := func(p *config.Process) { p.AutoStart = false }
	r := run(t,
		program("missing", "/nowhere/x", off), program("plain", plain, off), program("empty", "''", off),
		program("quote", "'x", off), program("quick", "/bin/false", off, func(p *config.Process) { p.StartWait = 10 * time.Second }))
	for _, c := range []struct {
		name string
		kind ErrorKind
	}{{"missing", NoFile}, {"plain", NotExecutable}, {"empty", NotExecutable}, {"quote", NotExecutable}, {"quick", SpawnFailed}, {"nobody", BadName}} {
		if err := r.StartProcess(context.Background(), c.name, c.name, true); kindOf(err) != c.kind {
			t.Errorf("%s: %v, want kind %d", c.name, err, c.kind)
		}
	}
	r.untilState("quick", process.Fatal)
}

func TestTheLastOutputPrecedesTheExitAndReachesTheLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "out.log")
	r := run(t, program("talk", `/bin/sh -c 'echo first; echo last; exit 3'`, stdoutTo(log), func(p *config.Process) {
		p.Stdout.EventsEnabled = true
	}))
	r.untilState("talk", process.Exited)
	if !r.logged("exited: talk (exit status 3; not expected)") {
		t.Error("the exit is not logged as Supervisor does")
	}
	if b, err := os.ReadFile(log); err != nil || string(b) != "first\nlast\n" {
		t.Errorf("log %q, %v", b, err)
	}
	names := r.events.names("talk")
	if at := slices.Index(names, "PROCESS_STATE_EXITED"); at != len(names)-1 {
		t.Errorf("something came after the exit: %v", names)
	}
	if said := strings.Join(r.events.payloads(eventlistener.ProcessLogStdout), ""); !strings.Contains(said, "last\n") {
		t.Errorf("log events %q", said)
	}
	if exit := r.events.payloads(eventlistener.ProcessStateExited); len(exit) != 1 || !strings.Contains(exit[0], "expected:0") {
		t.Errorf("exit event %q", exit)
	}
}

func TestCapturedBlocksBecomeCommunicationEvents(t *testing.T) {
	log := filepath.Join(t.TempDir(), "out.log")
	r := run(t, program("comm", `/bin/sh -c 'printf "before<!--XSUPERVISOR:BEGIN-->hello<!--XSUPERVISOR:END-->after"'`, stdoutTo(log),
		func(p *config.Process) { p.Stdout.CaptureMaxBytes = 1 << 20 }))
	r.untilState("comm", process.Exited)
	got := r.events.payloads(eventlistener.ProcessCommunicationStdout)
	if len(got) != 1 || !strings.HasSuffix(got[0], "\nhello") {
		t.Errorf("events %q", got)
	}
	r.until("the log is whole", func() bool {
		b, _ := os.ReadFile(log)
		return string(b) == "beforeafter"
	})
}

func TestGroupCallsActOnWhatTheyCanAndTellTheOrder(t *testing.T) {
	off := func(p *config.Process) { p.AutoStart = false }
	r := run(t, program("a", "/bin/cat", off), program("b", "/nowhere/x", off), program("c", "/bin/cat"))
	r.untilState("c", process.Running)
	got, err := r.StartAll(context.Background(), true)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Name != "b" || kindOf(got[0].Err) != NoFile || got[1].Name != "a" || got[1].Err != nil {
		t.Errorf("outcomes %+v", got)
	}
	if got, err = r.StopAll(context.Background(), true); err != nil || len(got) != 2 {
		t.Errorf("outcomes %+v, %v", got, err)
	}
	if _, err = r.StopGroup(context.Background(), "nobody", true); kindOf(err) != BadName {
		t.Errorf("an unknown group: %v", err)
	}
	if got, err = r.StopAll(context.Background(), true); err != nil || len(got) != 0 {
		t.Errorf("stopping what is stopped: %+v, %v", got, err)
	}
}

func TestAReloadIsComparedAndTakenUpGroupByGroup(t *testing.T) {
	kept, gone := program("kept", "/bin/cat"), program("gone", "/bin/cat")
	r := run(t, kept, gone)
	r.untilState("gone", process.Running)
	r.reread = func() (*config.Config, error) { return nil, errors.New("line 3 is broken") }
	if _, err := r.Reload(context.Background()); kindOf(err) != CantReread || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("a broken file: %v", err)
	}
	if err := r.AddGroup(context.Background(), "fresh"); kindOf(err) != BadName {
		t.Errorf("a group of no file: %v", err)
	}
	r.reread = func() (*config.Config, error) {
		return &config.Config{Groups: []*config.Group{program("kept", "/bin/cat"), program("fresh", "/bin/cat")}, Warnings: []string{"a setting is unknown"}}, nil
	}
	diff, err := r.Reload(context.Background())
	if !r.logged("a setting is unknown") {
		t.Error("a new warning is not in the activity log")
	}
	if err != nil || !slices.Equal(diff.Added, []string{"fresh"}) || len(diff.Changed) != 0 || !slices.Equal(diff.Removed, []string{"gone"}) {
		t.Errorf("%+v, %v", diff, err)
	}
	if err := r.AddGroup(context.Background(), "kept"); kindOf(err) != AlreadyAdded {
		t.Errorf("adding what is there: %v", err)
	}
	if err := r.AddGroup(context.Background(), "fresh"); err != nil {
		t.Error(err)
	}
	r.untilState("fresh", process.Running)
	if err := r.RemoveGroup(context.Background(), "gone"); kindOf(err) != StillRunning {
		t.Errorf("removing what runs: %v", err)
	}
	if err := r.StopProcess(context.Background(), "gone", "gone", true); err != nil {
		t.Error(err)
	}
	if err := r.RemoveGroup(context.Background(), "gone"); err != nil {
		t.Error(err)
	}
	if _, err := r.ProcessInfo(context.Background(), "gone", "gone"); kindOf(err) != BadName {
		t.Errorf("the removed one: %v", err)
	}
}

func TestAShutdownStopsTheLastInPriorityFirst(t *testing.T) {
	priority := func(n int) func(*config.Process) { return func(p *config.Process) { p.Priority = n } }
	r := run(t, program("one", "/bin/cat", priority(1)), program("two", "/bin/cat", priority(2)), program("three", "/bin/cat", priority(3)))
	r.untilState("three", process.Running)
	r.signals <- syscall.SIGTERM
	if mood := <-r.mood; mood != MoodShutdown {
		t.Errorf("ended in mood %v", mood)
	}
	var order []string
	for _, p := range r.events.payloads(eventlistener.ProcessStateStopped) {
		name, _, _ := strings.Cut(strings.TrimPrefix(p, "processname:"), " ")
		order = append(order, name)
	}
	if !slices.Equal(order, []string{"three", "two", "one"}) {
		t.Errorf("stopped in order %v", order)
	}
	for _, line := range []string{"received SIGTERM indicating exit request", "waiting for one, two, three to die"} {
		if !r.logged(line) {
			t.Errorf("no line %q", line)
		}
	}
	if err := r.StartProcess(context.Background(), "one", "one", true); !errors.Is(err, ErrEnded) {
		t.Errorf("a call after the end: %v", err)
	}
}

func TestARestartWithABrokenConfigurationIsRefused(t *testing.T) {
	r := run(t, program("cat", "/bin/cat"))
	r.untilState("cat", process.Running)
	r.reread = func() (*config.Config, error) { return nil, errors.New("no such luck") }
	if err := r.Restart(context.Background()); kindOf(err) != CantReread {
		t.Errorf("restart: %v", err)
	}
	r.signals <- syscall.SIGHUP
	r.until("the second refusal is logged, too", func() bool { return r.count("no such luck") == 2 })
	if r.Mood() != MoodRunning || r.state("cat") != process.Running {
		t.Error("it did not go on")
	}
	r.reread = func() (*config.Config, error) { return &config.Config{}, nil }
	if err := r.Restart(context.Background()); err != nil {
		t.Error(err)
	}
	if mood := <-r.mood; mood != MoodRestarting {
		t.Errorf("ended in mood %v", mood)
	}
}

func TestAListenerIsSentEventsAndARejectedOneAgain(t *testing.T) {
	out := filepath.Join(t.TempDir(), "seen")
	// Rejects the first event it is sent, accepts all that follow.
	script := filepath.Join(t.TempDir(), "listener.sh")
	body := `#!/bin/sh
verdict=FAIL
while printf 'READY\n' && read -r header; do
  len=${header##*len:}; len=${len%% *}
  dd bs=1 count="$len" 2>/dev/null >/dev/null
  echo "$header" >> ` + out + `
  if [ $verdict = FAIL ]; then printf 'RESULT 4\nFAIL'; verdict=OK; else printf 'RESULT 2\nOK'; fi
done
`
	if err := os.WriteFile(script, []byte(body), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	g := program("listen", script)
	g.Kind = config.ListenerGroup
	g.Priority = -1
	g.Listener = &config.Listener{BufferSize: 10, Events: []eventlistener.Type{eventlistener.RemoteCommunication}}
	r := run(t, g)
	for range 2 {
		if err := r.SendRemoteComm(context.Background(), "kind", "data"); err != nil {
			t.Fatal(err)
		}
	}
	var lines []string
	r.until("both events came and one of them twice", func() bool {
		b, _ := os.ReadFile(out)
		lines = strings.Split(strings.TrimSpace(string(b)), "\n")
		return len(lines) == 3
	})
	if lines[0] != lines[1] || !strings.Contains(lines[0], "poolserial:0 ") || !strings.Contains(lines[2], "poolserial:1 ") {
		t.Errorf("headers %q", lines)
	}
	if !strings.HasPrefix(lines[0], "ver:3.0 server:test serial:") || !strings.Contains(lines[0], " pool:listen ") {
		t.Errorf("header %q", lines[0])
	}
}

func TestClearingEmptiesTheLogsOfRunningAndOfStoppedProcesses(t *testing.T) {
	log := filepath.Join(t.TempDir(), "out.log")
	r := run(t, program("cat", "/bin/cat", stdoutTo(log)))
	r.untilState("cat", process.Running)
	size := func() int64 {
		st, err := os.Stat(log)
		if err != nil {
			t.Fatal(err)
		}
		return st.Size()
	}
	say := func() {
		if err := r.SendStdin(context.Background(), "cat", "cat", []byte("hello\n")); err != nil {
			t.Fatal(err)
		}
		r.until("it is logged", func() bool { return size() == 6 })
	}
	say()
	if err := r.ClearProcessLogs(context.Background(), "cat", "cat"); err != nil || size() != 0 {
		t.Errorf("running: %v, %d bytes", err, size())
	}
	say()
	if err := r.StopProcess(context.Background(), "cat", "cat", true); err != nil {
		t.Fatal(err)
	}
	if err := r.ClearProcessLogs(context.Background(), "cat", "cat"); err != nil || size() != 0 {
		t.Errorf("stopped: %v, %d bytes", err, size())
	}
	if err := r.SendStdin(context.Background(), "cat", "cat", []byte("x")); kindOf(err) != NotRunning {
		t.Errorf("writing to a stopped process: %v", err)
	}
}
