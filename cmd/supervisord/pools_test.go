package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// listenerPy is a listener on bytes that notes each event it is sent as a line of
// JSON in OUT, and misbehaves as MODE says: always, or in its first life ("first-").
const listenerPy = `import json, os, sys, time
MODE, OUT = sys.argv[1], sys.argv[2]
inp, out = os.fdopen(0, 'rb', 0), os.fdopen(1, 'wb', 0)
first = not os.path.exists(OUT + '.lived')
open(OUT + '.lived', 'w').close()
mode = MODE
if MODE.startswith('first-'):
    mode = MODE[6:] if first else 'ok'

def line():
    b = b''
    while not b.endswith(b'\n'):
        c = inp.read(1)
        if not c:
            sys.exit(0)
        b += c
    return b.decode()

def take(n):
    b = b''
    while len(b) < n:
        c = inp.read(n - len(b))
        if not c:
            sys.exit(0)
        b += c
    return b

def note(**kw):
    with open(OUT, 'a') as f:
        f.write(json.dumps(kw) + '\n')

note(start=os.environ.get('SUPERVISOR_EVENT_PROTOCOL', ''), pid=os.getpid())
if mode == 'flood-stdout':
    while True:
        out.write(b'x' * 65536)
if mode == 'deaf':
    out.write(b'READY\n')
    time.sleep(3600)
ahead = int(mode[6:]) if mode.startswith('ahead-') else 1
out.write(b'READY\n' * ahead)
held = []
while True:
    if mode == 'die-mid-header':
        inp.read(5)
        note(died=1)
        os._exit(1)
    h = dict(t.split(':', 1) for t in line().split())
    n = int(h.get('bytes', h['len']))
    if mode == 'die-mid-payload':
        inp.read(1)
        note(died=1)
        os._exit(1)
    p = take(n)
    note(header=h, payload=p.decode())
    if mode == 'die-before-answer':
        os._exit(1)
    elif mode == 'leak':
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(1)
    elif mode == 'hang':
        time.sleep(3600)
    elif mode == 'answer-twice':
        out.write(b'RESULT 2\nOKRESULT 2\nOK')
    elif mode == 'garbage':
        out.write(b'\x00\xffnonsense\n')
    elif mode == 'oversized':
        out.write(b'RESULT 10000000\n')
        for _ in range(160):
            out.write(b'y' * 62500)
        out.write(b'READY\n')
    elif mode == 'wrong-length':
        out.write(b'RESULT 1\nOK')
        out.write(b'READY\n')
    elif mode == 'fail':
        out.write(b'RESULT 4\nFAILREADY\n')
    elif mode == 'flood-stderr':
        for _ in range(200):
            os.write(2, b'e' * 65536)
        out.write(b'RESULT 2\nOKREADY\n')
    elif ahead > 1:
        held.append(h)
        if len(held) == ahead:
            out.write(b'RESULT 2\nOKREADY\n' * ahead)
            held = []
    else:
        out.write(b'RESULT 2\nOKREADY\n')
`

// seen is a line that listenerPy noted.
type seen struct {
	Start   *string           `json:"start"`
	Pid     int               `json:"pid"`
	Died    int               `json:"died"`
	Header  map[string]string `json:"header"`
	Payload string            `json:"payload"`
}

// listenerConf is a section of listenerPy; more are further keys.
func listenerConf(name, mode, events, more string) string {
	return fmt.Sprintf("[eventlistener:%s]\ncommand=/usr/bin/python3 DIR/listener.py %s DIR/%s.seen\nevents=%s\nstartsecs=0\nautorestart=true\nstopwaitsecs=5\n%s\n", name, mode, name, events, more)
}

func runListeners(t *testing.T, conf string) *instance {
	t.Helper()
	return runListenersOf(t, baseConf+conf)
}

// runQuietListeners does not copy what they say to the activity log.
func runQuietListeners(t *testing.T, conf string) *instance {
	t.Helper()
	return runListenersOf(t, strings.Replace(baseConf, "loglevel=debug", "loglevel=info", 1)+conf)
}

func runListenersOf(t *testing.T, conf string) *instance {
	t.Helper()
	in := ready(t, conf)
	in.script("listener.py", listenerPy)
	in.launch()
	in.waitServing()
	return in
}

// seen is what a listener has noted so far.
func (in *instance) seen(name string) (all []seen) {
	in.t.Helper()
	scan := bufio.NewScanner(strings.NewReader(in.file(name + ".seen")))
	scan.Buffer(nil, 8<<20)
	for scan.Scan() {
		var s seen
		if json.Unmarshal(scan.Bytes(), &s) == nil { // the last line may be half there
			all = append(all, s)
		}
	}
	return all
}

