package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// daemonVariable names the supervisord that the tests run.
const daemonVariable = "HARK_TEST_SUPERVISORD"

// TestMain lets the test binary be supervisorctl, so that what the scripts run is
// what a user runs, and builds the daemon.
func TestMain(m *testing.M) {
	testscript.Main(withDaemon{m}, map[string]func(){"supervisorctl": main})
}

// withDaemon builds supervisord once, unless there is one to test with.
type withDaemon struct{ m *testing.M }

func (w withDaemon) Run() int {
	if os.Getenv(daemonVariable) == "" {
		dir, err := os.MkdirTemp("", "hark-build")
		if err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
		binary := filepath.Join(dir, "supervisord")
		if out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", dir,
			"github.com/hark-supervisor/hark/cmd/supervisord", "github.com/hark-supervisor/hark/cmd/supervisor-plugins").CombinedOutput(); err != nil {
			_, _ = fmt.Fprintf(os.Stderr, "cannot build supervisord: %v\n%s", err, out)
			return 1
		}
		_ = os.Setenv(daemonVariable, binary)
	}
	status := w.m.Run()
	if err := goleak.Find(); err != nil && status == 0 {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// TestScripts plays testdata/script, a file for each action. A script has a
// supervisord.conf, of which the daemon command adds the part that all have.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("DAEMONDIR", filepath.Dir(os.Getenv(daemonVariable)))
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or every command takes a second
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"daemon": daemonCommand,
			"until":  untilCommand,
			"exits":  exitsCommand,
			"get":    getCommand,
		},
	})
}

// baseConf stands before a script's supervisord.conf.
const baseConf = `[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
nodaemon=true
[unix_http_server]
file=%(here)s/s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s
`

// daemonCommand: "daemon" starts supervisord with the script's configuration and
// waits until it serves; "daemon write FILE" makes FILE the configuration.
func daemonCommand(ts *testscript.TestScript, neg bool, args []string) {
	conf := ts.MkAbs("supervisord.conf")
	if len(args) == 2 && args[0] == "write" {
		ts.Check(os.WriteFile(conf, []byte(baseConf+ts.ReadFile(args[1])), 0o600))
		return
	}
	if neg || len(args) > 0 {
		ts.Fatalf("usage: daemon, or daemon write FILE")
	}
	ts.Check(os.WriteFile(conf, []byte(baseConf+ts.ReadFile("supervisord.conf")), 0o600))
	cmd := exec.Command(os.Getenv(daemonVariable), "-c", conf)
	cmd.Dir = filepath.Dir(conf)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	ts.Defer(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(testkit.Patience):
			_ = cmd.Process.Kill()
			<-ended
			ts.Fatalf("supervisord does not end")
		}
	})
	poll(ts, "supervisord listens", func() bool {
		select {
		case <-ended:
			ts.Fatalf("supervisord ended: %v\n%s", cmd.ProcessState, output.String())
		default:
		}
		conn, err := net.Dial("unix", ts.MkAbs("s"))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// untilCommand: "until REGEXP ARGS..." runs supervisorctl with ARGS until what it
// prints matches.
func untilCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: until REGEXP ARGS...")
	}
	re := regexp.MustCompile("(?m)" + args[0])
	poll(ts, args[0], func() bool {
		_ = ts.Exec("supervisorctl", args[1:]...)
		return re.MatchString(ts.ReadFile("stdout"))
	})
}

// exitsCommand: "exits N ARGS..." runs supervisorctl with ARGS, which must end
// with status N.
func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits STATUS ARGS...")
	}
	err := ts.Exec("supervisorctl", args[1:]...)
	status := "0"
	if err != nil {
		status = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if status != args[0] {
		ts.Fatalf("supervisorctl %v ended with status %s instead of %s", args[1:], status, args[0])
	}
}

// getCommand: "get STATUS PATH REGEXP" asks the daemon by HTTP, which must answer with that status and a body that matches.
func getCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: get STATUS PATH REGEXP")
	}
	client := http.Client{Timeout: testkit.Patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", ts.MkAbs("s")) },
	}}
	answer, err := client.Get("http://daemon" + args[1])
	ts.Check(err)
	defer answer.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	if strconv.Itoa(answer.StatusCode) != args[0] || !regexp.MustCompile("(?m)"+args[2]).Match(body) {
		ts.Fatalf("%s: %s\n%s", args[1], answer.Status, body)
	}
}

func poll(ts *testscript.TestScript, what string, condition func() bool) {
	if !testkit.Holds(condition) {
		ts.Fatalf("waited in vain for %s", what)
	}
}
