package main

import (
	"os"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// underDaemons runs a test under Hark's supervisord and under Debian's. In the
// sections SELF stands for the listeners.
func underDaemons(t *testing.T, sections string, test func(*testing.T, *daemontest.Daemon, *client.Client)) {
	const script = "/usr/bin/supervisord"
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, argv []string) {
		d := daemontest.StartCommand(t, argv, strings.ReplaceAll(strings.ReplaceAll(sections, "SELF", self), "LISTENER", "environment=HARK_TEST_ROLE=listeners"))
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

func TestListenersUnderARealDaemon(t *testing.T) {
	underDaemons(t, `
[program:crasher]
command=/bin/sh -c "exit 3"
startsecs=0
autorestart=false
[program:fat]
command=/bin/sleep 1000
startsecs=0
[program:web]
command=/bin/sleep 1000
startsecs=0
[eventlistener:crashmail]
command=SELF crashmail -o host -m me@x -s "cat >> DIR/mails; echo >> DIR/mails"
events=PROCESS_STATE_EXITED
LISTENER
[eventlistener:memmon]
command=SELF memmon -p fat=1KB -m me@x -s "cat >> DIR/memmails"
events=TICK_5
LISTENER
[eventlistener:httpok]
command=SELF httpok -p web -t 1 -m me@x -s "cat >> DIR/httpmails" http://127.0.0.1:1/
events=TICK_5
LISTENER
[eventlistener:eventlog]
command=SELF eventlog DIR/events.json
events=EVENT
buffer_size=1000
LISTENER
[eventlistener:exec]
command=SELF exec /bin/sh -c "cat >> DIR/execs"
events=PROCESS_STATE_EXITED
LISTENER
`, func(t *testing.T, d *daemontest.Daemon, _ *client.Client) {
		daemontest.Until(t, "crashmail mails", func() bool {
			return strings.Contains(d.File("mails"), "Process crasher in group crasher exited unexpectedly")
		})
		if !strings.HasPrefix(d.File("mails"), "To: me@x\nSubject: host: crasher crashed at 20") {
			t.Errorf("mailed %q", d.File("mails"))
		}
		daemontest.Until(t, "exec executes", func() bool { return strings.Contains(d.File("execs"), "processname:crasher ") })
		daemontest.Until(t, "eventlog logs", func() bool {
			return strings.Contains(d.File("events.json"), `{"eventname":"PROCESS_STATE_EXITED",`) && strings.Contains(d.File("events.json"), `"eventname":"TICK_5"`)
		})
		daemontest.Until(t, "memmon restarts", func() bool {
			return strings.Contains(d.File("memmails"), "memmon restarted the process named fat:fat at ")
		})
		daemontest.Until(t, "httpok restarts", func() bool {
			return strings.Contains(d.File("httpmails"), "web restarted") || strings.Contains(d.File("httpmails"), "web not in RUNNING")
		})
		if strings.Contains(d.Log(), "UNKNOWN state") {
			t.Error("a listener broke the protocol")
		}
	})
}

func TestFatalExitUnderARealDaemon(t *testing.T) {
	underDaemons(t, `
[program:hopeless]
command=/bin/false
startretries=0
[program:other]
command=/bin/sh -c "trap 'echo orderly > DIR/other; exit' TERM; while :; do sleep 0.1; done"
startsecs=0
[eventlistener:fatal-exit]
command=SELF fatal-exit -p hopeless --status=3
events=PROCESS_STATE_FATAL
LISTENER
`, func(t *testing.T, d *daemontest.Daemon, _ *client.Client) {
		want := 3 // by hark.shutdown
		if strings.HasSuffix(t.Name(), "/python") {
			want = -1 // killed, as documented
		}
		if status := d.Wait(); status != want {
			t.Errorf("supervisord exited with %d, want %d", status, want)
		}
		if d.File("other") != "orderly\n" {
			t.Error("the other process was not stopped first")
		}
	})
}
