package host

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
)

// What never gets as far as an answer: the host tries five times in a row, after 1, 2, 4 and 8 s, then leaves it alone as FATAL. Each of those that end by themselves, or
// say something wrong, is found out at once; those that are silent when the time of a start (10 s) is over.
func TestPluginsThatNeverStart(t *testing.T) {
	for fault, c := range map[string]struct {
		want   string
		silent bool
	}{
		"crash-in-init": {want: "panic: no reason to live"},
		"exits":         {want: "before it said where it listens, it ended: exit status 3"},
		"garbage":       {want: `"this is no handshake" is not the handshake of a plugin: its standard output belongs to the protocol, so it must print to standard error`},
		"long-line":     {want: `xxxx" is not the handshake`},
		"wrong-cookie":  {want: "before it said where it listens, it ended"},
		"wrong-version": {want: "Plugin version: 9, Client versions: [1]"},
		"wrong-core":    {want: "incompatible core API version"},
		"tcp":           {want: "the plugin offers no unix socket"},
		"hangs":         {want: "it did not say within 3s where it listens and was killed", silent: true},
		"never-accepts": {want: "it did not accept a connection within 3s and was killed", silent: true},
	} {
		t.Run(fault, func(t *testing.T) {
			timing := brisk()
			if c.silent {
				t.Parallel()
				timing.Start = 3 * time.Second
			}
			h := newHosted(t, timing, fault)
			h.SetInstance(namespace("a"))
			if c.silent {
				h.waitState(Backoff) // one try will do
			} else {
				h.waitState(Fatal)
			}
			got := h.status()
			if !strings.Contains(got.Trouble, c.want) || got.PID != 0 {
				t.Errorf("%+v, want %q", got, c.want)
			}
			if _, err := h.echo("a"); err == nil || !strings.Contains(err.Error(), got.State.String()) {
				t.Errorf("a call answers %v", err)
			}
			if c.silent {
				return
			}
			if got.Failures != maxFailures || h.history() != "STARTING BACKOFF STARTING BACKOFF STARTING BACKOFF STARTING BACKOFF STARTING FATAL" {
				t.Errorf("%d failures, states %s", got.Failures, h.history())
			}
		})
	}
}

// A FATAL plugin starts again when it is restarted, or when its configuration changes.
func TestAFatalPluginThatIsMended(t *testing.T) {
	self, _ := os.Executable()
	h := newHosted(t, brisk(), "exits")
	h.SetInstance(namespace("a"))
	h.waitState(Fatal)
	if err := h.Restart("faulty"); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "it was tried again", func() bool { return h.status().Restarts >= 2*maxFailures-1 })
	h.waitState(Fatal)
	h.SetPlugin(Settings{Name: "faulty", Command: []string{self, "hark-faulty", "none"}})
	h.works("a")
	if got := h.status(); got.State != Running || got.Trouble != "" {
		t.Errorf("%+v", got)
	}
}

// A FATAL plugin whose sections are removed starts again with the next one.
func TestAFatalPluginThatIsWantedAnew(t *testing.T) {
	h := newHosted(t, brisk(), "exits")
	h.SetInstance(namespace("a"))
	h.waitState(Fatal)
	h.RemoveInstance(wire.Namespace, "a")
	h.waitState(Stopped)
	h.SetInstance(namespace("b"))
	testkit.Until(t, "it was tried again", func() bool { return h.status().Restarts > 0 })
}

