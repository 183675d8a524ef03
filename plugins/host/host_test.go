package host

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/testplugins/faulty"
	"github.com/hark-supervisor/hark/testplugins/flooder"
)

// TestMain lets the test binary be a plugin.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == faulty.Verb {
		faulty.Run(os.Args[2:])
		return
	}
	if len(os.Args) > 1 && os.Args[1] == flooder.Verb {
		flooder.Run()
		return
	}
	goleak.VerifyTestMain(m)
}

// execLauncher starts plugins without a supervisord.
type execLauncher struct{}

type execProcess struct{ cmd *exec.Cmd }

func (p execProcess) PID() int { return p.cmd.Process.Pid }
func (p execProcess) Kill()    { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

type outputFunc func(b []byte) time.Duration

func (f outputFunc) Write(b []byte) (int, error) {
	time.Sleep(f(b))
	return len(b), nil
}

func (execLauncher) Launch(_ context.Context, p *Program) (Process, error) {
	cmd := exec.Command(p.Argv[0], p.Argv[1:]...)
	cmd.Env, cmd.Dir = p.Env, "/"
	cmd.Stdout, cmd.Stderr = outputFunc(p.Stdout), outputFunc(p.Stderr)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	lifeline, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	go func() {
		err := cmd.Wait()
		_ = lifeline.Close()
		p.Exited(fmt.Sprint("it ended: ", err))
	}()
	return execProcess{cmd}, nil
}

// hosted is a host under test with what it told.
type hosted struct {
	t testing.TB
	*Host
	mu      sync.Mutex
	changes []StateChange
	log     bytes.Buffer
}

func (h *hosted) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(b)
}

func (h *hosted) logged() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.String()
}

func (h *hosted) waitLog(text string) {
	h.t.Helper()
	testkit.Until(h.t, "the log has "+text, func() bool { return strings.Contains(h.logged(), text) })
}

// brisk is a timing that makes tests short; nothing but what hangs comes near it.
func brisk() Timing {
	return Timing{BackoffFirst: time.Millisecond, Start: 20 * time.Second, Ready: 20 * time.Second, HealthEvery: 100 * time.Millisecond, Health: 10 * time.Second}
}

func newHosted(t testing.TB, timing Timing, args ...string) *hosted {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "hark") // short: it holds sockets
	if err != nil {
		t.Fatal(err)
	}
	h := &hosted{t: t}
	h.Host = New(Options{
		Launcher: execLauncher{}, RunDir: func() (string, error) { return filepath.Join(dir, "r"), nil }, Timing: timing,
		Resolve: func(s Settings) (*Executable, error) {
			argv := s.Command
			if argv == nil {
				argv = append([]string{self, faulty.Verb}, args...)
			}
			return &Executable{Argv: argv}, nil
		},
		Call: func(_ context.Context, readOnly bool, method string, _ []any) (any, error) {
			if readOnly && method == "supervisor.shutdown" {
				return nil, ErrForbidden
			}
			return "answer of " + method, nil
		},
		ReadSecret: func(path string) (string, error) {
			b, err := os.ReadFile(path)
			return strings.TrimSpace(string(b)), err
		},
		Changed: func(c StateChange) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changes = append(h.changes, c)
		},
		Log: hclog.New(&hclog.LoggerOptions{Output: h, Level: hclog.Debug, DisableTime: true}),
	})
	t.Cleanup(func() {
		h.close(0)
		if t.Failed() {
			t.Log(h.logged())
		}
		if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		_ = os.RemoveAll(dir)
	})
	return h
}

// close closes with some time to flush.
func (h *hosted) close(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	h.Close(ctx)
}

// namespace is an instance of the plugin.
func namespace(name string, keys ...Key) Instance {
	return Instance{Kind: wire.Namespace, Name: name, Section: "rpcinterface:" + name, Plugin: "faulty", Keys: keys, File: "s.conf", Line: 7}
}

func (h *hosted) echo(name string, args ...any) (any, error) {
	return h.call(name, "echo", 0, args...)
}

func (h *hosted) call(name, method string, within time.Duration, args ...any) (any, error) {
	return h.CallMethod(context.Background(), name, &sdk.Method{Name: method, Timeout: within}, args)
}

func (h *hosted) works(name string) {
	h.t.Helper()
	testkit.Until(h.t, name+" works", func() bool {
		got, err := h.echo(name)
		return err == nil && got == "echo"
	})
}

func (h *hosted) status() Status {
	all := h.Plugins()
	if len(all) == 0 {
		return Status{}
	}
	return all[0]
}

func (h *hosted) waitState(s State) {
	h.t.Helper()
	testkit.Until(h.t, "it is "+s.String(), func() bool { return h.status().State == s })
}

// history is the states so far, each as FROM>TO.
func (h *hosted) history() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, c := range h.changes {
		all = append(all, c.To.String())
	}
	return strings.Join(all, " ")
}

