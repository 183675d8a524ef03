package listener

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
	"github.com/hark-supervisor/hark/sdk/pcomm"
)

// TestMain lets the test binary be a listener, or a program that sends blocks, for
// the daemon that the tests start.
func TestMain(m *testing.M) {
	switch os.Getenv("HARK_TEST_ROLE") {
	case "listener":
		if err := Serve(context.Background(), record(), Pause(time.Millisecond, time.Millisecond)); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		note("ended")
		os.Exit(0)
	case "sender":
		if err := errors.Join(pcomm.Stdout([]byte("by stdout: ž")), pcomm.Stderr([]byte("by stderr"))); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	status := daemontest.Main(m)
	if err := goleak.Find(); err != nil && status == 0 {
		_, _ = fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// note adds a line to the file events of the listener's directory.
func note(line string) {
	f, err := os.OpenFile("events", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(line + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		panic(err)
	}
}

// first is true the first time a name is asked about.
func first(name string) bool {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

// record notes events and does what those of REMOTE_COMMUNICATION ask for.
func record() Handler {
	return func(_ context.Context, e Event) error {
		fmt.Println("READY\nchatter on stdout")
		note(fmt.Sprintf("%s %d %q", e.Name(), e.Header.Serial, e.Payload))
		if e.Name() != "REMOTE_COMMUNICATION" {
			return nil
		}
		r, err := e.RemoteCommunication()
		if err != nil {
			return err
		}
		switch r.Type {
		case "reject once":
			if first("rejected") {
				return errors.New("not yet")
			}
		case "die once":
			if first("died") {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			}
		case "panic once":
			if first("panicked") {
				panic("as told")
			}
		case "until told to stop":
			// Asked to stop as Serve is, and not before it: only then go on.
			if first("slow") {
				asked := make(chan os.Signal, 1)
				signal.Notify(asked, syscall.SIGTERM)
				note("waiting")
				<-asked
			}
		}
		note("did " + r.Type)
		return nil
	}
}

func conf(t *testing.T, more string) string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(`
[eventlistener:rec]
command=SELF
directory=DIR
environment=HARK_TEST_ROLE=listener
events=REMOTE_COMMUNICATION,PROCESS_COMMUNICATION,PROCESS_STATE
buffer_size=100
startsecs=0
autorestart=true
stderr_logfile=DIR/rec.err
stdout_logfile=DIR/rec.out
`+more, "SELF", self)
}

// underDaemons runs a test under Hark's supervisord and under Debian's.
func underDaemons(t *testing.T, more string, test func(*testing.T, *daemontest.Daemon, *client.Client)) {
	const script = "/usr/bin/supervisord"
	run := func(t *testing.T, argv []string) {
		d := daemontest.StartCommand(t, argv, conf(t, more))
		c, err := client.New(d.ServerURL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		test(t, d, c)
	}
	t.Run("hark", func(t *testing.T) { run(t, []string{os.Getenv(daemontest.Variable)}) })
	t.Run("python", func(t *testing.T) {
		if _, err := os.Stat(script); err != nil {
			t.Skipf("%s is missing", script)
		}
		run(t, []string{"/usr/bin/python3", script})
	})
}

func send(t *testing.T, c *client.Client, kind, data string) {
	t.Helper()
	if err := c.SendRemoteCommEvent(context.Background(), kind, data); err != nil {
		t.Fatal(err)
	}
}

// waitEvent waits until the listener has noted a text so many times.
func waitEvent(t *testing.T, d *daemontest.Daemon, text string, times int) {
	t.Helper()
	daemontest.Until(t, "the listener notes "+text, func() bool { return strings.Count(d.File("events"), text) >= times })
}

func TestUnderARealDaemon(t *testing.T) {
	underDaemons(t, `
[program:sender]
command=SELF
environment=HARK_TEST_ROLE=sender
autostart=false
autorestart=false
startsecs=0
stdout_capture_maxbytes=1MB
stderr_capture_maxbytes=1MB
stdout_logfile=DIR/sender.out
`, func(t *testing.T, d *daemontest.Daemon, c *client.Client) {
		ctx := context.Background()
		send(t, c, "x", "žluť 🐱 <&>")
		waitEvent(t, d, `"type:x\nžluť 🐱 <&>"`, 1)
		waitEvent(t, d, "did x", 1)
		if err := c.StartProcess(ctx, "sender", true); err != nil {
			t.Fatal(err)
		}
		waitEvent(t, d, `\nby stdout: ž"`, 1)
		waitEvent(t, d, `\nby stderr"`, 1)
		waitEvent(t, d, "PROCESS_STATE_EXITED", 1)
		if got := d.File("sender.out"); got != "" {
			t.Errorf("the program's log has %q", got)
		}
		send(t, c, "reject once", "")
		waitEvent(t, d, "did reject once", 1)
		if n := strings.Count(d.File("events"), `"type:reject once\n"`); n != 2 {
			t.Errorf("delivered %d times", n)
		}
		send(t, c, "die once", "")
		waitEvent(t, d, "did die once", 1)
		send(t, c, "panic once", "")
		waitEvent(t, d, "did panic once", 1)
		big := strings.Repeat("0123456789", 50_000)
		send(t, c, "big", big)
		waitEvent(t, d, "did big", 1)
		if !strings.Contains(d.File("events"), big) {
			t.Error("the big payload came otherwise")
		}
		daemontest.Until(t, "what is printed is in the stderr log", func() bool {
			return strings.Contains(d.File("rec.err"), "chatter on stdout")
		})
		if strings.Contains(d.File("rec.out"), "chatter") || strings.Contains(d.Log(), "UNKNOWN") {
			t.Error("what is printed went to stdout")
		}
	})
}

func TestStopUnderARealDaemonFinishesTheEventInHand(t *testing.T) {
	underDaemons(t, "", func(t *testing.T, d *daemontest.Daemon, c *client.Client) {
		ctx := context.Background()
		send(t, c, "until told to stop", "")
		waitEvent(t, d, "waiting", 1)
		if err := c.StopProcess(ctx, "rec", true); err != nil {
			t.Fatal(err)
		}
		waitEvent(t, d, "did until told to stop\nended", 1)
		if err := c.StartProcess(ctx, "rec", true); err != nil {
			t.Fatal(err)
		}
		send(t, c, "x", "")
		waitEvent(t, d, "did x", 1)
		if n := strings.Count(d.File("events"), "type:until told to stop"); n != 1 {
			t.Errorf("delivered %d times", n)
		}
	})
}

func TestTheListenerEndsWithItsDaemon(t *testing.T) {
	d := daemontest.Start(t, conf(t, ""))
	c, err := client.New(d.ServerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	send(t, c, "x", "")
	waitEvent(t, d, "did x", 1)
	d.Kill()
	waitEvent(t, d, "ended", 1)
	if _, err := os.Stat(filepath.Join(d.Dir, "events")); err != nil {
		t.Error(err)
	}
}
