package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// talkerScript writes events and lines, both numbered.
const talkerScript = `
import sys
for n in range(int(sys.argv[1]), int(sys.argv[2])):
    sys.stdout.write("<!--XSUPERVISOR:BEGIN-->event %d<!--XSUPERVISOR:END-->line %d\n" % (n, n))
`

// fleetConf is a machine of a fleet: COUNT events and lines of each talker go to the server at SERVER, at most GROUP events a notification.
const fleetConf = `
identifier=host.1
loglevel=info
[program:before]
command=python3 DIR/talker.py 0 COUNT
autostart=false
autorestart=false
startsecs=0
stdout_capture_maxbytes=1KB
[program:during]
command=python3 DIR/talker.py COUNT TWICE
autostart=false
autorestart=false
startsecs=0
stdout_capture_maxbytes=1KB
[notifier:fleet]
plugin=nats
events=PROCESS_COMMUNICATION
servers=SERVER
create_stream=true
group_max=GROUP
overflow=spool
retry_max_delay=2
timeout=2
[logsink:fleet]
plugin=nats
programs=*
servers=SERVER
overflow=spool
create_stream=true
timeout=2
`

// sdkListener is a listener by sdk/python.
const sdkListener = `
import sys
from hark_listener import listen
log = open(sys.argv[1], "a")
def heard(event):
    log.write("%s %s %s\n%s\n" % (event.server, event.name, event.pool, event.payload))
    log.flush()
listen(heard)
`

// machine is a daemon with the plugins that come with it, and a client of it.
type machine struct {
	*daemontest.Daemon
	t      testing.TB
	client *client.Client
}

func startMachine(t testing.TB, conf string, count, group int, server string) *machine {
	t.Helper()
	daemon := os.Getenv(daemontest.Variable)
	// beside supervisord is where they are trusted
	plugins := filepath.Join(filepath.Dir(daemon), "supervisor-plugins")
	if out, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", plugins, "github.com/hark-supervisor/hark/cmd/supervisor-plugins").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	script := filepath.Join(t.TempDir(), "talker.py")
	if err := os.WriteFile(script, []byte(talkerScript), 0o600); err != nil {
		t.Fatal(err)
	}
	d := daemontest.Start(t, "[supervisord]\n"+strings.NewReplacer("DIR/talker.py", script, "COUNT", strconv.Itoa(count), "TWICE", strconv.Itoa(2*count),
		"GROUP", strconv.Itoa(group), "SERVER", server).Replace(conf))
	c, err := client.New(d.ServerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &machine{d, t, c}
}

func (m *machine) start(program string) {
	m.t.Helper()
	if err := m.client.StartProcess(context.Background(), program, false); err != nil {
		m.t.Fatal(err)
	}
}

// count is how many messages the stream has for a subject.
func countSubject(js jetstream.JetStream, subject string) int {
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	found, err := js.Stream(ctx, stream.DefaultStream)
	if err != nil {
		return 0
	}
	info, err := found.Info(ctx, jetstream.WithSubjectFilter(subject))
	if err != nil {
		return 0
	}
	n := 0
	for _, of := range info.State.Subjects {
		n += int(of)
	}
	return n
}

// A machine whose server is gone for a while: all that it said is in the stream, once, and a bridge under the same
// daemon gives all of it to a listener.
func TestAFleetsMachineLosesNothing(t *testing.T) {
	count, outage := 300, time.Duration(0)
	if os.Getenv("HARK_SOAK") != "" {
		count, outage = 50_000, time.Minute
	}
	s := natstest.Start(t, nil)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Abs("../../sdk/python")
	if err != nil {
		t.Fatal(err)
	}
	m := startMachine(t, fleetConf+`
[program:bridge]
command=`+self+` nats-bridge -d words --from all --in-flight 100 -s SERVER -f events=PROCESS_COMMUNICATION python3 DIR/listener.py DIR/heard
environment=HARK_TEST_ROLE=listeners,PYTHONPATH="`+sdk+`"
autostart=false
`, count, 500, s.URL())
	if err := os.WriteFile(filepath.Join(m.Dir, "listener.py"), []byte(sdkListener), 0o600); err != nil {
		t.Fatal(err)
	}
	_, js := s.Connect()
	patience := 10 * daemontest.Patience // of a minute's events; a failure is late, not a success
	until := func(what string, condition func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !condition(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: not in time\n%s", what, m.Log())
			}
		}
	}
	m.start("before")
	until("the first are there", func() bool { return countSubject(js, "hark.events.>") > 0 })
	s.Stop()
	m.start("during")
	gone := time.Now()
	until("the outage is seen", func() bool { return strings.Contains(m.Log(), "cannot deliver a notification; it is tried again") })
	time.Sleep(outage - time.Since(gone)) // the outage itself
	s.Begin()
	back := time.Now()
	_, js = s.Connect()
	until("all events are there", func() bool { return countSubject(js, "hark.events.>") >= 2*count })
	t.Logf("%d events are there %v after the server is back, which was gone for %v", 2*count, time.Since(back).Round(time.Millisecond), back.Sub(gone).Round(time.Second))
	until("all lines are there", func() bool { return countSubject(js, "hark.logs.>") >= 2*count })
	m.start("bridge")
	words := func() int { return strings.Count(m.File("heard"), "\nevent ") }
	until("the listener has heard all", func() bool { return words() >= 2*count })

	events, lines := map[string]int{}, map[string]int{}
	for _, message := range s.Messages(stream.DefaultStream) {
		switch text := string(message.Data); {
		case strings.HasPrefix(message.Subject, "hark.events.host%2E1."):
			_, word, _ := strings.Cut(text, "\n")
			events[word]++
		case strings.HasPrefix(message.Subject, "hark.logs.host%2E1."):
			if strings.HasPrefix(text, "line ") {
				lines[text]++
			}
		default:
			t.Errorf("the subject is %s", message.Subject)
		}
	}
	bad := 0
	for n := range 2 * count {
		if events[fmt.Sprint("event ", n)] != 1 || lines[fmt.Sprint("line ", n)] != 1 {
			if bad++; bad < 10 {
				t.Errorf("event %d is there %d times, its line %d times", n, events[fmt.Sprint("event ", n)], lines[fmt.Sprint("line ", n)])
			}
		}
	}
	if words() != 2*count {
		t.Errorf("the listener has heard %d events of %d", words(), 2*count)
	}
	if !strings.Contains(m.File("heard"), "host.1 PROCESS_COMMUNICATION_STDOUT words\nprocessname:") {
		t.Errorf("the listener has read %.300q", m.File("heard"))
	}
}
