package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
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
}

func sdkListeners() []sdkListener {
	const pythonPath = `PYTHONPATH="REPO/sdk/python"`
	const compatPath = `PYTHONPATH="REPO/sdk/python/compat"`
	const shellPath = `PATH="REPO/sdk/bash:/usr/local/bin:/usr/bin:/bin"`
	const python = "/usr/bin/python3 LISTENERS/"
	return []sdkListener{
		{"python, text", python + "recorder.py text DIR", pythonPath, python + "emitter.py", true, "\x00"},
		{"python, bytes", python + "recorder.py bytes DIR", pythonPath + `,LC_ALL="C"`, python + "emitter.py", true, "\x00"},
		{"python, compat", python + "recorder_childutils.py DIR", compatPath, python + "emitter_childutils.py", false, "\x00"},
		{"python, compat in another locale", python + "recorder_childutils.py DIR", compatPath + `,PYTHONIOENCODING="latin-1"`, python + "emitter_childutils.py", false, "\x00"},
		{"bash, UTF-8", "LISTENERS/recorder.bash DIR", shellPath + `,LC_ALL="C.UTF-8"`, "LISTENERS/emitter.bash", true, ""},
		{"bash, C", "LISTENERS/recorder.bash DIR", shellPath + `,LC_ALL="C"`, "LISTENERS/emitter.bash", true, ""},
		{"sh", "LISTENERS/recorder.sh DIR", shellPath, "LISTENERS/emitter.sh", true, ""},
	}
}

// conf is the listener's section and that of its emitter, which is started by hand.
func (l sdkListener) conf(t testing.TB, events int) string {
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
`, l.command, l.env, events+100, l.emitter, events, l.env))
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
		// A shell has dropped a NUL, so the length is that of what was sent.
		if nul := "processname:plain groupname:plain"; bytes.HasPrefix(more, []byte(nul)) && !bytes.Contains(more[:min(length, len(more))], []byte{0}) {
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
	until(in.t, fmt.Sprintf("%d events are recorded", n), func() bool { return len(in.records(in.t)) >= n })
	return in.records(in.t)
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
			t.Run(f.name+"/"+l.name, func(t *testing.T) {
				if f.name == "python" && l.name == "sh" {
					t.Skip("Supervisor sends no length in bytes, and sh has no other")
				}
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
				in.must("supervisor.startProcess", "plain")
				in.must("supervisor.startProcess", "odd")
				got = in.waitRecords(len(want) + 2)[len(want):]
				for i, end := range []string{"channel:stdout\na" + l.nul + "b\r\ncé\n\n", `channel:stdout` + "\n" + `Undecodable: b'a\x00b\r\nc\xe9\n\n'`} {
					if !strings.HasSuffix(got[i].payload, end) {
						t.Errorf("output came as %q; want it to end in %q", got[i].payload, end)
					}
				}
			})
		}
	}
}

func TestSDKListenersGetManyEventsInOrder(t *testing.T) {
	const events = 2000
	for _, l := range sdkListeners() {
		t.Run(l.name, func(t *testing.T) {
			in := run(t, l.conf(t, events))
			in.told()
			in.must("supervisor.startProcess", "emitter")
			for i, r := range in.waitRecords(events) {
				_, data, _ := strings.Cut(r.payload, "\n")
				if want := "é" + strconv.Itoa(i); r.name != "PROCESS_COMMUNICATION_STDOUT" || data != want {
					t.Fatalf("event %d is %s with %q; want %q", i, r.name, data, want)
				}
			}
		})
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
			until(t, "the event is in hand", func() bool { return exists(in, "begun") })
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
			until(t, "the event is in hand", func() bool { return exists(in, "begun") })
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

func TestPythonSDK(t *testing.T) {
	cmd := exec.Command("/usr/bin/python3", "-W", "error", "-m", "unittest", "discover", "-s", "testdata/listeners")
	cmd.Env = append(os.Environ(), "PYTHONPATH=../../sdk/python", "PYTHONDONTWRITEBYTECODE=1", "SDK=../../sdk/python")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func exists(in *instance, name string) bool {
	_, err := os.Stat(filepath.Join(in.dir, name))
	return err == nil
}
