package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// pythonListener is a listener as it is written for Supervisor. It keeps what it reads, and does what the payload's word says,
// those ending in "once" at the first time only.
const pythonListener = `
import os, sys, time
log = open(sys.argv[1], "a")
def say(s):
    sys.stdout.write(s)
    sys.stdout.flush()
def once(word):
    if word not in payload or os.path.exists(sys.argv[1] + word):
        return False
    open(sys.argv[1] + word, "w").close()
    return True
open(sys.argv[1] + ".pid", "w").write(str(os.getpid()))
while True:
    say("READY\n")
    line = sys.stdin.readline()
    if not line:
        open(sys.argv[1] + ".end", "w").close()
        break
    header = dict(token.split(":", 1) for token in line.split())
    payload = sys.stdin.read(int(header["len"]))
    log.write(line + payload + "\n")
    log.flush()
    if once("die-once"):
        os._exit(3)
    if once("babble-once"):
        say("nonsense\n")
        time.sleep(1000)
    if once("sleep-once"):
        time.sleep(1000)
    if once("reject-once") or "reject-always" in payload:
        say("RESULT 4\nFAIL")
    else:
        say("RESULT 2\nOK")
`

// bridged is a bridge at work, as a process.
type bridged struct {
	t      *testing.T
	dir    string
	server *natstest.Server
	js     jetstream.JetStream
	args   []string
	// command is the listener, pythonListener if nil.
	command []string
	cmd     *exec.Cmd
	seq     uint64
}

// bridgeTo makes a stream for a bridge, and a listener. The consumer is made first, so that every event is for it.
func bridgeTo(t *testing.T, change func(*server.Options), args ...string) *bridged {
	t.Helper()
	s := natstest.Start(t, change)
	s.Stream(jetstream.StreamConfig{Name: "HARK", Subjects: []string{"hark.>"}})
	s.Stream(jetstream.StreamConfig{Name: "DEAD", Subjects: []string{"dead.>"}})
	b := &bridged{t: t, dir: t.TempDir(), server: s}
	_, b.js = s.Connect()
	if err := os.WriteFile(b.file("listener.py"), []byte(pythonListener), 0o600); err != nil {
		t.Fatal(err)
	}
	b.args = append([]string{"nats-bridge", "-d", "pool", "-s", s.URL(), "--from", "all", "--retry-delay", "0", "--ack-wait", "2"}, args...)
	return b
}

func (b *bridged) file(name string) string { return filepath.Join(b.dir, name) }

func (b *bridged) start() {
	b.t.Helper()
	self, err := os.Executable()
	if err != nil {
		b.t.Fatal(err)
	}
	log, err := os.OpenFile(b.file("bridge.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	command := b.command
	if command == nil {
		command = []string{"python3", b.file("listener.py"), b.file("log")}
	}
	b.cmd = exec.Command(self, append(b.args, command...)...)
	b.cmd.Env = append(os.Environ(), "HARK_TEST_ROLE=listeners")
	b.cmd.Stdout, b.cmd.Stderr = log, log
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	cmd := b.cmd
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if b.t.Failed() {
			b.t.Logf("the bridge's log:\n%s", read(b.t, b.file("bridge.log")))
		}
	})
}

// stop ends it in order and returns the last line of its log.
func (b *bridged) stop() string {
	b.t.Helper()
	_ = b.cmd.Process.Signal(syscall.SIGTERM)
	if err := b.cmd.Wait(); err != nil {
		b.t.Errorf("it ends with %v", err)
	}
	lines := strings.Split(strings.TrimSpace(read(b.t, b.file("bridge.log"))), "\n")
	return lines[len(lines)-1]
}

// publish puts events of a program into the stream, as the plugin does, and returns their payloads.
func (b *bridged) publish(identifier, process string, words ...string) {
	b.t.Helper()
	for _, word := range words {
		b.seq++
		s := stream.Source{Prefix: "hark", Stream: "HARK", Identifier: identifier, Hostname: identifier}
		b.put(s.Event(&stream.Published{
			Seq: b.seq, Type: "PROCESS_COMMUNICATION_STDOUT", Time: time.Unix(1, 0), Group: "web", Process: process,
			Payload: []byte("processname:" + process + " groupname:web pid:7\n" + word),
		}))
	}
}

func (b *bridged) put(m *nats.Msg) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	if _, err := b.js.PublishMsg(ctx, m); err != nil {
		b.t.Fatal(err)
	}
}