// payloads are those of the events a listener was sent.
func (in *instance) payloads(name string) (all []string) {
	in.t.Helper()
	for _, s := range in.seen(name) {
		if s.Header != nil {
			all = append(all, s.Payload)
		}
	}
	return all
}

func (in *instance) waitPayloads(name string, n int) []string {
	in.t.Helper()
	testkit.Until(in.t, fmt.Sprintf("%s was sent %d events", name, n), func() bool { return len(in.payloads(name)) >= n })
	return in.payloads(name)
}

func (in *instance) lives(name string) int {
	in.t.Helper()
	n := 0
	for _, s := range in.seen(name) {
		if s.Start != nil {
			n++
		}
	}
	return n
}

func (in *instance) send(data string) {
	in.t.Helper()
	in.must("supervisor.sendRemoteCommEvent", "k", data)
}

// listener is a member of one entry of hark.getEventListeners.
func (in *instance) listener(name, member string) any {
	in.t.Helper()
	for _, v := range in.must("hark.getEventListeners").([]any) {
		s := v.(xmlrpc.Struct)
		if n, _ := s.Get("name"); n == name {
			value, ok := s.Get(member)
			if !ok {
				in.t.Fatalf("no member %q", member)
			}
			return value
		}
	}
	in.t.Fatalf("no event listener %q", name)
	return nil
}

// listenerState is the protocol state of a pool's first process.
func (in *instance) listenerState(name string) string {
	in.t.Helper()
	p := in.listener(name, "processes").([]any)[0].(xmlrpc.Struct)
	v, _ := p.Get("listener_state")
	return v.(string)
}

func (in *instance) waitListener(name, member string, want any) {
	in.t.Helper()
	testkit.Until(in.t, fmt.Sprintf("%s of %s is %v", member, name, want), func() bool { return in.listener(name, member) == want })
}

func TestAListenerThatDiesHasItsEventDeliveredAgain(t *testing.T) {
	for _, mode := range []string{"die-mid-header", "die-mid-payload", "die-before-answer", "leak"} {
		t.Run(mode, func(t *testing.T) {
			in := runListeners(t, listenerConf("bad", "first-"+mode, "REMOTE_COMMUNICATION", "")+listenerConf("witness", "ok", "REMOTE_COMMUNICATION", ""))
			in.send("one")
			in.send("two")
			in.waitListener("bad", "delivered", 2)
			in.waitListener("witness", "delivered", 2)
			got := in.payloads("bad")
			if n := len(got); got[n-2] != "type:k\none" || got[n-1] != "type:k\ntwo" {
				t.Errorf("the second life was sent %q", got)
			}
			if in.listener("bad", "returned") != 1 || in.listener("bad", "discarded") != 0 {
				t.Errorf("%v", in.must("hark.getEventListeners"))
			}
			for _, s := range in.seen("bad") {
				if s.Pid != 0 && mode == "leak" { // nobody else would end its child
					_ = killGroup(s.Pid)
				}
			}
		})
	}
}

func TestAListenerThatBreaksTheProtocolHearsNoMore(t *testing.T) {
	for mode, delivered := range map[string]int{"answer-twice": 1, "garbage": 0, "wrong-length": 0} {
		t.Run(mode, func(t *testing.T) {
			in := runListeners(t, listenerConf("bad", mode, "REMOTE_COMMUNICATION", "buffer_size=2")+listenerConf("witness", "ok", "REMOTE_COMMUNICATION,HARK", ""))
			in.send("0")
			testkit.Until(t, "it is UNKNOWN", func() bool { return in.listenerState("bad") == "UNKNOWN" })
			in.waitLog("bad: has entered the UNKNOWN state")
			for i := 1; i < 5; i++ {
				in.send(fmt.Sprint(i))
			}
			in.waitListener("bad", "queued", 2)
			if got := in.listener("bad", "delivered"); got != delivered {
				t.Errorf("delivered %v, want %d", got, delivered)
			}
			if in.lives("bad") != 1 || in.state("bad") != "RUNNING" {
				t.Error("it was restarted, or ended")
			}
			testkit.Until(t, "the witness heard all, and of the loss", func() bool {
				all := strings.Join(in.payloads("witness"), "|")
				return strings.Contains(all, "type:k\n4") && strings.Contains(all, "subscriber:bad discarded:")
			})
		})
	}
}

