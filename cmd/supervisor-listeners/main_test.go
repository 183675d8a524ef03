package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/natstest"
	"github.com/hark-supervisor/hark/sdk/daemontest"
	"github.com/hark-supervisor/hark/sdk/listener"
)

// TestMain lets the test binary be supervisor-listeners for the daemon that the
// tests start.
func TestMain(m *testing.M) {
	if os.Getenv("HARK_TEST_ROLE") == "listeners" {
		main()
		return
	}
	if natstest.Main() {
		return
	}
	os.Exit(daemontest.Main(m))
}

// noon is when tests take place.
var noon = time.Date(2026, 3, 4, 12, 30, 5, 678e6, time.Local)

// bench is what one listener ran with and its result.
type bench struct {
	surroundings
	env            map[string]string
	stdout, stderr testkit.Buffer
	said           bytes.Buffer // the protocol
	status         int
}

// recorded is an event as it was sent: its type's name and its payload.
type recorded struct{ name, payload string }

// newBench has a listener served with recorded events, as from a file.
func newBench(events ...recorded) *bench {
	b := &bench{env: map[string]string{"SUPERVISOR_ENABLED": "1"}}
	var in bytes.Buffer
	for i, e := range events {
		h := eventlistener.Header{Server: "supervisor", Serial: int64(i), Pool: "x", PoolSerial: int64(i), EventName: e.name,
			Len: utf8.RuneCountInString(e.payload), Bytes: len(e.payload)}
		in.Write(eventlistener.AppendHeader(nil, h))
		in.WriteString(e.payload)
	}
	b.surroundings = surroundings{
		stdout: &b.stdout, stderr: &b.stderr,
		getenv: func(name string) string { return b.env[name] },
		now:    func() time.Time { return noon },
		serve: func(ctx context.Context, handle listener.Handler, options ...listener.Option) error {
			return listener.Serve(ctx, handle, append(options, listener.IO(&in, &b.said), listener.Protocol(b.env[listener.ProtocolVariable]), listener.Pause(0, 0))...)
		},
	}
	return b
}

// run runs a listener by its name.
func (b *bench) run(args ...string) *bench {
	b.status = run(append([]string{"/usr/bin/supervisor-listeners"}, args...), b.surroundings)
	return b
}

// results are the answers, in order.
func (b *bench) results() string {
	s := strings.ReplaceAll(b.said.String(), "READY\n", "")
	s = strings.ReplaceAll(s, "RESULT 2\nOK", "OK ")
	return strings.TrimSpace(strings.ReplaceAll(s, "RESULT 4\nFAIL", "FAIL "))
}

