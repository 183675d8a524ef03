package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// sdkListener is the recorder written with one SDK: testdata/listeners. It appends
// every event it accepts to the file record and does what the type of a
// REMOTE_COMMUNICATION asks: fail and refuse reject it once, slow waits for the
// file go.
type sdkListener struct {
	name     string
	command  string // REPO, LISTENERS and DIR are replaced
	env      string
	emitter  string // a program that sends as many communications as it is told, numbered
	graceful bool   // finishes its event when it is stopped
	nul      string // what it makes of a NUL in a payload
	// reference: it needs no more than what Supervisor's header tells, and is played against Supervisor too (one of those that read alike).
	reference bool
}

func sdkListeners() []sdkListener {
	const pythonPath = `PYTHONPATH="REPO/sdk/python"`
	const compatPath = `PYTHONPATH="REPO/sdk/python/compat"`
	const shellPath = `PATH="REPO/sdk/bash:/usr/local/bin:/usr/bin:/bin"`
	const python = "/usr/bin/python3 LISTENERS/"
	return []sdkListener{
		{"python, text", python + "recorder.py text DIR", pythonPath, python + "emitter.py", true, "\x00", true},
		{"python, bytes", python + "recorder.py bytes DIR", pythonPath + `,LC_ALL="C"`, python + "emitter.py", true, "\x00", true},
		{"python, compat", python + "recorder_childutils.py DIR", compatPath, python + "emitter_childutils.py", false, "\x00", false},
		{"python, compat in another locale", python + "recorder_childutils.py DIR", compatPath + `,PYTHONIOENCODING="latin-1"`, python + "emitter_childutils.py", false, "\x00", false},
		{"bash, UTF-8", "LISTENERS/recorder.bash DIR", shellPath + `,LC_ALL="C.UTF-8"`, "LISTENERS/emitter.bash", true, "", true},
		{"bash, C", "LISTENERS/recorder.bash DIR", shellPath + `,LC_ALL="C"`, "LISTENERS/emitter.bash", true, "", false},
		{"sh", "LISTENERS/recorder.sh DIR", shellPath, "LISTENERS/emitter.sh", true, "?", false},
	}
}

// conf is the listener's section, with further keys, and that of its emitter, which
// is started by hand.
func (l sdkListener) conf(t testing.TB, events int, more ...string) string {
	t.Helper()
	listeners, err := filepath.Abs("testdata/listeners")
	if err != nil {
		t.Fatal(err)
	}
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("REPO", repo, "LISTENERS", listeners).Replace(fmt.Sprintf(`
[eventlistener:recorder]
command=%s
environment=%s
events=REMOTE_COMMUNICATION,PROCESS_COMMUNICATION,PROCESS_LOG_STDOUT
buffer_size=%d
stderr_logfile=DIR/recorder.err
startsecs=0
autorestart=true
%s
[program:emitter]
command=%s %d
environment=%s
stdout_capture_maxbytes=4MB
autostart=false
autorestart=false
startsecs=0
[program:odd]
command=/usr/bin/printf 'a\000b\r\nc\351\n\n'
stdout_events_enabled=true
autostart=false
autorestart=false
startsecs=0
[program:plain]
command=/usr/bin/printf 'a\000b\r\nc\303\251\n\n'
stdout_events_enabled=true
autostart=false
autorestart=false
startsecs=0
`, l.command, l.env, events+100, strings.Join(more, "\n"), l.emitter, events, l.env))
}

// recorded is one event as a recorder wrote it.
type recorded struct {
	name    string
	serial  int
	payload string
}

