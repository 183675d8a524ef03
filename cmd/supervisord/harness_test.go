package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/background"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/testplugins/faulty"
	"github.com/hark-supervisor/hark/testplugins/flooder"
)

// TestMain lets the test binary be supervisord: the tests start it as a process
// of its own, so that they test what a user runs.
func TestMain(m *testing.M) {
	if child.UmaskVerb(os.Args) {
		return
	}
	if len(os.Args) > 2 && os.Args[1] == twiceVerb {
		fmt.Fprintln(os.Stderr, startWithTwoEqualNames(os.Args[2:]))
		os.Exit(127)
	}
	if len(os.Args) > 2 && os.Args[1] == faulty.Verb { // with an empty environment
		if slices.Contains(os.Args, "--describe") && os.Getenv("GORACE") == "" { // the race detector ends processes late
			_ = syscall.Exec(os.Args[0], os.Args, append(os.Environ(), "GORACE=atexit_sleep_ms=0"))
		}
		faulty.Run(os.Args[2:])
		return
	}
	if len(os.Args) > 1 && os.Args[1] == flooder.Verb {
		flooder.Run()
		return
	}
	if crowdVerb(os.Args) {
		return
	}
	if os.Getenv("HARK_BE_SUPERVISORD") != "" || os.Getenv(background.ReadyVariable) != "" {
		_ = os.Unsetenv("HARK_BE_SUPERVISORD")
		os.Exit(besideSignals(func() int { return command(os.Args, os.Stdout, os.Stderr) }))
	}
	status := m.Run()
	_ = os.RemoveAll(built.dir)
	os.Exit(status)
}

// built has Hark's supervisorctl and pidproxy, built once for those tests that run them.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func supervisorctl(t testing.TB) string { return builtCommand(t, "supervisorctl") }

func builtCommand(t testing.TB, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "hark-build"); built.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", built.dir, "github.com/hark-supervisor/hark/cmd/supervisorctl", "github.com/hark-supervisor/hark/cmd/pidproxy").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("cannot build what the tests run: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

// flavour is a supervisord to test: ours or Python's.
type flavour struct {
	name string
	argv []string
	env  []string
}

func hark(t testing.TB) flavour {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return flavour{"hark", []string{self}, []string{"HARK_BE_SUPERVISORD=1"}}
}

// python is Debian's supervisord, which make test installs.
func python(t testing.TB) flavour {
	const script = "/usr/bin/supervisord"
	if _, err := os.Stat(script); err != nil {
		t.Fatalf("%s is missing; make test installs what the tests need", script)
	}
	return flavour{"python", []string{"/usr/bin/python3", script}, nil}
}

// instance is a running supervisord in a directory of its own.
type instance struct {
	t      testing.TB
	dir    string
	conf   string
	sock   string
	cmd    *exec.Cmd
	output testkit.Buffer
	exited chan struct{}
	ctls   *pythonServer // nil until ctlWith needs it

	ctlBinary string // Hark's supervisorctl, where that is what drives the instance
}

// baseConf is a daemon in the foreground with a unix socket; DIR stands for its
// directory.
const baseConf = `
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
[supervisorctl]
serverurl=unix://DIR/s.sock
`

// start runs f with baseConf and more, DIR replaced, and waits until it serves.
func start(t testing.TB, f flavour, more string, args ...string) *instance {
	in := prepare(t, f, baseConf+more, args...)
	in.launch()
	in.waitServing()
	return in
}

func prepare(t testing.TB, f flavour, conf string, args ...string) *instance {
	dir := testkit.Dir(t)
	in := &instance{t: t, dir: dir, conf: filepath.Join(dir, "supervisord.conf"), sock: filepath.Join(dir, "s.sock")}
	in.writeConf(conf)
	argv := append(append(append([]string{}, f.argv...), "-c", in.conf), args...)
	in.cmd = exec.Command(argv[0], argv[1:]...)
	in.cmd.Env = append(os.Environ(), f.env...)
	in.cmd.Dir = dir
	in.cmd.Stdout, in.cmd.Stderr = &in.output, &in.output
	return in
}

func (in *instance) writeConf(conf string) {
	if err := os.WriteFile(in.conf, []byte(strings.ReplaceAll(conf, "DIR", in.dir)), 0o600); err != nil {
		in.t.Fatal(err)
	}
}