// sendmail is a command that keeps every mail it gets in a file.
func sendmail(t *testing.T) (command, file string) {
	file = filepath.Join(t.TempDir(), "mails")
	return fmt.Sprintf("(cat; echo; echo ----) >> '%s'", file), file
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

const (
	crash    = "processname:cat groupname:cats from_state:RUNNING expected:0 pid:2766"
	expected = "processname:cat groupname:cats from_state:RUNNING expected:1 pid:2766"
)

func TestWhichListener(t *testing.T) {
	for _, args := range [][]string{
		{"/usr/bin/crashmail", "-h"}, {"crashmail.py", "--help"}, {"supervisor-listeners", "crashmail", "-h"}, {"/x/anything", "crashmail", "-h"},
	} {
		b := newBench()
		if status := run(args, b.surroundings); status != 0 || !strings.HasPrefix(b.stdout.String(), "crashmail ") {
			t.Errorf("%v: %d, %q", args, status, b.stdout.String())
		}
	}
	b := newBench().run("--help")
	if b.status != 0 || !strings.Contains(b.stdout.String(), "fatal-exit") {
		t.Errorf("%d, %q", b.status, b.stdout.String())
	}
	for _, args := range [][]string{nil, {"nothing"}} {
		if b := newBench().run(args...); b.status != exitUnknown || b.stderr.String() == "" {
			t.Errorf("%v: %d, %q", args, b.status, b.stderr.String())
		}
	}
}

func TestEveryListenerHasHelp(t *testing.T) {
	for _, p := range programs() {
		b := newBench().run(p.name, "-h")
		if b.status != 0 || !strings.HasPrefix(b.stdout.String(), p.name+" ") || !strings.Contains(b.stdout.String(), "Subscribe it") {
			t.Errorf("%s: %d, %q", p.name, b.status, b.stdout.String())
		}
		if b := newBench().run(p.name, "--nonsense"); b.status == 0 || !strings.Contains(b.stderr.String(), "--nonsense is not known") {
			t.Errorf("%s: %d, %q", p.name, b.status, b.stderr.String())
		}
	}
}

func TestNotUnderSupervisord(t *testing.T) {
	for name, want := range map[string]struct {
		args   []string
		status int
	}{
		"memmon":         {[]string{"-a", "1GB"}, 1},
		"httpok":         {[]string{"http://x"}, 0},
		"crashmail":      {nil, 0},
		"crashmailbatch": {[]string{"-t", "a@b", "-f", "c@d"}, 1},
		"crashsms":       {[]string{"-t", "a@b", "-f", "c@d"}, 1},
		"fatal-exit":     {nil, 1},
	} {
		b := newBench()
		b.env = nil
		if b.run(append([]string{name}, want.args...)...); b.status != want.status || !strings.Contains(b.stderr.String(), "ust") {
			t.Errorf("%s: %d, %q", name, b.status, b.stderr.String())
		}
	}
}

func TestOptionsAreReadAsPythonDoes(t *testing.T) {
	type result struct {
		a, l    string
		n       int
		f, g    bool
		list    []string
		rest    string
		problem string
	}
	for args, want := range map[string]result{
		"-a x -fg -n3 y -a z": {a: "x", f: true, g: true, n: 3, rest: "y -a z"},
		"-fax":                {f: true, a: "x"},
		"--alpha=x --flag":    {a: "x", f: true},
		"--alp x --fl":        {a: "x", f: true},
		"--lo x --lon=y":      {l: "y"},
		"--long x --longer y": {l: "x", list: []string{"y"}},
		"--list 1 --list=2":   {list: []string{"1", "2"}},
		"-- -a":               {rest: "-a"},
		"- -a":                {rest: "- -a"},
		"--alpha=":            {},
		"-a":                  {problem: "option -a requires a value"},
		"--alpha":             {problem: "option --alpha requires a value"},
		"--flag=1":            {problem: "option --flag takes no value"},
		"--l 1":               {problem: "option --l is not unique"},
		"-x":                  {problem: "option -x is not known"},
		"-n x":                {problem: "option -n: cannot use \"x\": not a number"},
		"-fh":                 {problem: "help is wanted"},
		"x --help":            {rest: "x --help"},
	} {
		t.Run(args, func(t *testing.T) {
			var got result
			rest, err := parseOptions(strings.Fields(args), false, []option{
				textOption('a', "alpha", &got.a), textOption(0, "long", &got.l), listOption(0, "longer", &got.list),
				listOption(0, "list", &got.list), numberOption('n', "number", &got.n), flagOption('f', "flag", &got.f), flagOption('g', "", &got.g),
			})
			got.rest = strings.Join(rest, " ")
			if err != nil {
				got = result{problem: err.Error()}
			}
			if args == "--lo x --lon=y" { // begins two
				want = result{problem: "option --lo is not unique"}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	var a string
	if rest, err := parseOptions([]string{"x", "-a", "1", "y"}, true, []option{textOption('a', "", &a)}); err != nil || a != "1" || strings.Join(rest, " ") != "x y" {
		t.Errorf("mixed: %v, %v, %q", rest, err, a)
	}
}

func TestSizesAndTimes(t *testing.T) {
	for s, want := range map[string]int64{"10000": 10000, "1KB": 1024, "200mb": 200 << 20, "1GB": 1 << 30, " 2 MB": 2 << 20, "0": 0} {
		if n, err := parseSize(s); err != nil || n != want {
			t.Errorf("%q: %d, %v", s, n, err)
		}
	}
	for s, want := range map[string]time.Duration{"30": 30 * time.Second, "5s": 5 * time.Second, "2m": 2 * time.Minute, "1h": time.Hour, "3d": 72 * time.Hour} {
		if n, err := parseSeconds(s); err != nil || n != want {
			t.Errorf("%q: %v, %v", s, n, err)
		}
	}
	for _, s := range []string{"", "x", "1.5MB", "-1", "MB", "9223372036854775807GB"} {
		if n, err := parseSize(s); err == nil {
			t.Errorf("%q: %d", s, n)
		}
	}
	for _, s := range []string{"", "1w", "9223372036854775807"} {
		if n, err := parseSeconds(s); err == nil {
			t.Errorf("%q: %v", s, n)
		}
	}
}

func TestAnEventIsGivenUpAfterSomeTries(t *testing.T) {
	b := newBench()
	r := newRetry(b.surroundings, 3)
	e := listener.Event{Header: eventlistener.Header{Serial: 7, EventName: "TICK_5"}}
	for i := range 2 {
		if err := r.judge(e, io.ErrClosedPipe); err == nil {
			t.Errorf("try %d was accepted", i+1)
		}
	}
	if err := r.judge(e, io.ErrClosedPipe); err != nil || !strings.Contains(b.stderr.String(), "giving up on TICK_5, serial 7, after 3 tries: io: read/write on closed pipe") {
		t.Errorf("%v, %q", err, b.stderr.String())
	}
	if err := r.judge(e, io.ErrClosedPipe); err == nil {
		t.Error("it was not counted again")
	}
	if err := r.judge(e, nil); err != nil || len(r.failed) != 0 {
		t.Errorf("%v, %v", err, r.failed)
	}
	for i := range int64(3 * maxRejected) {
		e.Header.Serial = i
		_ = r.judge(e, io.ErrClosedPipe)
	}
	if len(r.failed) > maxRejected {
		t.Errorf("%d are kept", len(r.failed))
	}
}
