package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// record is a struct of an answer: names and values in turn.
func record(members ...any) xmlrpc.Struct {
	var s xmlrpc.Struct
	for i := 0; i < len(members); i += 2 {
		s = append(s, xmlrpc.Member{Name: members[i].(string), Value: members[i+1]})
	}
	return s
}

// fullDaemon answers all that actions ask for, every member set.
func fullDaemon() methods {
	info := func(group, name, state string, code, pid int) xmlrpc.Struct {
		return record("name", name, "group", group, "start", 1700000000, "stop", 1600000000, "now", 1700000060, "state", code, "statename", state,
			"spawnerr", "", "exitstatus", 3, "logfile", "/log/"+name, "stdout_logfile", "/log/"+name, "stderr_logfile", "/log/"+name+".err",
			"pid", pid, "description", "of "+name)
	}
	outcome := func(name string, status int, words string) xmlrpc.Struct {
		return record("name", name, "group", "web", "status", status, "description", words)
	}
	step := func(s xmlrpc.Struct, name string) xmlrpc.Struct {
		return append(s, xmlrpc.Member{Name: "step", Value: name})
	}
	configured := func(group, name string, inUse, auto bool) xmlrpc.Struct {
		return record("name", name, "group", group, "inuse", inUse, "autostart", auto, "group_prio", 999, "process_prio", 5)
	}
	spool := record("path", "/spool/a", "fault", "disk full", "max_bytes", 1000, "sync", true, "bytes", 10, "memory_bytes", 20, "last", 9, "committed", 8,
		"discarded", 7, "damaged", 6, "damaged_before", 5, "commits", 4, "failures", 3)
	subscriber := func(name, kind, trouble string) xmlrpc.Struct {
		return record("name", name, "kind", kind, "events", []any{"EVENT"}, "programs", []any{}, "buffer_size", 10, "overflow", "spool", "payload", "json",
			"max_in_flight", 2, "ack_timeout", 30, "max_deliveries", 4, "queued", 5, "in_flight", 1, "recovered", 6, "accepted", 7000000000, "delivered", 8,
			"rejected", 9, "returned", 10, "discarded", 11, "dead_letters", 12, "suppressed", 13, "oldest_age", 14.5, "last_error", trouble, "given_up", trouble,
			"last_delivery", 0, "processes", []any{record("name", "l", "group", name, "statename", "RUNNING", "pid", 7, "listener_state", "BUSY", "in_flight", 1)})
	}
	sink := func(name, trouble string) xmlrpc.Struct {
		return record("name", name, "programs", []any{"web:*"}, "channels", []any{"stdout"}, "overflow", "block", "buffer_bytes", 4096, "queued", 2048,
			"in_flight", 1, "paused", 0, "accepted", 5000000000, "written", 3000000, "dropped", 12, "batches", 4, "redelivered", 1, "refused", 0,
			"violations", 0, "streams", 1, "oldest_age", 0.25, "last_error", trouble, "given_up", trouble, "last_delivery", 0)
	}
	instance := func(kind, name string, ready bool, trouble string) xmlrpc.Struct {
		return record("section", kind+":"+name, "kind", kind, "name", name, "ready", ready, "pending", false, "trouble", trouble)
	}
	letter := record("id", "1-2", "name", "pool", "kind", "pool", "time", 0, "tries", 3, "reason", "rejected", "listener", "pool:l", "severity", "error",
		"events", []any{record("eventname", "PROCESS_STATE_FATAL", "group", "web", "name", "w", "time", 0)}, "event_count", 2)
	return methods{
		"supervisor.getVersion": apiVersion, "supervisor.getSupervisorVersion": "4.4.0", "hark.getVersion": "0.1.0", "supervisor.getPID": 42,
		"supervisor.getIdentification": "here", "supervisor.shutdown": true, "supervisor.restart": true,
		"supervisor.getAllProcessInfo": []any{info("cat", "cat", "RUNNING", 20, 7), info("web", "w0", "STOPPED", 0, 0), info("web", "w1", "RUNNING", 20, 9)},
		"supervisor.getProcessInfo": func(w http.ResponseWriter, req *http.Request) {
			body, _ := io.ReadAll(req.Body)
			_, args, _ := xmlrpc.DecodeCall(body)
			answer := xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: faultBadName, String: "BAD_NAME"})
			if first(args) == "cat" {
				answer, _ = xmlrpc.AppendResponse(nil, info("cat", "cat", "RUNNING", 20, 7))
			}
			_, _ = w.Write(answer)
		},
		"supervisor.getAllConfigInfo": []any{configured("cat", "cat", true, false), configured("web", "w0", false, true)},
		"supervisor.reloadConfig":     []any{[]any{[]any{"new"}, []any{"web"}, []any{"old"}}},
		"supervisor.addProcessGroup":  true, "supervisor.removeProcessGroup": true, "supervisor.stopProcessGroup": []any{outcome("w0", faultSuccess, "OK")},
		"supervisor.startProcess": true, "supervisor.stopProcess": &xmlrpc.Fault{Code: faultNotRunning, String: "NOT_RUNNING: x"},
		"supervisor.signalProcess": true, "supervisor.clearProcessLogs": &xmlrpc.Fault{Code: faultBadName, String: "BAD_NAME: x"},
		"supervisor.startAllProcesses": []any{outcome("w0", faultSuccess, "OK"), outcome("w1", faultSpawnError, "SPAWN_ERROR: w1")},
		"supervisor.startProcessGroup": &xmlrpc.Fault{Code: faultBadName, String: "BAD_NAME: web"},
		"supervisor.readLog":           "a log\n", "supervisor.readProcessStdoutLog": "some\n\"text\" <&>\n", "supervisor.readProcessStderrLog": &xmlrpc.Fault{Code: faultNoFile, String: "NO_FILE"},
		"hark.stopProcesses":    []any{outcome("w0", faultSuccess, "OK"), outcome("w1", faultSuccess, "OK")},
		"hark.restartProcesses": []any{step(outcome("w0", faultSuccess, "OK"), "stop"), step(outcome("w0", faultNoFile, "NO_FILE"), "start")},
		"hark.waitProcesses": []any{record("name", "w0", "group", "web", "statename", "RUNNING", "pid", 8, "reached", true, "gone", false),
			record("name", "w1", "group", "web", "statename", "FATAL", "pid", 0, "reached", false, "gone", false)},
		"hark.getProcessStats": []any{append(info("cat", "cat", "RUNNING", 20, 7), record("restarts", 2, "cpu_percent", 12.5, "rss", 2097152)...), info("web", "w0", "STOPPED", 0, 0)},
		"hark.getEventListeners": []any{append(subscriber("pool", "pool", ""), xmlrpc.Member{Name: "spool", Value: spool}), subscriber("ops", "notifier", "no route"),
			subscriber("lost", "notifier", ""), subscriber("stream", "stream", "")},
		"hark.getLogSinks": []any{sink("central", ""), sink("broken", "refused")},
		"hark.getPlugins": []any{record("name", "slack", "version", "1.2", "statename", "RUNNING", "pid", 77, "since", 0, "restarts", 1, "failures", 2, "trouble", "",
			"sha256", "abc", "permissions", "read", "instances", []any{instance("notifier", "ops", true, ""), instance("notifier", "lost", false, "no such channel"), instance("logsink", "broken", true, "")})},
		"hark.restartPlugin": true, "hark.silence": 3, "hark.unsilence": true,
		"hark.getSilences":     []any{record("id", 3, "programs", []any{"web:*"}, "events", []any{}, "notifiers", []any{"ops"}, "comment", "night", "since", 1, "until", 2, "matched", 4)},
		"hark.testNotifier":    record("outcome", "retry", "error", "503", "retry_after", 1.5, "title", "A test", "body", "of ops", "seconds", 0.25),
		"hark.getDeadLetters":  record("total", 3, "unreadable", 1, "letters", []any{letter}),
		"hark.sendDeadLetters": []any{record("name", "pool", "kind", "pool", "sent", 2, "kept", 1, "reason", "the queue is full"), record("name", "ops", "kind", "notifier", "sent", 1, "kept", 0, "reason", "")},
		"hark.previewUpdate": []any{
			record("group", "web", "action", "change", "changes", []any{record("process", "w0", "key", "command", "from", "/bin/a", "to", "/bin/b"), record("process", "", "key", "priority", "from", "", "to", "5")},
				"processes", []any{record("name", "w0", "statename", "RUNNING", "fate", "restart", "comes_back", false), record("name", "w1", "statename", "STOPPED", "fate", "start", "comes_back", true)}),
			record("group", "supervisord", "action", "reload", "changes", []any{record("process", "", "key", "minfds", "from", "1", "to", "2")}, "processes", []any{})},
	}
}