// words are the last lines of the payloads that the listener has read.
func (b *bridged) words() []string {
	var all []string
	for line := range strings.SplitSeq(read(b.t, b.file("log")), "\n") {
		if line != "" && !strings.HasPrefix(line, "ver:") && !strings.HasPrefix(line, "processname:") {
			all = append(all, line)
		}
	}
	return all
}

func (b *bridged) until(what string, condition func() bool) {
	b.t.Helper()
	daemontest.Until(b.t, what, condition)
}

// settled reports whether the consumer has nothing left to do.
func (b *bridged) settled() bool {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	c, err := b.js.Consumer(ctx, "HARK", "pool")
	if err != nil {
		return false
	}
	info := c.CachedInfo()
	return info.Delivered.Consumer > 0 && info.NumPending == 0 && info.NumAckPending == 0
}

func TestTheBridgeSpeaksSupervisorsProtocol(t *testing.T) {
	b := bridgeTo(t, nil)
	b.publish("host-1.example", "web_00", "one", "žluť")
	s := stream.Source{Prefix: "hark", Stream: "HARK", Identifier: "db", Hostname: "db"}
	b.put(s.Event(&stream.Published{Seq: 7, Type: "TICK_5", Time: time.Unix(5, 0), Payload: []byte("when:5")}))
	test := s.Event(&stream.Published{Seq: 8, Type: "TICK_5", Time: time.Unix(6, 0), Payload: []byte("when:6")})
	test.Header.Set(stream.HeaderTest, "true")
	b.put(test)
	b.start()
	const want = "ver:3.0 server:host-1.example serial:1 pool:pool poolserial:1 eventname:PROCESS_COMMUNICATION_STDOUT len:42\nprocessname:web_00 groupname:web pid:7\none\n" +
		"ver:3.0 server:host-1.example serial:2 pool:pool poolserial:2 eventname:PROCESS_COMMUNICATION_STDOUT len:43 bytes:45\nprocessname:web_00 groupname:web pid:7\nžluť\n" +
		"ver:3.0 server:db serial:7 pool:pool poolserial:3 eventname:TICK_5 len:6\nwhen:5\n"
	b.until("all have been taken", b.settled)
	if got := read(t, b.file("log")); got != want {
		t.Errorf("the listener has read\n%q, want\n%q", got, want)
	}
	if got := b.stop(); got != "accepted 3, rejected 0, unanswered 0, given up 0, omitted 1" {
		t.Error(got)
	}
}

func TestWhatIsNotTakenComesAgain(t *testing.T) {
	b := bridgeTo(t, nil)
	b.publish("h", "p", "a", "reject-once", "b", "die-once", "c", "babble-once", "d")
	b.start()
	b.until("all have been taken", b.settled)
	if got, want := b.words(), strings.Fields("a reject-once reject-once b die-once die-once c babble-once babble-once d"); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if got := b.stop(); got != "accepted 7, rejected 1, unanswered 2, given up 0, omitted 0" {
		t.Error(got)
	}
}