func (in *instance) launch() {
	in.exited = make(chan struct{})
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
	go func() {
		_ = in.cmd.Wait()
		close(in.exited)
	}()
	in.t.Cleanup(in.stop)
}

// stop ends the daemon and whatever it left behind.
func (in *instance) stop() {
	_ = in.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-in.exited:
	case <-time.After(testkit.Patience):
		in.t.Errorf("supervisord did not stop; its output:\n%s", in.output.String())
		_ = in.cmd.Process.Kill()
		<-in.exited
	}
	if in.t.Failed() {
		in.t.Logf("output of supervisord:\n%s", tailOf(in.output.String(), 6000))
	}
}

func tailOf(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func (in *instance) waitServing() {
	testkit.Until(in.t, "supervisord serves", func() bool {
		select {
		case <-in.exited:
			in.t.Fatalf("supervisord ended: %v\n%s", in.cmd.ProcessState, in.output.String())
		default:
		}
		_, err := in.call("supervisor.getState")
		return err == nil
	})
}

// pause is between two looks of a poll.
func pause() {
	timer := time.NewTimer(5 * time.Millisecond)
	<-timer.C
}

// call makes one XML-RPC call on the unix socket.
func (in *instance) call(method string, args ...any) (any, error) {
	return rpcCall(unixClient(in.sock), "http://unix/RPC2", method, args...)
}

// must is call where a fault fails the test.
func (in *instance) must(method string, args ...any) any {
	in.t.Helper()
	v, err := in.call(method, args...)
	if err != nil {
		in.t.Fatalf("%s%v: %v", method, args, err)
	}
	return v
}

func unixClient(path string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		},
	}}
}

func rpcCall(client *http.Client, url, method string, args ...any) (any, error) {
	return rpcCallAs(context.Background(), client, url, "", "", method, args...)
}

// rpcCallAs is rpcCall of a user; "": of nobody.
func rpcCallAs(ctx context.Context, client *http.Client, url, user, password, method string, args ...any) (any, error) {
	body, err := xmlrpc.AppendCall(nil, method, args...)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	req.Header.Set("Content-Type", "text/xml")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end
	doc, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP %s: %s", resp.Status, doc)
	}
	return xmlrpc.DecodeResponse(doc)
}

// info is getProcessInfo of one process.
func (in *instance) info(name string) xmlrpc.Struct {
	in.t.Helper()
	return in.must("supervisor.getProcessInfo", name).(xmlrpc.Struct)
}

// state is the statename of one process.
func (in *instance) state(name string) string {
	in.t.Helper()
	v, _ := in.info(name).Get("statename")
	return v.(string)
}

func (in *instance) pid(name string) int {
	in.t.Helper()
	v, _ := in.info(name).Get("pid")
	return v.(int)
}

func (in *instance) waitState(name, state string) {
	in.t.Helper()
	testkit.Until(in.t, name+" is "+state, func() bool { return in.state(name) == state })
}

// log is the activity log so far.
func (in *instance) log() string {
	b, err := os.ReadFile(filepath.Join(in.dir, "supervisord.log"))
	if err != nil {
		in.t.Fatal(err)
	}
	return string(b)
}

func (in *instance) waitLog(text string) {
	in.t.Helper()
	testkit.Until(in.t, "the log says "+text, func() bool { return strings.Contains(in.log(), text) })
}

// file reads a file of the instance's directory; "" when it is missing.
func (in *instance) file(name string) string {
	b, err := os.ReadFile(filepath.Join(in.dir, name))
	if err != nil && !os.IsNotExist(err) {
		in.t.Fatal(err)
	}
	return string(b)
}

// ctl runs Supervisor's own supervisorctl against the instance and gives its
// output and exit status.
func (in *instance) ctl(args ...string) (string, int) {
	in.t.Helper()
	cmd := exec.Command("/usr/bin/python3", append([]string{"/usr/bin/supervisorctl", "-c", in.conf}, args...)...)
	cmd.Dir = in.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		if _, isExit := err.(*exec.ExitError); !isExit { //nolint:errorlint // exec returns it bare
			in.t.Fatalf("supervisorctl: %v; make test installs what the tests need", err)
		}
	}
	return string(out), cmd.ProcessState.ExitCode()
}