// records reads what was recorded, whole records only.
func (in *instance) records(t testing.TB) []recorded {
	t.Helper()
	var all []recorded
	rest := []byte(in.file("record"))
	for {
		line, more, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			return all
		}
		var r recorded
		var length int
		if _, err := fmt.Sscan(string(line), &r.name, &r.serial, &length); err != nil {
			t.Fatalf("record %d begins with %q: %v", len(all), line, err)
		}
		// bash has dropped a NUL, but the length is that of what was sent.
		if bytes.HasPrefix(more, []byte("processname:plain groupname:plain")) && bytes.Contains(more, []byte("\nab\r\n")) {
			length--
		}
		if len(more) <= length {
			return all
		}
		if more[length] != '\n' {
			t.Fatalf("record %d (%s) does not end after its %d bytes", len(all), line, length)
		}
		r.payload = string(more[:length])
		all = append(all, r)
		rest = more[length+1:]
	}
}

func (in *instance) waitRecords(n int) []recorded {
	in.t.Helper()
	// Patience is for an event, not for all: two thousand of them, one after the other by a shell on a busy machine, take their time.
	for all := in.records(in.t); ; {
		if len(all) >= n {
			return all
		}
		before := len(all)
		testkit.Until(in.t, fmt.Sprintf("more than %d of %d events are recorded", before, n), func() bool {
			all = in.records(in.t)
			return len(all) > before
		})
	}
}

func (in *instance) remote(kind, data string) {
	in.t.Helper()
	in.must("supervisor.sendRemoteCommEvent", kind, data)
}

// told shows what a listener said in a test that failed.
func (in *instance) told() {
	in.t.Cleanup(func() {
		if in.t.Failed() {
			in.t.Logf("the listener's stderr:\n%s", tailOf(in.file("recorder.err"), 3000))
		}
	})
}

func TestSDKListenersGetEveryPayloadAsItWasSent(t *testing.T) {
	big := strings.Repeat("0123456789abcde\n", 1<<16)
	wide := strings.Repeat("é€😀\n", 100_000)
	for _, flavour := range []func(testing.TB) flavour{hark, python} {
		for _, l := range sdkListeners() {
			f := flavour(t)
			if f.name == "python" && !l.reference {
				continue
			}
			t.Run(f.name+"/"+l.name, func(t *testing.T) {
				in := start(t, f, l.conf(t, 1))
				in.told()
				var want []string
				for _, data := range []string{"", "plain", "two\nlines\n", "é", "😀 at the end 😀", "\r\n\n\n", "a: b:c", "* $HOME `x` \\", big, wide} {
					in.remote("note", data)
					want = append(want, "type:note\n"+strings.ReplaceAll(data, "\r\n", "\n")) // XML knows no CR
				}
				got := in.waitRecords(len(want))
				for i, r := range got {
					if r.name != "REMOTE_COMMUNICATION" || r.payload != want[i] {
						t.Fatalf("event %d is %s %.200q; want %.200q", i, r.name, r.payload, want[i])
					}
				}
				for i, tc := range []struct{ program, end string }{
					{"plain", "channel:stdout\na" + l.nul + "b\r\ncé\n\n"},
					{"odd", "channel:stdout\nUndecodable: b'a\\x00b\\r\\nc\\xe9\\n\\n'"},
				} {
					in.must("supervisor.startProcess", tc.program, false) // Supervisor calls an exit this early abnormal when asked to wait
					if got := in.waitRecords(len(want) + i + 1)[len(want)+i]; !strings.HasSuffix(got.payload, tc.end) {
						t.Errorf("output came as %q; want it to end in %q", got.payload, tc.end)
					}
				}
			})
		}
	}
}

func TestSDKListenersGetManyEventsInOrder(t *testing.T) {
	const events = 2000
	for _, credits := range []string{"max_in_flight=1", "max_in_flight=64"} {
		for _, l := range sdkListeners() {
			t.Run(l.name+", "+credits, func(t *testing.T) {
				in := run(t, l.conf(t, events, credits))
				in.told()
				in.must("supervisor.startProcess", "emitter", false)
				for i, r := range in.waitRecords(events) {
					_, data, _ := strings.Cut(r.payload, "\n")
					if want := "é" + strconv.Itoa(i); r.name != "PROCESS_COMMUNICATION_STDOUT" || data != want {
						t.Fatalf("event %d is %s with %q; want %q", i, r.name, data, want)
					}
				}
				in.waitListener("recorder", "delivered", events)
				if state := in.listenerState("recorder"); state == "UNKNOWN" || in.listener("recorder", "returned") != 0 {
					t.Errorf("it is %s: %v", state, in.must("hark.getEventListeners"))
				}
			})
		}
	}
}