func TestAListenerThatDoesNotAnswerIsStartedAnew(t *testing.T) {
	b := bridgeTo(t, nil, "--timeout", "1")
	b.publish("h", "p", "sleep-once", "a")
	b.start()
	b.until("all have been taken", b.settled)
	if got, want := b.words(), []string{"sleep-once", "sleep-once", "a"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
}

// Reading nothing hangs in many languages: the line about it says so.
func TestAnEmptyPayloadIsNamedWhereNoAnswerComes(t *testing.T) {
	b := bridgeTo(t, nil, "--timeout", "1")
	b.command = []string{"/bin/sh", "-c", "grep SigIgn /proc/self/status >&2; echo READY; exec sleep 1000"}
	s := stream.Source{Prefix: "hark", Stream: "HARK", Identifier: "db", Hostname: "db"}
	b.put(s.Event(&stream.Published{Seq: 7, Type: "SUPERVISOR_STATE_CHANGE_RUNNING", Time: time.Unix(5, 0)}))
	b.start()
	b.until("the log explains it", func() bool {
		return strings.Contains(read(t, b.file("bridge.log")), "the listener has not answered within 1s: SUPERVISOR_STATE_CHANGE_RUNNING has an empty payload (len:0), and a listener must not read 0 bytes")
	})
	// As supervisord starts its listeners.
	if log := read(t, b.file("bridge.log")); !regexp.MustCompile(`SigIgn:\s+[0-9a-f]*1001000\n`).MatchString(log) {
		t.Errorf("SIGPIPE and SIGXFSZ are not ignored in the listener:\n%s", log)
	}
}

func TestASlowListenerIsWaitedFor(t *testing.T) {
	b := bridgeTo(t, nil, "--in-flight", "3")
	b.publish("h", "p", "sleep-once", "a", "b")
	// It says thrice in the time that the stream waits for an answer that it is still at work, of each of the three.
	conn, _ := b.server.Connect()
	var said atomic.Int32
	if _, err := conn.Subscribe("$JS.ACK.HARK.pool.>", func(m *nats.Msg) {
		if string(m.Data) == "+WPI" {
			said.Add(1)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.until("the first is read", func() bool { return len(b.words()) == 1 })
	b.until("three times as long have passed", func() bool { return said.Load() >= 3*3*3 })
	c, err := b.js.Consumer(context.Background(), "HARK", "pool")
	if err != nil || c.CachedInfo().NumRedelivered != 0 || len(b.words()) != 1 {
		t.Errorf("the stream has sent it again: %+v (%v)", c.CachedInfo(), err)
	}
	b.kill("log.pid") // the listener
	b.until("all have been taken", b.settled)
	if got := b.words(); len(got) != 4 || !slices.Contains(got[1:], "sleep-once") {
		t.Errorf("read %q", got)
	}
}

// kill kills the process that a file of the listener names.
func (b *bridged) kill(name string) {
	b.t.Helper()
	pid, err := strconv.Atoi(read(b.t, b.file(name)))
	if err != nil {
		b.t.Fatal(err)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func TestWhatIsNeverTakenIsGivenUp(t *testing.T) {
	b := bridgeTo(t, nil, "--max-deliveries", "3", "--dead-letter", "dead.letters")
	b.publish("h", "p", "a", "reject-always", "b")
	b.put(&nats.Msg{Subject: "hark.events.h.-.-.TICK_5", Data: []byte("somebody else's")})
	b.start()
	b.until("all are settled", b.settled)
	if got, want := b.words(), strings.Fields("a reject-always reject-always reject-always b"); !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	dead := b.server.Messages("DEAD")
	if len(dead) != 2 || !strings.HasSuffix(string(dead[0].Data), "reject-always") || dead[0].Header.Get(deadDeliveries) != "3" ||
		dead[0].Header.Get(deadReason) != "the listener has rejected it" || dead[0].Header.Get(stream.HeaderSeq) != "2" || dead[0].Header.Get(deadDurable) != "pool" ||
		dead[0].Header.Get(deadSubject) != "hark.events.h.web.p.PROCESS_COMMUNICATION_STDOUT" || !strings.HasPrefix(dead[1].Header.Get(deadReason), "it cannot be read") {
		t.Errorf("%+v", dead)
	}
	if got := b.stop(); got != "accepted 2, rejected 3, unanswered 0, given up 2, omitted 0" {
		t.Error(got)
	}
}

func TestNothingIsLostWhereDeadLettersCannotGo(t *testing.T) {
	b := bridgeTo(t, nil, "--max-deliveries", "1", "--dead-letter", "nowhere")
	b.publish("h", "p", "reject-always")
	b.start()
	b.until("it is told", func() bool { return strings.Contains(read(t, b.file("bridge.log")), "cannot put hark.events.h.web.p.") })
	if b.settled() {
		t.Error("it is gone")
	}
	b.stop()
}

// A bridge that is killed: its event comes again, to the next bridge, and the listener ends with it.
func TestABridgeThatIsKilled(t *testing.T) {
	b := bridgeTo(t, nil)
	b.publish("h", "p", "a", "sleep-once", "b")
	b.start()
	b.until("the second is read", func() bool { return len(b.words()) == 2 })
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.kill("log.pid") // it sleeps, and would see only later that its input ended
	b.start()
	b.until("all have been taken", b.settled)
	if got, want := b.words(), []string{"a", "sleep-once", "sleep-once", "b"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.until("the listener has ended", func() bool { _, err := os.Stat(b.file("log.end")); return err == nil })
}

// In an orderly stop the answer is waited for, and what was not begun goes back.
func TestTheBridgeStopsInOrder(t *testing.T) {
	b := bridgeTo(t, nil, "--in-flight", "3", "--stop-wait", "1")
	b.publish("h", "p", "a", "sleep-once", "b", "c")
	b.start()
	b.until("the second is read", func() bool { return len(b.words()) == 2 })
	if got := b.stop(); got != "accepted 1, rejected 0, unanswered 1, given up 0, omitted 0" {
		t.Error(got)
	}
	b.start()
	b.until("all have been taken", b.settled)
	if got := b.words(); len(got) != 5 || got[1] != "sleep-once" || !slices.Contains(got[2:], "sleep-once") {
		t.Errorf("read %q", got)
	}
	b.stop()
}

func TestTheServersOutage(t *testing.T) {
	b := bridgeTo(t, nil)
	b.publish("h", "p", "a")
	b.start()
	b.until("the first is taken", b.settled)
	b.server.Stop()
	b.until("it is told", func() bool {
		return strings.Contains(read(t, b.file("bridge.log")), "the connection to the server broke")
	})
	b.server.Begin()
	_, b.js = b.server.Connect()
	b.publish("h", "p", "b", "c")
	b.until("the others are read", func() bool { return slices.Equal(b.words(), []string{"a", "b", "c"}) })
	b.until("all have been taken", b.settled)
	b.stop()
}

func TestABridgeBeforeItsServerAndStream(t *testing.T) {
	b := bridgeTo(t, nil)
	ctx := context.Background()
	if err := b.js.DeleteStream(ctx, "HARK"); err != nil {
		t.Fatal(err)
	}
	b.server.Stop()
	b.start()
	b.until("there is no server", func() bool {
		return strings.Contains(read(t, b.file("bridge.log")), "connection refused; it is tried again")
	})
	b.server.Begin()
	b.until("there is no stream", func() bool {
		return strings.Contains(read(t, b.file("bridge.log")), "there is no stream HARK; it is tried again")
	})
	b.server.Stream(jetstream.StreamConfig{Name: "HARK", Subjects: []string{"hark.>"}})
	_, b.js = b.server.Connect()
	b.publish("h", "p", "a")
	b.until("it is taken", func() bool { return len(b.words()) == 1 && b.settled() })
	b.stop()
}

func TestTheBridgesFilter(t *testing.T) {
	b := bridgeTo(t, nil, "-f", "identifiers=web*,db.1", "--filter=programs=web:p*", "-f", "events=PROCESS_COMMUNICATION,TICK")
	b.publish("web1", "p1", "a")
	b.publish("db.1", "p2", "b")
	b.publish("db.2", "p1", "not")
	b.publish("web1", "q", "not")
	s := stream.Source{Prefix: "hark", Stream: "HARK", Identifier: "web1"}
	for _, kind := range []string{"PROCESS_STATE_FATAL", "TICK_60"} {
		b.put(s.Event(&stream.Published{Seq: 9, Type: kind, Time: time.Unix(int64(len(kind)), 0), Payload: []byte(kind)}))
	}
	b.start()
	b.until("the last is read", func() bool { return slices.Contains(b.words(), "TICK_60") })
	b.until("all are settled", b.settled)
	if got, want := b.words(), []string{"a", "b", "TICK_60"}; !slices.Equal(got, want) {
		t.Errorf("read %q, want %q", got, want)
	}
	if got := b.stop(); got != "accepted 3, rejected 0, unanswered 0, given up 0, omitted 2" {
		t.Error(got)
	}
}

func TestWhatTheServerFilters(t *testing.T) {
	for _, c := range []struct {
		filters []string
		want    string
	}{
		{nil, "[hark.events.*.*.*.*]"},
		{[]string{"identifiers=a.b,c,c"}, "[hark.events.a%2Eb.*.*.* hark.events.c.*.*.*]"},
		{[]string{"identifiers=a?"}, "[hark.events.*.*.*.*]"},
		{[]string{"events=TICK_5, TICK_5", "identifiers=a"}, "[hark.events.a.*.*.TICK_5]"},
		{[]string{"events=TICK"}, "[hark.events.*.*.*.TICK hark.events.*.*.*.TICK_5 hark.events.*.*.*.TICK_60 hark.events.*.*.*.TICK_3600]"},
	} {
		f, err := parseFilter(c.filters)
		if got := fmt.Sprint(f.subjects("hark")); err != nil || got != c.want {
			t.Errorf("%v: %s (%v)", c.filters, got, err)
		}
	}
	f, err := parseFilter([]string{"events=EVENT,HARK"})
	if err != nil || len(f.types) != len(eventlistener.Types()) {
		t.Errorf("%v (%v)", f.types, err)
	}
}

// The user is one that may do only what README.md says it must.
func TestTheBridgesPasswordIsTheBridgesOwn(t *testing.T) {
	const secret = "s3cr3tXXXXXXXX"
	b := bridgeTo(t, nil)
	b.server.Stop()
	withPassword := natstest.Start(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "admin", Password: secret}, {Username: "bridge", Password: secret, Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{
				"$JS.API.CONSUMER.INFO.HARK.pool", "$JS.API.CONSUMER.CREATE.HARK.pool.>", "$JS.API.CONSUMER.CREATE.HARK.pool", "$JS.API.CONSUMER.MSG.NEXT.HARK.pool", "$JS.ACK.HARK.pool.>",
			}},
			Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
		}}}
	})
	withPassword.Stream(jetstream.StreamConfig{Name: "HARK", Subjects: []string{"hark.>"}}, nats.UserInfo("admin", secret))
	if err := os.WriteFile(b.file("password"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, b.js = withPassword.Connect(nats.UserInfo("admin", secret))
	b.args[4] = withPassword.URL()
	b.args = append(b.args, "--user", "bridge")
	t.Setenv("NATS_PASSWORD", "wrong")
	b.start()
	b.until("a wrong password is reported", func() bool {
		return strings.Contains(read(t, b.file("bridge.log")), "the server refuses these credentials")
	})
	b.stop()
	b.args = append(b.args, "--password-file", b.file("password"))
	t.Setenv("NATS_TOKEN", "")
	b.start()
	b.publish("h", "p", "a")
	b.until("it is taken", func() bool { return len(b.words()) == 1 && b.settled() })
	environment, err := os.ReadFile("/proc/" + read(t, b.file("log.pid")) + "/environ")
	if err == nil && (strings.Contains(string(environment), "NATS_") || !strings.Contains(string(environment), "SUPERVISOR_EVENT_PROTOCOL=3.0 bytes max_in_flight=1")) {
		t.Errorf("the listener's environment: %q", environment)
	}
	b.stop()
	if strings.Contains(read(t, b.file("bridge.log")), secret) {
		t.Error("the log shows the password")
	}
}

func TestTheBridgesOptions(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for want, args := range map[string][]string{
		"the listener's command is wanted":     {"-d", "x"},
		"option --durable is wanted":           {"cat"},
		"must be a name without spaces":        {"-d", "a.b", "cat"},
		"cannot use \"old\": new or all":       {"-d", "x", "--from", "old", "cat"},
		"from 1 to 1000":                       {"-d", "x", "--in-flight", "0", "cat"},
		"at least 1s":                          {"-d", "x", "--ack-wait", "0", "cat"},
		"there is no event type \"NOTHING\"":   {"-d", "x", "-f", "events=NOTHING", "cat"},
		"there is no kind \"x\"":               {"-d", "x", "-f", "x=y", "cat"},
		"KIND=LIST":                            {"-d", "x", "-f", "events", "cat"},
		"is not a pattern":                     {"-d", "x", "-f", "identifiers=[", "cat"},
		"hold no user or password":             {"-d", "x", "-s", "nats://u:s3cr3t@h", "cat"},
		"not below hark.events":                {"-d", "x", "--max-deliveries", "1", "--dead-letter", "hark.events.x", "cat"},
		"without --max-deliveries":             {"-d", "x", "--dead-letter", "dead", "cat"},
		"option --password-file: open":         {"-d", "x", "--password-file", missing, "cat"},
		"option --creds: open":                 {"-d", "x", "--creds", missing, "cat"},
		"option --tls-ca: open":                {"-d", "x", "--tls-ca", missing, "cat"},
		"options --tls-cert and --tls-key":     {"-d", "x", "--tls-cert", missing, "cat"},
		"listener: exec: \"/nonexistent/cat\"": {"-d", "x", "/nonexistent/cat"},
	} {
		b := newBench().run(append([]string{"nats-bridge"}, args...)...)
		if b.status == 0 || !strings.Contains(b.stderr.String(), want) || strings.Contains(b.stderr.String(), "s3cr3t") {
			t.Errorf("%v: %d, %.200q", args, b.status, b.stderr.String())
		}
	}
}
