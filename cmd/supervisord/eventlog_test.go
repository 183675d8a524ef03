package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// logged are the events of the event log's files, the oldest first.
func (in *instance) logged() (all []map[string]any) {
	in.t.Helper()
	var text string
	for n := 20; n > 0; n-- {
		text += in.file(fmt.Sprintf("events.jsonl.%d", n))
	}
	for line := range strings.Lines(text + in.file("events.jsonl")) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			in.t.Fatalf("line %q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

func TestTheEventLogHasEveryEventInOrder(t *testing.T) {
	in := ready(t, strings.Replace(baseConf, "[unix_http_server]", "event_log=DIR/events.jsonl\nevent_log_maxbytes=20KB\nevent_log_backups=20\n[unix_http_server]", 1)+
		"[program:cat]\ncommand=/bin/cat\nstartsecs=0\n")
	in.launch()
	in.waitServing()
	const n = 500
	for i := range n {
		in.send(fmt.Sprint(i))
	}
	in.must("supervisor.stopProcess", "cat")
	if in.listener("event_log", "kind") != "log" {
		t.Error("it is no subscriber")
	}
	in.signal(syscall.SIGTERM)
	in.ended()
	var data, others []string
	last := 0.0
	for _, e := range in.logged() {
		if e["seq"].(float64) <= last {
			t.Errorf("event %v comes after %v", e["seq"], last)
		}
		last = e["seq"].(float64)
		if e["eventname"] == "REMOTE_COMMUNICATION" {
			data = append(data, e["data"].(string))
		} else {
			others = append(others, e["eventname"].(string))
		}
	}
	for i, d := range data {
		if d != fmt.Sprint(i) {
			t.Fatalf("event %d is %s", i, d)
		}
	}
	want := "PROCESS_GROUP_ADDED SUPERVISOR_STATE_CHANGE_RUNNING PROCESS_STATE_STARTING PROCESS_STATE_RUNNING PROCESS_STATE_STOPPING PROCESS_STATE_STOPPED SUPERVISOR_STATE_CHANGE_STOPPING"
	if got := strings.Join(others, " "); len(data) != n || got != want {
		t.Errorf("%d and %s", len(data), got)
	}
	if rotated, _ := filepath.Glob(filepath.Join(in.dir, "events.jsonl.*")); len(rotated) < 2 {
		t.Errorf("rotated %q", rotated)
	}
}

func TestTheEventLogIsReopened(t *testing.T) {
	in := ready(t, strings.Replace(baseConf, "[unix_http_server]", "event_log=DIR/events.jsonl\n[unix_http_server]", 1))
	in.launch()
	in.waitServing()
	in.send("one")
	in.waitFile("events.jsonl", `"data":"one"`)
	if err := os.Rename(filepath.Join(in.dir, "events.jsonl"), filepath.Join(in.dir, "moved")); err != nil {
		t.Fatal(err)
	}
	in.signal(syscall.SIGUSR2)
	until(t, "there is a new one", func() bool { _, err := os.Stat(filepath.Join(in.dir, "events.jsonl")); return err == nil })
	in.send("two")
	in.waitFile("events.jsonl", `"data":"two"`)
}

func TestAnEventLogOnAFullDiskDelaysNobody(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	in := ready(t, strings.Replace(baseConf, "[unix_http_server]", "event_log=/dev/full\n[unix_http_server]", 1))
	in.launch()
	in.waitServing()
	for i := range 200 {
		in.send(fmt.Sprint(i))
	}
	in.waitLog("event log: ")
	in.must("supervisor.shutdown")
	in.ended()
}