func TestManyInstancesInOneProcessAreAddedChangedAndRemoved(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	if len(h.Plugins()) != 0 {
		t.Error("there is a plugin without an instance")
	}
	h.SetInstance(namespace("a"))
	h.SetInstance(namespace("b", Key{Name: "text", Value: "B"}))
	h.works("a")
	testkit.Until(t, "b works", func() bool { got, _ := h.echo("b", "x"); return got == "B x" })
	pid := h.status().PID
	h.SetInstance(namespace("b", Key{Name: "text", Value: "B2"}))
	testkit.Until(t, "b is changed in place", func() bool { got, _ := h.echo("b", "x"); return got == "B2 x" })
	h.RemoveInstance(wire.Namespace, "a")
	if _, err := h.echo("a"); err == nil {
		t.Error("a removed instance is called")
	}
	if got := h.status(); got.PID != pid || len(got.Instances) != 1 || !got.Instances[0].Ready {
		t.Errorf("%+v, pid was %d", got, pid)
	}
	h.RemoveInstance(wire.Namespace, "b")
	h.waitState(Stopped)
	testkit.Until(t, "the process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
	h.SetInstance(namespace("c"))
	h.works("c")
	if got := h.history(); got != "STARTING RUNNING STOPPING STOPPED STARTING RUNNING" {
		t.Errorf("states %s", got)
	}
}

func TestWhatIsWrongWithASectionIsToldWithItsPlaceAndNoValue(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cr3t-of-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	h := newHosted(t, brisk(), "none")
	at := func(name, value string) Key { return Key{Name: name, Value: value, File: "s.conf", Line: 9} }
	for name, c := range map[string]struct {
		keys []Key
		want string
	}{
		"unknown": {[]Key{at("tokn", "s3cr3t")}, `s.conf:9: [rpcinterface:unknown] tokn: `},
		"bad":     {[]Key{at("hang", "s3cr3t")}, `s.conf:9: [rpcinterface:bad] hang: must be `},
		"both":    {[]Key{at("token", "s3cr3t"), at("token_file", secret)}, `s.conf:9: [rpcinterface:both] token_file: token and token_file are both there`},
		"absent":  {[]Key{at("token_file", secret+".not")}, `s.conf:9: [rpcinterface:absent] token_file: `},
		"refused": {[]Key{at("token_file", secret), at("text", "refuse")}, `s.conf:7: [rpcinterface:refused] cannot use the token [secret]`},
	} {
		h.SetInstance(namespace(name, c.keys...))
		testkit.Until(t, name+" is refused", func() bool {
			for _, i := range h.status().Instances {
				if i.Name == name && i.Trouble != "" {
					if i.Ready || !strings.HasPrefix(i.Trouble, c.want) || strings.Contains(i.Trouble, "s3cr3t") {
						t.Errorf("%s: %+v, want %q", name, i, c.want)
					}
					return true
				}
			}
			return false
		})
		if _, err := h.echo(name); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: a call answers %v", name, err)
		}
	}
	h.SetInstance(namespace("good", at("token_file", secret)))
	h.works("good")
	if _, err := h.call("good", "secret", 0); err == nil || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("an error with a secret in it: %v", err)
	}
	h.close(10 * time.Second)
	if log := h.logged(); strings.Contains(log, "s3cr3t") || !strings.Contains(log, "token=[secret]") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestOtherSettingsRestartThePlugin(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	pid := h.status().PID
	h.SetPlugin(Settings{Name: "faulty"}) // as it is
	h.works("a")
	if h.status().PID != pid {
		t.Error("it was restarted for nothing")
	}
	h.SetPlugin(Settings{Name: "faulty", Permissions: ReadCalls})
	testkit.Until(t, "it may read", func() bool {
		got, _ := h.call("a", "call", 0, "supervisor.getState")
		return got == "answer of supervisor.getState"
	})
	for range 3 {
		if _, err := h.call("a", "call", 0, "supervisor.shutdown"); err == nil || !strings.Contains(err.Error(), "may not call supervisor.shutdown") {
			t.Errorf("a forbidden call: %v", err)
		}
	}
	if n := strings.Count(h.logged(), "called a method without permission"); n != 1 {
		t.Errorf("told %d times", n)
	}
	// Nobody else gets through, though the socket is open to all.
	socket, err := filepath.Glob(filepath.Join(h.runDir, "host", "*"))
	if err != nil || len(socket) != 1 {
		t.Fatalf("sockets %v, %v", socket, err)
	}
	if st, err := os.Stat(socket[0]); err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	h.SetPlugin(Settings{Name: "faulty", Permissions: AllCalls})
	testkit.Until(t, "it may do everything", func() bool {
		got, _ := h.call("a", "call", 0, "supervisor.shutdown")
		return got == "answer of supervisor.shutdown"
	})
	h.RemovePlugin("faulty")
	testkit.Until(t, "it may call nothing", func() bool {
		_, err := h.call("a", "call", 0, "supervisor.getState")
		return err != nil && strings.Contains(err.Error(), "permissions = of its section [plugin:x] is none")
	})
	if h.Restart("nobody") == nil {
		t.Error("a plugin that is not there was restarted")
	}
}
