package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// readSection loads a configuration with one section and reads it.
func readSection[T any](t *testing.T, section, keys string, read func(*loader, string) T) (got T, err error) {
	t.Helper()
	dir := writeFiles(t, map[string]string{"s.conf": "[supervisord]\n[" + section + "]\n" + keys})
	l, err := newLoader(Options{Path: "s.conf", Dir: dir, Environ: []string{"PATH=/bin"}, Template: func(text string) error {
		if text == "bad" {
			return errors.New("cannot parse: it is bad")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	l.doc = newDocument()
	if !l.find() || !l.readFiles() {
		t.Fatal(l.errs)
	}
	got = read(l, section)
	if all := append(l.errs, l.late...); len(all) > 0 {
		return got, all
	}
	for _, w := range l.warnings {
		t.Errorf("warning %q", w)
	}
	return got, nil
}

func TestNotifierKeys(t *testing.T) {
	read := (*loader).readNotifier
	n, err := readSection(t, "notifier:ops", "events=PROCESS_STATE\n", read)
	if err != nil {
		t.Fatal(err)
	}
	want := &Notifier{
		Events: []eventlistener.Type{eventlistener.ProcessState}, MinSeverity: "info", GroupMax: 100, QuietSeverity: "critical",
		Timeout: 30 * time.Second, RetryDelay: time.Second, RetryMaxDelay: 5 * time.Minute, RetryFor: 24 * time.Hour, BufferSize: 1000,
	}
	if fmt.Sprintf("%+v", n) != fmt.Sprintf("%+v", want) || !n.Equal(want) {
		t.Errorf("defaults %+v", n)
	}
	all, err := readSection(t, "notifier:ops", `events=PROCESS_STATE
programs=web:*, db
min_severity=Warning
severities=process_state_stopped=error, TICK=info
dedupe_window=90
group_wait=1.5
group_max=10
rate_limit=10/1m
quiet_hours=22:00-07:30
quiet_severity=error
notify_timeout=500ms
retry_delay=2
retry_max_delay=1h
retry_for=2h
max_retries=7
max_age=24h
title_template={{.Severity}}
	more
body_template=100%%
buffer_size=5
overflow=spool
spool_dir=/var/spool
spool_maxbytes=2MB
spool_sync=true
webhook_url=secret
`, read)
	if err != nil {
		t.Fatal(err)
	}
	want = &Notifier{
		Events: []eventlistener.Type{eventlistener.ProcessState}, Programs: all.Programs, MinSeverity: "warning",
		Severities:   []SeverityRule{{eventlistener.ProcessStateStopped, "error"}, {eventlistener.TickEvent, "info"}},
		DedupeWindow: 90 * time.Second, GroupWait: 1500 * time.Millisecond, GroupMax: 10, Rate: Rate{10, time.Minute},
		Quiet: QuietHours{22 * time.Hour, 7*time.Hour + 30*time.Minute}, QuietSeverity: "error",
		Timeout: 500 * time.Millisecond, RetryDelay: 2 * time.Second, RetryMaxDelay: time.Hour, MaxRetries: 7, RetryFor: 2 * time.Hour, MaxAge: 24 * time.Hour,
		Title: "{{.Severity}}\nmore", Body: "100%", BufferSize: 5, Overflow: eventlistener.SpoolEvents,
		Spool: Spool{"/var/spool", 2 << 20, true},
	}
	if fmt.Sprintf("%+v", all) != fmt.Sprintf("%+v", want) || strings.Join(all.Programs.Patterns(), " ") != "web:* db" {
		t.Errorf("all keys %+v", all)
	}
	if all.Equal(n) || !all.Equal(want) {
		t.Error("Equal does not tell them apart")
	}
	changed := *all
	changed.Title = "other"
	if all.Equal(&changed) {
		t.Error("Equal does not see a new title")
	}
}

func TestBadNotifierKeysNameFileLineSectionAndKey(t *testing.T) {
	for keys, want := range map[string]string{
		"":                          `s.conf:2: [notifier:x] events: there is no event to listen for`,
		"events=NONE\n":             `s.conf:3: [notifier:x] events: there is no event type "NONE"`,
		"min_severity=high\n":       `min_severity: cannot use "high"; accepted: info, warning, error or critical`,
		"severities=EXITED=error\n": `severities: cannot use "EXITED=error"; accepted: event types with a severity each`,
		"dedupe_window=-1\n":        `dedupe_window: cannot use "-1"; accepted: a number of seconds`,
		"dedupe_window=inf\n":       `dedupe_window: cannot use "inf"`,
		"group_wait=soon\n":         `group_wait: cannot use "soon"`,
		"group_max=0\n":             `group_max: cannot use 0; accepted: 1 to 1000`,
		"rate_limit=10\n":           `rate_limit: cannot use "10"; accepted: a number and a time, such as 10/1m`,
		"rate_limit=0/1m\n":         `rate_limit: cannot use "0/1m"`,
		"quiet_hours=22-7\n":        `quiet_hours: cannot use "22-7"; accepted: two different times of day`,
		"quiet_hours=07:00-07:00\n": `quiet_hours: cannot use "07:00-07:00"`,
		"quiet_hours=24:01-07:00\n": `quiet_hours: cannot use "24:01-07:00"`,
		"notify_timeout=0\n":        `notify_timeout: cannot use "0"; accepted: more than 0 seconds`,
		"max_retries=-1\n":          `max_retries: cannot use -1`,
		"title_template=bad\n":      `[notifier:x] title_template: cannot parse: it is bad`,
		"body_template=bad\n":       `[notifier:x] body_template: cannot parse: it is bad`,
		"buffer_size=0\n":           `buffer_size: cannot use 0`,
		"overflow=block\n":          `overflow: cannot use "block"`,
	} {
		if keys != "" && !strings.HasPrefix(keys, "events") {
			keys = "events=EVENT\n" + keys
		}
		_, err := readSection(t, "notifier:x", keys, (*loader).readNotifier)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", keys, err)
		}
	}
}

func TestLogSinkKeys(t *testing.T) {
	read := (*loader).readLogSink
	k, err := readSection(t, "logsink:x", "", read)
	if want := (LogSink{Channels: Channels{true, true}, BufferBytes: 8 << 20, Overflow: "drop_oldest", MaxInFlight: 4, RetryFor: 24 * time.Hour, RetryMaxDelay: time.Minute}); err != nil || *k != want {
		t.Errorf("defaults %+v, %v", k, err)
	}
	all, err := readSection(t, "logsink:x", "programs=web:*\nchannel=STDERR\nbuffer_bytes=1MB\noverflow=spool\nspool_maxbytes=1GB\nmax_in_flight=1\nretry_max_delay=5\nretry_for=0\n", read)
	if err != nil || all.Stdout || !all.Stderr || all.BufferBytes != 1<<20 || all.Overflow != "spool" || all.SpoolMaxBytes != 1<<30 || all.MaxInFlight != 1 || all.RetryFor != 0 || all.RetryMaxDelay != 5*time.Second {
		t.Errorf("all keys %+v, %v", all, err)
	}
	if all.Equal(k) || !all.Equal(all) {
		t.Error("Equal does not tell them apart")
	}
	for keys, want := range map[string]string{
		"channel=stdin\n":      `s.conf:3: [logsink:x] channel: cannot use "stdin"; accepted: stdout, stderr or both`,
		"buffer_bytes=1KB\n":   `buffer_bytes: cannot use "1KB"; accepted: 1MB or more`,
		"overflow=discard\n":   `overflow: cannot use "discard"; accepted: drop_oldest, block or spool`,
		"retry_max_delay=0\n":  `retry_max_delay: cannot use "0"; accepted: more than 0 seconds`,
		"max_in_flight=65\n":   `max_in_flight: cannot use 65; accepted: 1 to 64`,
		"programs=[\n":         `programs: cannot use "["`,
		"spool_maxbytes=1KB\n": `spool_maxbytes: cannot use "1KB"`,
	} {
		if _, err := readSection(t, "logsink:x", keys, read); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", keys, err)
		}
	}
}
