package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// recordUnderADaemon runs a listener under a recorder and sends it events.
func recordUnderADaemon(t *testing.T, keys string, events ...string) (file string) {
	t.Helper()
	d := daemontest.Start(t, `
[eventlistener:mine]
command=`+self(t)+` record DIR/traffic -- /usr/bin/env `+roleVariable+`=sdk `+self(t)+`
environment=`+roleVariable+`=main
events=REMOTE_COMMUNICATION
startsecs=0
`+keys)
	c, err := client.New(d.ServerURL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, data := range events {
		if err := c.SendRemoteCommEvent(t.Context(), "k", data); err != nil {
			t.Fatal(err)
		}
	}
	daemontest.Until(t, "all is answered", func() bool { return strings.Count(d.File("traffic"), "RESULT 2") == len(events) })
	if err := c.StopProcess(t.Context(), "mine", true); err != nil {
		t.Fatal(err)
	}
	d.WaitLog("stopped: mine (exit status 0)")
	text := d.File("traffic")
	if !strings.HasPrefix(text, recordingHead) || !strings.Contains(text, " end \"exit status 0\"\n") {
		t.Errorf("the recording is %.2000s", text)
	}
	path := filepath.Join(d.Dir, "traffic")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	return path
}

func TestTrafficOfADaemonIsRecordedAndReplayed(t *testing.T) {
	path := recordUnderADaemon(t, "", "one é", "two\r\nlines", strings.Repeat("big ", 1<<16))
	out, errs, status := runIt(t, "replay", "--env", roleVariable+"=sdk", path, "--", self(t))
	if status != exitKept || !strings.Contains(out, "3 events, 3 answers compared, 0 differ, 0 had none\n") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
	out, errs, status = runIt(t, "replay", "--env", roleVariable+"=rejects two", path, self(t))
	if status != exitBroken || !strings.Contains(out, "serial 1, REMOTE_COMMUNICATION: OK was recorded, now FAIL\n") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
	out, _, status = runIt(t, "replay", "--json", "--env", roleVariable+"=rejects two", path, self(t))
	var report struct {
		OK    bool
		Lives []replayed
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.OK || status != exitBroken || len(report.Lives) != 1 ||
		!reflect.DeepEqual(report.Lives[0].Differ, []difference{{1, "REMOTE_COMMUNICATION", "OK", "FAIL"}}) {
		t.Errorf("status %d, %v, %s", status, err, out)
	}
	out, _, status = runIt(t, "replay", "--env", roleVariable+"=dies of its first event", path, self(t))
	if status != exitBroken || !strings.Contains(out, "ended (exit status 1) before it did") {
		t.Errorf("status %d, %s", status, out)
	}
}

func TestTrafficWithCreditsIsRecordedAndReplayed(t *testing.T) {
	var events []string
	for i := range 20 {
		events = append(events, fmt.Sprint("event ", i))
	}
	path := recordUnderADaemon(t, "max_in_flight=4\nbuffer_size=100", events...)
	out, errs, status := runIt(t, "replay", "--env", roleVariable+"=sdk", path, "--", self(t))
	if status != exitKept || !strings.Contains(out, "20 events, 20 answers compared, 0 differ") {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
}

func TestTheRecorderEndsAsTheListenerDoes(t *testing.T) {
	dir := t.TempDir()
	for i, tc := range []struct {
		script string
		status int
	}{{"exit 7", 7}, {"kill -9 $$", 137}, {"exec >&-; exit 3", 3}, {"cat; exit 4", 4}} {
		name := filepath.Join(dir, fmt.Sprint(i))
		cmd := command(t, "record", name+".%p", "--", "/bin/sh", "-c", tc.script)
		cmd.Stdin = strings.NewReader("what it is sent\n")
		out, _ := cmd.Output()
		if cmd.ProcessState.ExitCode() != tc.status {
			t.Errorf("%s: %v", tc.script, cmd.ProcessState)
		}
		if i == 3 && string(out) != "what it is sent\n" {
			t.Errorf("%q came through", out)
		}
		text, err := os.ReadFile(fmt.Sprint(name, ".", cmd.Process.Pid))
		if err != nil || !bytes.Contains(text, []byte(" end \"")) {
			t.Errorf("%v, %s", err, text)
		}
	}
}

func TestTheRecorderPassesSignalsOn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "r")
	cmd := command(t, "record", name, "/bin/sh", "-c", `trap 'exit 5' TERM; echo READY; while :; do sleep 0.05; done`)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make([]byte, 6)
	if _, err := io.ReadFull(out, ready); err != nil {
		t.Error(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("%v", cmd.ProcessState)
	}
}

// A full disk must not stop the listener.
func TestTheListenerGoesOnWhereItCannotBeRecorded(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("there is no /dev/full here")
	}
	cmd := command(t, "record", "/dev/full", "/bin/cat")
	cmd.Stdin = strings.NewReader("through")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil || string(out) != "through" || strings.Count(errs.String(), "cannot record any longer") != 1 {
		t.Errorf("%q, %v, %s", out, err, errs.String())
	}
}

const recorded = recordingHead + `
# two lives, one file
7 0.000000 start "3.0 bytes"
8 0.000000 start ""
7 0.100000 --> "READY\n"
7 0.200000 <-- "ver:3.0 serial:0 eventname:TICK_5 "
8 0.200000 --> "READY\n"
7 0.300000 <-- "len:3\nab"
7 0.300001 <-- "cver:3.0 serial:1 eventname:TICK_60 len:0\nver:3.0"
7 0.400000 --> "RESULT 4\nFAILREADY\nchatter"
7 0.500000 --|
7 0.600000 <--|
7 0.700000 end "exit status 1"
7 0.000000 start "3.0"
`

func TestARecordingIsPartedIntoLivesAndEvents(t *testing.T) {
	rows, err := parseRecording(strings.NewReader(recorded))
	if err != nil {
		t.Fatal(err)
	}
	all, err := lives(rows)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 || all[0].protocol != "3.0 bytes" || all[1].pid != 8 || len(all[0].events) != 2 {
		t.Fatalf("%+v", all)
	}
	first := all[0]
	if first.events[0].answer != "FAIL" || first.events[1].answer != "" || first.cut != len("ver:3.0") || !strings.Contains(first.left, "chatter") {
		t.Errorf("%+v", first)
	}
	var pieces []string
	for _, p := range first.events[0].pieces {
		pieces = append(pieces, string(p))
	}
	if want := []string{"ver:3.0 serial:0 eventname:TICK_5 ", "len:3\nab", "c"}; !reflect.DeepEqual(pieces, want) {
		t.Errorf("%q", pieces)
	}
}

func TestARecordingThatIsNoneIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"7 0 --> \"x\"\n": "no start of process 7",
		"7 0 start \"\"\n7 0 <-- \"no header\\n\"\n": "not a sequence of events",
		"hello\n":            "line 1: it is not PID SECONDS KIND",
		"\n7 x start \"\"\n": "line 2: \"x\" is not a number of seconds",
		"x 0 start \"\"\n":   "not a process id",
		"7 0 begin \"\"\n":   "not a kind of line",
		"7 0 start\n":        "a text after start is missing",
		"7 0 --| \"x\"\n":    "or one too many",
		"7 0 --> \n":         "not in quotes",
		"7 0 start `x`\n":    "not in quotes",
		"7 0 start \"x\n":    "not in quotes",
		"7 -1 start \"\"\n":  "not a number of seconds",
		"7 NaN start \"\"\n": "not a number of seconds",
		"7 0 start \"" + strings.Repeat("x", longestRow) + "\"\n": "too long",
	} {
		rows, err := parseRecording(strings.NewReader(text))
		if err == nil {
			_, err = lives(rows)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	path := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(path, []byte(recordingHead), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := runIt(t, "replay", path, "true"); status != exitUsage || !strings.Contains(errs, "nothing in it") {
		t.Errorf("status %d, %s", status, errs)
	}
}

// What is read is written as it was, and no recording makes the parser fall.
func FuzzRecording(f *testing.F) {
	f.Add(recorded)
	f.Add("7 0.000001 --> \"\\xff\\u2028\\\"\"\n")
	f.Add("7 1e3 end \"\"\n7 0 <--|")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := parseRecording(strings.NewReader(text))
		if err != nil {
			return
		}
		_, _ = lives(rows)
		var again []byte
		for _, r := range rows {
			again = appendRow(again, r)
		}
		back, err := parseRecording(bytes.NewReader(again))
		if err != nil && len(again) < longestRow {
			t.Fatalf("%q: %v", again, err)
		}
		if err == nil && !reflect.DeepEqual(rows, back) {
			t.Fatalf("%v is %v from %q", rows, back, again)
		}
	})
}

func TestPiecesOfAStream(t *testing.T) {
	chunks := [][]byte{[]byte("abc"), nil, []byte("def"), []byte("g")}
	if got := piecesOf(chunks, 2, 7); !reflect.DeepEqual(got, [][]byte{[]byte("c"), []byte("def"), []byte("g")}) {
		t.Errorf("%q", got)
	}
	if row := string(appendRow(nil, row{7, 61*time.Second + 5*time.Microsecond, lineWrote, []byte("a\xff")})); row != "7 61.000005 --> \"a\\xff\"\n" {
		t.Errorf("%q", row)
	}
}