// inFlight is how many events a pool's first process has unanswered.
func (in *instance) inFlight(name string) int {
	in.t.Helper()
	v, _ := in.listener(name, "processes").([]any)[0].(xmlrpc.Struct).Get("in_flight")
	return v.(int)
}

// Python's listener reads ahead what max_in_flight allows; the others take one event
// at a time.
func TestThePythonSDKsListenerUsesItsCredits(t *testing.T) {
	for _, l := range sdkListeners() {
		t.Run(l.name, func(t *testing.T) {
			in := run(t, l.conf(t, 1, "max_in_flight=4"))
			in.told()
			ahead := 1
			if strings.HasPrefix(l.name, "python, text") || strings.HasPrefix(l.name, "python, bytes") {
				ahead = 4
			}
			kinds := []string{"slow", "fail", "note", "refuse", "note", "note", "note"}
			for _, kind := range kinds {
				in.remote(kind, "x")
			}
			testkit.Until(t, "the first event is in hand", func() bool { return exists(in, "begun") })
			testkit.Until(t, fmt.Sprintf("%d events are in flight", ahead), func() bool { return in.inFlight("recorder") == ahead })
			in.waitListener("recorder", "queued", len(kinds)-ahead)
			in.script("go", "")
			in.waitListener("recorder", "delivered", len(kinds))
			if in.listener("recorder", "rejected") != 2 || in.listenerState("recorder") == "UNKNOWN" {
				t.Errorf("%v", in.must("hark.getEventListeners"))
			}
			// A rejected event comes again behind those that were in flight.
			seen := map[int]string{}
			for _, r := range in.waitRecords(len(kinds)) {
				seen[r.serial] = strings.TrimSuffix(strings.TrimPrefix(r.payload, "type:"), "\nx")
			}
			for i, kind := range kinds {
				if seen[i] != kind {
					t.Errorf("event %d is %q, not %q", i, seen[i], kind)
				}
			}
			if n := len(in.records(t)); n != len(kinds) {
				t.Errorf("%d events were recorded", n)
			}
		})
	}
}

// What was read ahead and not begun when the listener is stopped or killed comes
// again, in order.
func TestWhatAnSDKListenerHasReadAheadComesAgain(t *testing.T) {
	for _, l := range sdkListeners()[:2] {
		for _, how := range []string{"stopped", "killed"} {
			t.Run(l.name+", "+how, func(t *testing.T) {
				in := run(t, l.conf(t, 1, "max_in_flight=4"))
				in.told()
				for i, kind := range []string{"slow", "note", "note", "note", "note", "note"} {
					in.remote(kind, strconv.Itoa(i))
				}
				testkit.Until(t, "the first event is in hand", func() bool { return exists(in, "begun") })
				testkit.Until(t, "four events are in flight", func() bool { return in.inFlight("recorder") == 4 })
				if how == "stopped" {
					in.must("supervisor.stopProcess", "recorder:recorder", false)
					in.script("go", "")
					in.waitState("recorder:recorder", "STOPPED")
					if n := len(in.records(t)); n != 1 {
						t.Errorf("%d events done when stopped", n)
					}
					in.must("supervisor.startProcess", "recorder:recorder")
				} else {
					if err := syscall.Kill(in.pid("recorder:recorder"), syscall.SIGKILL); err != nil {
						t.Fatal(err)
					}
					in.script("go", "")
				}
				for i, r := range in.waitRecords(6) {
					if r.serial != i || !strings.HasSuffix(r.payload, "\n"+strconv.Itoa(i)) {
						t.Errorf("event %d is %d %q", i, r.serial, r.payload)
					}
				}
				in.waitListener("recorder", "delivered", 6)
			})
		}
	}
}

