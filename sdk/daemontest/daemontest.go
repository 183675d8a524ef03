// Package daemontest runs a real supervisord for tests of listeners, plugins and
// other programs that live under one.
//
//	func TestMain(m *testing.M) { os.Exit(daemontest.Main(m)) }
//
//	func TestMyListener(t *testing.T) {
//		d := daemontest.Start(t, `
//	[eventlistener:mine]
//	command=DIR/mine
//	events=TICK_5
//	`)
//		d.WaitLog("mine entered RUNNING state")
//	}
//
//	func TestMyPlugin(t *testing.T) {
//		d := daemontest.Start(t, daemontest.Plugin(t, "mine", ".")+`
//	[notifier:ops]
//	plugin=mine
//	url=http://127.0.0.1:8080/
//	`)
//		d.WaitLog("plugin mine is RUNNING")
//	}
//
// Main builds supervisord once for the tests of a package, from the source that
// the module under test has of Hark: it takes a minute the first time, and Go's
// compiler. Where that is the source of an installed Hark, which is of plugins and
// listeners only, the installed supervisord is run, and where the variable
// HARK_TEST_SUPERVISORD names a program, that one.
package daemontest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// Variable names the supervisord to run.
const Variable = "HARK_TEST_SUPERVISORD"

// Patience is how long anything is waited for that must come. It bounds a
// failure, never a success.
const Patience = testkit.Patience

const module = "github.com/hark-supervisor/hark"

// Main runs the tests of a package with a supervisord built for them, and returns
// their exit status.
func Main(m *testing.M) int {
	if os.Getenv(Variable) == "" {
		dir, err := os.MkdirTemp("", "hark-build")
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
		binary, err := build(filepath.Join(dir, "supervisord"))
		if err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "daemontest: %v\n", err)
			return 1
		}
		if err := os.Setenv(Variable, binary); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return m.Run()
}

// build builds supervisord inside Hark's own module, at the version that the module under test requires (from the module
// cache, a replace directive, or itself), so a module that imports this package does not need supervisord's dependencies
// in its own go.sum. It returns the program's path, or that of the installed program if its source is not available.
func build(binary string) (string, error) {
	var errors bytes.Buffer
	list := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", module)
	list.Stderr = &errors
	found, err := list.Output()
	dir := strings.TrimSpace(string(found))
	if err == nil && dir == "" {
		err = os.ErrNotExist
	}
	if err != nil {
		return "", fmt.Errorf("cannot find the source of supervisord (%w): %s%s may name one that is built", err, &errors, Variable)
	}
	if _, err := os.Stat(filepath.Join(dir, "cmd", "supervisord")); err != nil {
		return installed(dir)
	}
	build := exec.Command("go", "build", "-mod=readonly", "-tags", "grpcnotrace", "-o", binary, "./cmd/supervisord")
	build.Dir, build.Env = dir, append(os.Environ(), "GOWORK=off", "PWD="+dir)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build supervisord in %s (%w): %s%s may name one that is built", dir, err, out, Variable)
	}
	return binary, nil
}

// installed returns the program that came with a source without it: PREFIX/bin/supervisord with PREFIX/share/hark/go, bin/supervisord with dist/go.
func installed(source string) (string, error) {
	for _, up := range []string{"../../../bin", "../../bin"} {
		program := filepath.Join(source, up, "supervisord")
		if _, err := os.Stat(program); err == nil {
			return program, nil
		}
	}
	return "", fmt.Errorf("%s has the source of plugins and listeners only, and there is no supervisord installed with it; %s may name one", source, Variable)
}

// Plugin builds a plugin, pkg being its package as go build has it, and returns
// the section that lets the daemon run it under that name.
func Plugin(t testing.TB, name, pkg string) string {
	t.Helper()
	program := filepath.Join(testkit.Dir(t), name)
	if out, err := exec.Command("go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		t.Fatalf("cannot build %s: %v\n%s", pkg, err, out)
	}
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("\n[plugin:%s]\ncommand=%s\nsha256=%x\n", name, program, sha256.Sum256(content))
}

// base is a daemon in the foreground with a unix socket.
const base = `
[supervisord]
logfile=DIR/supervisord.log
pidfile=DIR/supervisord.pid
childlogdir=DIR
nodaemon=true
loglevel=debug
[unix_http_server]
file=DIR/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
`