// theTime is what changes from run to run.
var theTime = regexp.MustCompile(`("until": |until )\d[-0-9:]*( \d\d:\d\d:\d\d)?`)

// TestGoldenOutput: what each action prints, for people and with --json. An example of each document must be one, of
// the type that its action says. UPDATE_GOLDEN=1 writes the file.
func TestGoldenOutput(t *testing.T) {
	t.Parallel()
	const golden = "testdata/output.golden"
	url := fakeServer(t, fullDaemon().ServeHTTP)
	dir := testkit.Dir(t)
	conf := filepath.Join(dir, "supervisord.conf")
	part := filepath.Join(dir, "part.conf")
	for path, text := range map[string]string{
		conf: "[supervisord]\nnodaemon=true\n[supervisorctl]\nserverurl=" + url + "\n[program:cat]\ncommand=/bin/cat\ncolor=red\nenvironment=A=\"b\"\n",
		part: "[supervisorctl]\nserverurl=" + url + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	run := func(line string) string {
		out, errs, status := ctl(t, "", append([]string{"-c", conf}, strings.Fields(strings.ReplaceAll(line, "part.conf", part))...)...)
		text := strings.NewReplacer(dir, "DIR", url, "URL").Replace(out + errs)
		text = theTime.ReplaceAllString(text, "${1}TIME")
		if strings.Contains(text, "; default\n") || strings.Contains(text, `"default": true`) {
			text = "what is the default of each key\n" // the file is to stay when keys come
		}
		fmt.Fprintf(&got, "$ %s\n%s", line, text)
		if status != exitSuccess {
			fmt.Fprintf(&got, "status %d\n", status)
		}
		got.WriteByte('\n')
		return out
	}
	for _, a := range actionTable() {
		for _, d := range a.JSON {
			if d.value == nil { // the daemon's or a tool's
				if d.text == "" {
					t.Errorf("nothing says what %s --json prints", d.form)
				}
				continue
			}
			line := strings.TrimSpace(d.form + " " + d.args)
			run(line)
			out := run(line + " --json")
			decoder := json.NewDecoder(strings.NewReader(out))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(reflect.New(reflect.TypeOf(d.value)).Interface()); err != nil {
				t.Errorf("%s --json is no %T: %v\n%s", line, d.value, err, out)
			}
		}
	}
	for _, line := range []string{
		"pid cat", "pid all", "pid cat cat", "pid cat nosuch", "restart web:*0", "signal HUP", "start", "start all", "start web:* cat",
		"status web:* cat", "status nosuch cat", "status w*", "status --all", "stop web:w* --parallel", "tail cat stderr", "tail", "update --no-wait nosuch web",
		"version x", "wait web:* --for nosuch", "config show part.conf", "config diff --exit-code", "config",
	} {
		run(line)
		run(line + " --json")
	}
	compareGolden(t, golden, got.String(), "\n$ ")
}

// compareGolden compares a text with the one in a file, part by part, or writes the file with UPDATE_GOLDEN=1.
func compareGolden(t *testing.T, path, got, separator string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // a file of the repository
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parts, wanted := strings.Split(got, separator), strings.Split(string(want), separator)
	for i := range min(len(parts), len(wanted)) {
		if parts[i] != wanted[i] { // the rest may only have moved
			t.Errorf("it is\n%s\ninstead of\n%s", parts[i], wanted[i])
			break
		}
	}
	if got != string(want) {
		t.Errorf("%s is out of date; UPDATE_GOLDEN=1 go test -run Golden ./cmd/supervisorctl writes it", path)
	}
}

// TestADocumentIsOneLook: --json asks the daemon for nothing that the action does not ask for people, so a document shows one moment. But
// status asks, as on a terminal, how those ended of which it has been told that they have.
func TestADocumentIsOneLook(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"status", "status w*", "pid", "pid cat", "pid all", "pid w*", "avail", "reread", "wait web:*", "listeners", "notifiers", "plugin status", "silences", "deadletters"} {
		var calls [2][]string
		for i, flag := range []string{"", " --json"} {
			url, called := noting(t, fullDaemon())
			ctl(t, "", append([]string{"-s", url}, strings.Fields(line+flag)...)...)
			calls[i] = called()
		}
		if strings.HasPrefix(line, "status") {
			calls[0] = append(calls[0], "hark.getProcessStats")
		}
		if !slices.Equal(calls[0], calls[1]) {
			t.Errorf("%s: with --json it asks %q instead of %q", line, calls[1], calls[0])
		}
		if all := calls[1]; len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
			t.Errorf("%s asks twice: %q", line, all)
		}
	}
}