func TestAnEventAnSDKListenerRejectsComesAgain(t *testing.T) {
	for _, l := range sdkListeners() {
		t.Run(l.name, func(t *testing.T) {
			in := run(t, l.conf(t, 1))
			in.told()
			want := []string{"fail", "note", "refuse", "note"}
			for _, kind := range want {
				in.remote(kind, "x")
			}
			for i, r := range in.waitRecords(len(want)) {
				if r.payload != "type:"+want[i]+"\nx" || r.serial != i {
					t.Errorf("event %d is %d %q", i, r.serial, r.payload)
				}
			}
			in.waitLog("recorder: event was rejected")
		})
	}
}

func TestAnSDKListenerThatIsStoppedFinishesItsEvent(t *testing.T) {
	for _, l := range sdkListeners() {
		t.Run(l.name, func(t *testing.T) {
			in := run(t, l.conf(t, 1))
			in.told()
			in.remote("slow", "x")
			in.remote("note", "behind it")
			testkit.Until(t, "the event is in hand", func() bool { return exists(in, "begun") })
			in.must("supervisor.stopProcess", "recorder:recorder", false)
			in.script("go", "")
			in.waitState("recorder:recorder", "STOPPED")
			if done := len(in.records(t)); l.graceful != (done == 1) || l.graceful != exists(in, "ended") {
				t.Errorf("%d events done when stopped, file ended: %v", done, exists(in, "ended"))
			}
			in.must("supervisor.startProcess", "recorder:recorder")
			for i, r := range in.waitRecords(2) {
				if want := []string{"type:slow\nx", "type:note\nbehind it"}[i]; r.payload != want || r.serial != i {
					t.Errorf("event %d is %d %q", i, r.serial, r.payload)
				}
			}
			// Idle, it stops at once: it is no longer there although nothing was sent.
			in.must("supervisor.stopProcess", "recorder:recorder")
			if log := in.log(); strings.Contains(log, "SIGKILL") {
				t.Errorf("a listener had to be killed:\n%s", log)
			}
			if n := len(in.records(t)); n != 2 {
				t.Errorf("%d events in all", n)
			}
		})
	}
}

func TestAnEventOfAnSDKListenerThatIsKilledComesAgain(t *testing.T) {
	for _, l := range sdkListeners() {
		t.Run(l.name, func(t *testing.T) {
			in := run(t, l.conf(t, 1))
			in.told()
			in.remote("slow", "x")
			in.remote("note", "behind it")
			testkit.Until(t, "the event is in hand", func() bool { return exists(in, "begun") })
			pid := in.pid("recorder:recorder")
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			in.script("go", "")
			for i, r := range in.waitRecords(2) {
				if want := []string{"type:slow\nx", "type:note\nbehind it"}[i]; r.payload != want || r.serial != i {
					t.Errorf("event %d is %d %q", i, r.serial, r.payload)
				}
			}
			if now := in.pid("recorder:recorder"); now == pid {
				t.Error("the pid is still that of the killed one")
			}
		})
	}
}

func TestTheExampleListenersLogCrashes(t *testing.T) {
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, example := range []string{"python/crash_log.py", "bash/crash-log.bash", "sh/crash-log.sh"} {
		t.Run(example, func(t *testing.T) {
			in := run(t, strings.ReplaceAll(`
[eventlistener:crash_log]
command=REPO/examples/listeners/`+example+` DIR/crashes
events=PROCESS_STATE_EXITED,PROCESS_STATE_FATAL
environment=PATH="REPO/sdk/bash:/usr/bin:/bin",PYTHONPATH="REPO/sdk/python"
stderr_logfile=DIR/recorder.err
startsecs=0
[program:fine]
command=/bin/true
startsecs=0
autorestart=false
[program:crashing]
process_name=one
command=/bin/false
startsecs=0
autorestart=false
[program:missing]
command=/no/such/program
startretries=0
`, "REPO", repo))
			in.told()
			in.waitFile("crashes", "missing gave up\n")
			in.waitFile("crashes", "crashing:one pid ")
			in.waitFile("crashes", " exited unexpectedly\n")
			if text := in.file("crashes"); strings.Count(text, "\n") != 2 {
				t.Errorf("the log has %q", text)
			}
		})
	}
}