// Of a plugin that no section names any more nothing is left, whether it ran or never could: names that come and go have no end.
func TestNamesThatAreGoneLeaveNothing(t *testing.T) {
	for _, fault := range []string{"none", "exits"} {
		h := newHosted(t, brisk(), fault)
		h.SetInstance(namespace("a"))
		if fault == "none" {
			h.works("a")
		} else {
			h.waitState(Fatal)
		}
		h.RemoveInstance(wire.Namespace, "a")
		testkit.Until(t, "it is forgotten", func() bool { return len(h.Plugins()) == 0 })
		before := runtime.NumGoroutine()
		for i := range 20 {
			of := namespace("a")
			of.Plugin = fmt.Sprint("name", i)
			h.SetInstance(of)
		}
		h.RemoveInstance(wire.Namespace, "a")
		testkit.Until(t, "all are forgotten", func() bool { return len(h.Plugins()) == 0 })
		testkit.Until(t, "their goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
		h.SetInstance(namespace("a"))
		testkit.Until(t, "it is started", func() bool { return h.status().State != Stopped })
	}
}

// That a plugin is starting is no trouble; that it could not be started is one.
func TestAStartIsNoTrouble(t *testing.T) {
	h := newHosted(t, brisk(), "hangs")
	h.SetInstance(namespace("a"))
	if _, err := h.echo("a"); !delivery.IsComing(err) || !delivery.Unreached(err) {
		t.Errorf("before the start: %v", err)
	}
	h.waitState(Starting)
	if _, err := h.echo("a"); !delivery.IsComing(err) || !strings.Contains(err.Error(), "is STARTING") {
		t.Errorf("at the start: %v", err)
	}
	bad := newHosted(t, brisk(), "exits")
	bad.SetInstance(namespace("a"))
	bad.waitState(Fatal)
	if _, err := bad.echo("a"); delivery.IsComing(err) || !delivery.Unreached(err) {
		t.Errorf("after a failure: %v", err)
	}
}

// A crash in a call: the call fails at once, others do until the plugin is there again, which is 1 s later.
func TestACrashInACall(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	_, err := h.call("a", "crash", 0)
	if err == nil || !strings.Contains(err.Error(), "the plugin does not run") {
		t.Errorf("the call answers %v", err)
	}
	h.works("a")
	h.waitLog("it ended: exit status 2: panic: as told")
	if got := h.status(); got.Restarts != 1 || got.Version != "0.1.0" {
		t.Errorf("%+v", got)
	}
}

// A crash while it is configured is one of the process: it goes on from there, and an instance that kills the process makes it FATAL.
func TestACrashWhileItIsConfigured(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	h.SetInstance(namespace("killer", Key{Name: "die", Value: "true"}))
	h.waitState(Fatal)
	h.RemoveInstance("namespace", "killer")
	if err := h.Restart("faulty"); err != nil {
		t.Fatal(err)
	}
	h.works("a")
}

// An instance that is never configured holds up no other, nor calls: it is given up after the time for it, 10 s.
func TestAnInstanceThatHangs(t *testing.T) {
	timing := brisk()
	timing.Configure = time.Second
	h := newHosted(t, timing, "none")
	h.SetInstance(namespace("stuck", Key{Name: "hang", Value: "true"}))
	h.SetInstance(namespace("a"))
	h.works("a")
	testkit.Until(t, "it is given up", func() bool {
		for _, i := range h.status().Instances {
			if i.Name == "stuck" && strings.Contains(i.Trouble, "took too long") {
				return true
			}
		}
		return false
	})
	h.waitState(Running)
	h.works("a")
}

// A call that hangs ends with the method's own time; the plugin goes on.
func TestACallThatHangs(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	_, err := h.call("a", "hang", 200*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), `plugin "faulty" did not answer within 200ms`) {
		t.Errorf("%v", err)
	}
	h.works("a")
	if got := h.status(); got.Restarts != 0 {
		t.Errorf("%+v", got)
	}
}

// A stopped process (SIGSTOP) does not answer a health check: after two misses, at most 26 s, it is killed and started again.
func TestAProcessThatIsStopped(t *testing.T) {
	t.Parallel()
	timing := brisk()
	timing.Health = 2 * time.Second
	h := newHosted(t, timing, "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	pid := h.status().PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "there is another", func() bool { p := h.status().PID; return p != 0 && p != pid })
	h.works("a")
	h.waitLog("killed after 2 failed health checks")
	if syscall.Kill(pid, 0) == nil {
		t.Error("the stopped process is still there")
	}
}

// Results that are too large, too deep or no text are refused, by the plugin's own library or by the host: a fault, at once.
func TestResultsThatAreNone(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	for method, want := range map[string]string{"huge": "larger than", "deep": "nested deeper than", "utf8": "not UTF-8"} {
		if _, err := h.call("a", method, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", method, err)
		}
	}
	h.works("a")
}

// A flood of standard error, or of what it prints, is read at 1 MB a second, and the rest dropped and counted: neither the plugin nor
// the host waits.
func TestFloods(t *testing.T) {
	for _, method := range []string{"flood", "print"} {
		h := newHosted(t, brisk(), "none")
		h.SetInstance(namespace("a"))
		h.works("a")
		if _, err := h.call("a", method, 0); err != nil {
			t.Fatal(err)
		}
		h.waitLog("flood flood")
		if method == "flood" {
			h.waitLog("it writes too much to its standard error; the rest was dropped")
		}
		for range 20 {
			h.works("a")
		}
		h.close(time.Second)
		if got := len(h.logged()); got > 200<<20 {
			t.Errorf("%d bytes of log", got)
		}
	}
}

// The end does not wait for a plugin that hangs: it is killed when its time to flush is over.
func TestTheEndOfAPluginThatIsStopped(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.SetInstance(namespace("a"))
	h.works("a")
	pid := h.status().PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	h.close(300 * time.Millisecond)
	testkit.Until(t, "it is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}

// unkillable starts processes that hang in the kernel, as it were, until die is called.
type unkillable struct {
	execLauncher
	die func()
}

type immortal struct{ Process }

func (immortal) Kill() {}

func (u *unkillable) Launch(ctx context.Context, p *Program) (Process, error) {
	got, err := u.execLauncher.Launch(ctx, p)
	if err != nil {
		return nil, err
	}
	u.die = got.Kill
	return immortal{got}, nil
}

func TestAProcessThatCannotBeKilledDoesNotHoldUpTheEnd(t *testing.T) {
	timing := brisk()
	timing.Bury = time.Millisecond
	h := newHosted(t, timing, "none")
	u := &unkillable{}
	h.o.Launcher = u
	h.SetInstance(namespace("a"))
	h.works("a")
	pid := h.status().PID
	stop(t, pid)
	h.close(0)
	h.waitLog("it is left alone: pid=" + strconv.Itoa(pid))
	u.die()
	testkit.Until(t, "its goroutine has ended", func() bool {
		select {
		case <-h.plugins["faulty"].done:
			return true
		default:
			return false
		}
	})
}

// stop has a process answer no more.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}