func TestListenersThatFloodOrStallDelayNobody(t *testing.T) {
	for _, mode := range []string{"flood-stdout", "flood-stderr", "deaf", "oversized", "fail"} {
		t.Run(mode, func(t *testing.T) {
			in := runQuietListeners(t, listenerConf("bad", mode, "REMOTE_COMMUNICATION", "stderr_logfile=NONE\nstdout_logfile=NONE")+listenerConf("witness", "ok", "REMOTE_COMMUNICATION", "buffer_size=100"))
			big := strings.Repeat("ü", 1<<19) // 1 MB
			in.send(big)
			for i := range 5 {
				in.send(fmt.Sprint(i))
			}
			got := in.waitPayloads("witness", 6)
			if got[0] != "type:k\n"+big || got[5] != "type:k\n4" {
				t.Errorf("the witness was sent %d events, the last %.40q", len(got), got[len(got)-1])
			}
			switch mode {
			case "deaf":
				in.waitListener("bad", "in_flight", 1)
			case "fail":
				testkit.Until(t, "it rejected a few times", func() bool { return in.listener("bad", "rejected").(int) > 3 })
			case "oversized":
				testkit.Until(t, "the result was judged", func() bool { return in.listener("bad", "rejected").(int) > 0 })
			case "flood-stdout":
				testkit.Until(t, "it is UNKNOWN", func() bool { return in.listenerState("bad") == "UNKNOWN" })
			}
			in.must("supervisor.stopProcess", "bad")
		})
	}
}

func TestReadyMayBeWrittenAheadWhereAllowed(t *testing.T) {
	in := runListeners(t, listenerConf("fast", "ahead-4", "REMOTE_COMMUNICATION", "max_in_flight=4\nbuffer_size=100")+
		listenerConf("classic", "ok", "REMOTE_COMMUNICATION", "max_in_flight=4\nbuffer_size=100")+
		listenerConf("refused", "ahead-2", "REMOTE_COMMUNICATION", ""))
	for i := range 8 {
		in.send(fmt.Sprint(i))
	}
	in.waitListener("fast", "delivered", 8)
	in.waitListener("classic", "delivered", 8)
	for i, p := range in.payloads("fast") {
		if p != fmt.Sprintf("type:k\n%d", i) {
			t.Errorf("event %d is %q", i, p)
		}
	}
	if got := *in.seen("fast")[0].Start; got != "3.0 bytes max_in_flight=4 payload=supervisor" {
		t.Errorf("SUPERVISOR_EVENT_PROTOCOL is %q", got)
	}
	testkit.Until(t, "who may not is UNKNOWN", func() bool { return in.listenerState("refused") == "UNKNOWN" })
}

func TestAListenerThatTakesTooLongIsRestarted(t *testing.T) {
	in := runListeners(t, listenerConf("slow", "first-hang", "REMOTE_COMMUNICATION", "ack_timeout=1")+listenerConf("patient", "hang", "REMOTE_COMMUNICATION", ""))
	in.send("one")
	in.waitListener("slow", "delivered", 1)
	in.waitLog("listener slow has not answered event 0 within ")
	in.waitLog("restarting listener slow")
	if in.lives("slow") != 2 || in.lives("patient") != 1 {
		t.Errorf("%d and %d lives", in.lives("slow"), in.lives("patient"))
	}
}

func TestABreachOfTheProtocolRestartsWhereWanted(t *testing.T) {
	in := runListeners(t, listenerConf("bad", "first-garbage", "REMOTE_COMMUNICATION", "on_protocol_error=restart"))
	in.send("one")
	in.waitListener("bad", "delivered", 1)
	if got := in.payloads("bad"); len(got) != 2 || got[0] != got[1] {
		t.Errorf("sent %q", got)
	}
	// One that does so forever is started again, but ever more slowly, and can be stopped.
	in = runQuietListeners(t, listenerConf("bad", "flood-stdout", "REMOTE_COMMUNICATION", "on_protocol_error=restart\nstdout_logfile=NONE"))
	testkit.Until(t, "it was restarted twice", func() bool { return strings.Count(in.log(), "restarting listener bad") >= 2 })
	testkit.Until(t, "it is stopped", func() bool { _, err := in.call("supervisor.stopProcess", "bad"); return err == nil })
	lives := in.lives("bad")
	in.must("supervisor.startProcess", "bad")
	testkit.Until(t, "it lives again", func() bool { return in.lives("bad") > lives })
}