func TestPythonSDKWithoutADaemon(t *testing.T) {
	cmd := exec.Command("/usr/bin/python3", "-W", "error", "testdata/listeners/sdk_test.py")
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../sdk/python", "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestThePythonCompatPackageAnswersAsSupervisors(t *testing.T) {
	answers := func(pythonPath string) []string {
		cmd := exec.Command("/usr/bin/python3", "testdata/listeners/compat_answers.py")
		cmd.Env = append(os.Environ(), "PYTHONPATH="+pythonPath, "PYTHONDONTWRITEBYTECODE=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("with PYTHONPATH %q: %v\n%s", pythonPath, err, out)
		}
		return strings.Split(string(out), "\n")
	}
	theirs, ours := answers(""), answers("../../sdk/python/compat")
	if theirs[0] == ours[0] {
		t.Fatalf("both answers are of %s; make test installs Supervisor", ours[0])
	}
	for i := range max(len(theirs), len(ours)) {
		if i >= len(theirs) || i >= len(ours) {
			t.Fatalf("%d answers, Supervisor gives %d", len(ours), len(theirs))
		}
		if i > 0 && theirs[i] != ours[i] {
			t.Errorf("ours:   %s\ntheirs: %s", ours[i], theirs[i])
		}
	}
}

func TestPythonListenersCallBack(t *testing.T) {
	const script = `
import os, xmlrpc.client
from hark_listener import rpc
from supervisor import childutils
for proxy in rpc(), childutils.getRPCInterface(os.environ):
    for _ in range(2):
        print(proxy.supervisor.getState()["statename"], proxy.supervisor.getProcessInfo("idle")["description"])
    try:
        proxy.supervisor.startProcess("none\u00e9")
    except xmlrpc.client.Fault as e:
        print(e.faultCode, ascii(e.faultString))
os.environ["SUPERVISOR_PASSWORD"] = "wrong"
for proxy in rpc(), childutils.getRPCInterface(os.environ):
    try:
        proxy.supervisor.getState()
    except xmlrpc.client.ProtocolError as e:
        print(e.errcode)
`
	want := strings.Repeat("RUNNING Not started\nRUNNING Not started\n10 'BAD_NAME: none\\xe9'\n", 2) + "401\n401\n"
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	in := prepare(t, hark(t), strings.Replace(baseConf, "[unix_http_server]", "[unix_http_server]\nusername=me\npassword=pass:word", 1)+`
[inet_http_server]
port=`+address+`
username=me
password=pass:word
[program:idle]
command=/bin/cat
autostart=false
`)
	in.launch()
	testkit.Until(t, "supervisord has started", func() bool { return strings.Contains(in.file("supervisord.log"), "supervisord started with pid") })
	for _, url := range []string{"unix://" + in.sock, "http://" + address} {
		cmd := exec.Command("/usr/bin/python3", "-c", script)
		cmd.Env = append(os.Environ(), "PYTHONPATH=../../sdk/python:../../sdk/python/compat", "PYTHONDONTWRITEBYTECODE=1",
			"SUPERVISOR_SERVER_URL="+url, "SUPERVISOR_USERNAME=me", "SUPERVISOR_PASSWORD=pass:word")
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s: %v, %s", url, err, out)
		}
	}
}

func exists(in *instance, name string) bool {
	_, err := os.Stat(filepath.Join(in.dir, name))
	return err == nil
}
