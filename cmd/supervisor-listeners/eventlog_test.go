package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/listener"
)

func TestEventlogsLines(t *testing.T) {
	when := noon.UTC().Format("2006-01-02T15:04:05.000Z")
	head := func(name string) string {
		return `{"eventname":"` + name + `","time":"` + when + `","server":"supervisor","serial":0,"pool":"x","poolserial":0`
	}
	for _, c := range []struct {
		event    recorded
		protocol string
		want     string
	}{
		{recorded{"PROCESS_STATE_EXITED", crash}, "", head("PROCESS_STATE_EXITED") + `,"expected":false,"from_state":"RUNNING","groupname":"cats","pid":2766,"processname":"cat"}`},
		{recorded{"TICK_5", "when:5"}, "", head("TICK_5") + `,"when":5}`},
		{recorded{"SUPERVISOR_STATE_CHANGE_RUNNING", ""}, "", head("SUPERVISOR_STATE_CHANGE_RUNNING") + `}`},
		{recorded{"PROCESS_LOG_STDOUT", "processname:ž groupname:a pid:7 channel:stdout\n\"x\"\n"}, "", head("PROCESS_LOG_STDOUT") + `,"channel":"stdout","groupname":"a","pid":7,"processname":"ž","data":"\"x\"\n"}`},
		{recorded{"REMOTE_COMMUNICATION", "type:a:b c\n{}"}, "", head("REMOTE_COMMUNICATION") + `,"type":"a:b c","data":"{}"}`},
		{recorded{"PROCESS_STATE_EXITED", crash + " seq:3 time:1.500 exitstatus:1 coredump:0 uptime:2.250"}, "3.0 payload=extended",
			head("PROCESS_STATE_EXITED") + `,"coredump":false,"exitstatus":1,"expected":false,"from_state":"RUNNING","groupname":"cats","pid":2766,"processname":"cat","seq":3,"sent":"1.500","uptime":2.250}`},
		{recorded{"TICK_5", `{"eventname":"TICK_5","seq":9,"time":"2026-01-01T00:00:00.000Z","when":5}`}, "3.0 payload=json",
			`{"eventname":"TICK_5","server":"supervisor","serial":0,"pool":"x","poolserial":0,"seq":9,"time":"2026-01-01T00:00:00.000Z","when":5}`},
		{recorded{"NEW", "no tokens at all"}, "", head("NEW") + `,"data":"no tokens at all"}`},
		{recorded{"TICK_5", "when:0x5"}, "", head("TICK_5") + `,"when":"0x5"}`},
	} {
		file := filepath.Join(t.TempDir(), "log")
		b := newBench(c.event)
		b.env[listener.ProtocolVariable] = c.protocol
		b.run("eventlog", file)
		got := read(t, file)
		if b.status != 0 || b.results() != "OK" || got != c.want+"\n" || !json.Valid([]byte(got)) {
			t.Errorf("%v: %d, %q\n%s\nwant\n%s", c.event, b.status, b.results(), got, c.want)
		}
	}
	e := listener.Event{Header: eventlistener.Header{EventName: "PROCESS_LOG_STDOUT"}, Payload: []byte("processname:a groupname:a pid:7 channel:stdout\n\xff")}
	if got := string(line(e, noon)); !strings.HasSuffix(got, `,"data_base64":"/w=="}`+"\n") {
		t.Errorf("got %s", got)
	}
}

func TestEventlogRotates(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "log")
	events := make([]recorded, 10)
	for i := range events {
		events[i] = recorded{"TICK_5", fmt.Sprintf("when:%d", i)}
	}
	b := newBench(events...).run("eventlog", "--maxbytes=300", "-b2", file)
	if b.status != 0 || strings.Contains(b.results(), "FAIL") {
		t.Fatalf("%d, %s", b.status, b.stderr.String())
	}
	var all string
	for _, name := range []string{"log.2", "log.1", "log"} {
		content := read(t, filepath.Join(dir, name))
		if len(content) > 300 || content == "" {
			t.Errorf("%s has %d bytes", name, len(content))
		}
		all += content
	}
	if read(t, filepath.Join(dir, "log.3")) != "" || !strings.Contains(all, `"when":9`) || strings.Contains(all, `"when":0`) {
		t.Errorf("what is left: %s", all)
	}
	newBench(events...).run("eventlog", "--maxbytes=300", "--backups=0", file)
	if got := read(t, file); len(got) > 300 || !strings.Contains(got, `"when":9`) {
		t.Errorf("without backups: %s", got)
	}
	if _, err := os.Stat(file + ".3"); err == nil {
		t.Error("a third backup")
	}
}

func TestEventlogFollowsItsName(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	f := &rotatedFile{path: file, sync: true}
	defer f.close()
	for i, act := range []func() error{
		func() error { return nil },
		func() error { return os.Rename(file, file+".old") },
		func() error { return os.Remove(file) },
		func() error { return os.Truncate(file, 0) },
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("line %d\n", i)
		if err := f.append([]byte(text)); err != nil || read(t, file) != text {
			t.Errorf("%d: %q, %v", i, read(t, file), err)
		}
	}
}

func TestEventlogRejectsWhatItCannotWrite(t *testing.T) {
	b := newBench(recorded{"TICK_5", "when:5"}).run("eventlog", "/dev/full")
	if b.results() != "FAIL" {
		t.Errorf("said %q", b.results())
	}
	b = newBench(recorded{"TICK_5", "when:5"}).run("eventlog", filepath.Join(t.TempDir(), "no", "such"))
	if b.results() != "FAIL" {
		t.Errorf("said %q", b.results())
	}
	for _, args := range []string{"", "a b", "-b -1 a", "-m x a"} {
		if b := newBench().run(append([]string{"eventlog"}, strings.Fields(args)...)...); b.status != exitUnknown {
			t.Errorf("%q: %d", args, b.status)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("TICK_5", "when:5", false)
	f.Add("X", `{"a":[1,{"b":null}]}`, true)
	f.Fuzz(func(t *testing.T, name, payload string, isJSON bool) {
		e := listener.Event{Header: eventlistener.Header{EventName: name}, Payload: []byte(payload), JSON: isJSON}
		got := line(e, time.Unix(0, 0))
		if !json.Valid(got) || strings.Count(string(got), "\n") != 1 && !isJSON {
			t.Errorf("%q", got)
		}
	})
}