func TestWhatNobodyTakesGoesToTheDeadLetters(t *testing.T) {
	in := runListeners(t, listenerConf("bad", "fail", "REMOTE_COMMUNICATION", "max_deliveries=3\npayload=json"))
	in.send("poison \"é\"")
	in.send("more")
	in.waitListener("bad", "dead_letters", 2)
	testkit.Until(t, "both are in the file", func() bool { return strings.Count(in.file("bad-deadletters.jsonl"), "\n") == 2 })
	var letter struct {
		Pool, Listener, Result string
		Failed, Poolserial     int
		Event                  struct{ Eventname, Type, Data string }
	}
	text, _, _ := strings.Cut(in.file("bad-deadletters.jsonl"), "\n")
	if err := json.Unmarshal([]byte(text), &letter); err != nil {
		t.Fatal(err)
	}
	if letter.Pool != "bad" || letter.Listener != "bad" || letter.Result != "FAIL" || letter.Failed != 3 || letter.Event.Eventname != "REMOTE_COMMUNICATION" || letter.Event.Data != "poison \"é\"" {
		t.Errorf("%s is %+v", text, letter)
	}
	if got := in.payloads("bad"); len(got) != 6 || !json.Valid([]byte(got[0])) {
		t.Errorf("sent %q", got)
	}
	st, err := os.Stat(filepath.Join(in.dir, "bad-deadletters.jsonl"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestAPoolHearsOnlyOfItsPrograms(t *testing.T) {
	in := runListeners(t, listenerConf("some", "ok", "PROCESS_STATE_RUNNING,REMOTE_COMMUNICATION", "programs=web:*\npayload=extended")+`
[program:web]
command=/bin/cat
numprocs=2
process_name=web_%(process_num)d
startsecs=0
[program:other]
command=/bin/cat
startsecs=0
`)
	for _, name := range []string{"other", "web:web_0", "web:web_1"} {
		in.waitState(name, "RUNNING")
	}
	in.send("last")
	got := in.waitPayloads("some", 3)
	for i, want := range []string{"processname:web_0 groupname:web from_state:STARTING pid:", "processname:web_1 groupname:web from_state:STARTING pid:", "type:k seq:"} {
		if !strings.HasPrefix(got[i], want) || !strings.Contains(got[i], " time:") {
			t.Errorf("event %d is %q", i, got[i])
		}
	}
	if len(got) != 3 {
		t.Errorf("and %q", got[3:])
	}
}

func TestAFullBufferGivesUpWhatIsConfigured(t *testing.T) {
	in := runListeners(t, listenerConf("keep", "hang", "REMOTE_COMMUNICATION", "overflow=discard_newest\nbuffer_size=2"))
	for i := range 5 {
		in.send(fmt.Sprint(i))
		in.waitListener("keep", "accepted", i+1)
		if i == 0 {
			in.waitPayloads("keep", 1)
		}
	}
	in.waitListener("keep", "discarded", 2)
	in.waitLog("pool keep event buffer overflowed, discarding event 3")
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }

// subscribers are the names of those of a kind.
func (in *instance) subscribers(kind string) (names []string) {
	in.t.Helper()
	for _, v := range in.must("hark.getEventListeners").([]any) {
		s := v.(xmlrpc.Struct)
		if k, _ := s.Get("kind"); k == kind {
			n, _ := s.Get("name")
			names = append(names, n.(string))
		}
	}
	return names
}

// TestResultsThatSupervisorStdoutPrints is what containers have: a listener answers each
// PROCESS_LOG event with its payload, and the handler prints it on supervisord's stdout.
func TestResultsThatSupervisorStdoutPrints(t *testing.T) {
	t.Parallel()
	in := prepare(t, hark(t), baseConf+`[program:talk]
command=/bin/sh -c 'echo one; echo two; echo err >&2; exec sleep 3600'
stdout_events_enabled=true
stderr_events_enabled=true
[eventlistener:stdout]
command=/usr/bin/python3 %(here)s/echo.py
events=PROCESS_LOG
buffer_size=100
result_handler=supervisor_stdout:event_handler
`)
	echo := `import sys
while True:
    sys.stdout.write('READY\n'); sys.stdout.flush()
    headers = dict(x.split(':') for x in sys.stdin.readline().split())
    data = sys.stdin.read(int(headers['len']))
    sys.stdout.write('RESULT %s\n%s' % (len(data.encode()), data)); sys.stdout.flush()
`
	if err := os.WriteFile(filepath.Join(in.dir, "echo.py"), []byte(echo), 0o600); err != nil {
		t.Fatal(err)
	}
	in.launch()
	testkit.Until(t, "both channels are printed", func() bool {
		out := in.output.String()
		return strings.Contains(out, "talk stdout | one\n") && strings.Contains(out, "talk stdout | two\n") && strings.Contains(out, "talk stderr | err\n")
	})
}