// Daemon is a running supervisord with a directory of its own.
type Daemon struct {
	Dir       string // holds supervisord.conf, supervisord.log and the childlogs
	ServerURL string // of its unix socket
	Cmd       *exec.Cmd

	t      testing.TB
	output *testkit.Buffer
	exited chan struct{}
}

// Start runs supervisord with a socket, an activity log and the sections given, in
// which DIR stands for the daemon's directory. It returns when the socket answers.
// At the end of the test the daemon is stopped.
func Start(t testing.TB, sections string) *Daemon {
	return StartCommand(t, []string{os.Getenv(Variable)}, sections)
}

// StartCommand is Start with another command line of supervisord.
func StartCommand(t testing.TB, argv []string, sections string) *Daemon {
	t.Helper()
	dir := testkit.Dir(t)
	d := &Daemon{Dir: dir, ServerURL: "unix://" + dir + "/s.sock", t: t}
	d.WriteConf(sections)
	d.launch(argv)
	t.Cleanup(d.Stop)
	return d
}

// WriteConf writes the configuration file again.
func (d *Daemon) WriteConf(sections string) {
	d.t.Helper()
	conf := strings.ReplaceAll(base+sections, "DIR", d.Dir)
	if err := os.WriteFile(filepath.Join(d.Dir, "supervisord.conf"), []byte(conf), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// Again starts a daemon that has ended in the same directory.
func (d *Daemon) Again() {
	d.t.Helper()
	d.Wait()
	d.launch(d.Cmd.Args[:len(d.Cmd.Args)-2])
}

func (d *Daemon) launch(argv []string) {
	d.t.Helper()
	if argv[0] == "" {
		d.t.Fatal("no supervisord to run: TestMain must call daemontest.Main")
	}
	args := append(append([]string{}, argv[1:]...), "-c", filepath.Join(d.Dir, "supervisord.conf"))
	d.Cmd = exec.Command(argv[0], args...)
	d.Cmd.Dir = d.Dir
	d.output = &testkit.Buffer{}
	d.Cmd.Stdout, d.Cmd.Stderr = d.output, d.output
	if err := d.Cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	exited := make(chan struct{})
	d.exited = exited
	go func() {
		_ = d.Cmd.Wait()
		close(exited)
	}()
	Until(d.t, "supervisord listens", func() bool {
		select {
		case <-exited:
			d.t.Fatalf("supervisord ended at once: %v\n%s", d.Cmd.ProcessState, d.output)
		default:
		}
		conn, err := net.Dial("unix", filepath.Join(d.Dir, "s.sock"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// Stop ends the daemon with SIGTERM and waits for its end.
func (d *Daemon) Stop() {
	d.t.Helper()
	_ = d.Cmd.Process.Signal(syscall.SIGTERM)
	d.Wait()
	if d.t.Failed() {
		d.t.Logf("supervisord's log:\n%s", tail(d.Log()))
	}
}

// Kill ends the daemon with SIGKILL and waits for its end.
func (d *Daemon) Kill() {
	d.t.Helper()
	_ = d.Cmd.Process.Kill()
	d.Wait()
}

// Wait waits until the daemon has ended, and returns its exit status, -1 for a
// signal.
func (d *Daemon) Wait() int {
	d.t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case <-d.exited:
	case <-timer.C:
		d.t.Errorf("supervisord does not end; its log:\n%s", tail(d.Log()))
		_ = d.Cmd.Process.Kill()
		<-d.exited
	}
	return d.Cmd.ProcessState.ExitCode()
}

// Log is the activity log so far.
func (d *Daemon) Log() string { return d.File("supervisord.log") }

// WaitLog waits until the activity log holds a text.
func (d *Daemon) WaitLog(text string) {
	d.t.Helper()
	Until(d.t, "supervisord logs "+text, func() bool { return strings.Contains(d.Log(), text) })
}

// File is a file of the daemon's directory so far; empty if it is not there.
func (d *Daemon) File(name string) string {
	d.t.Helper()
	b, err := os.ReadFile(filepath.Join(d.Dir, name))
	if err != nil && !os.IsNotExist(err) {
		d.t.Fatal(err)
	}
	return string(b)
}

// Until waits until a condition holds, and fails the test if it never does.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	testkit.Until(t, what, condition)
}

func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
