package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// built is all of Hark that the tests run, as it is installed, built once.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func binary(t *testing.T, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("/tmp", "hark-build"); built.err != nil {
			return
		}
		args := []string{"build", "-tags", "grpcnotrace", "-o", built.dir}
		for _, name := range []string{"supervisord", "supervisorctl", "supervisor-plugins", "supervisor-mcp"} {
			args = append(args, "github.com/hark-supervisor/hark/cmd/"+name)
		}
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			built.err = fmt.Errorf("cannot build them: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}

const programs = `
[supervisorctl]
serverurl = unix://DIR/s.sock
[program:web]
command = /bin/sh -c 'echo up; echo the password is xyzzy-secret; exec sleep 1000'
startsecs = 0
[program:crasher]
command = /bin/sh -c 'echo why >&2; exit 3'
startsecs = 0
autorestart = false
environment = DB_PASSWORD="xyzzy-secret"
`

func confPath(d *daemontest.Daemon) string { return filepath.Join(d.Dir, "supervisord.conf") }

// connect is a client of the server of a daemon. control: with the tools that change something.
func connect(t *testing.T, d *daemontest.Daemon, control bool, options ...string) *mcp.ClientSession {
	t.Helper()
	if len(options) == 0 {
		options = []string{"-c", confPath(d)}
	}
	h := newHost(binary(t, "supervisorctl"), confPath(d), options, control, io.Discard)
	daemon, err := client.New(d.ServerURL)
	if err != nil {
		t.Fatal(err)
	}
	h.daemon = daemon
	theirs, ours := mcp.NewInMemoryTransports()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.server.Run(ctx, ours)
	}()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "tester", Version: "7"}, nil).Connect(ctx, theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = session.Close()
		cancel()
		<-done
		daemon.Close()
	})
	return session
}

// ask calls a tool and decodes its result into to, which may be nil.
func ask(t *testing.T, s *mcp.ClientSession, tool string, arguments map[string]any, to any) (text string, failed bool) {
	t.Helper()
	result, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	text = result.Content[0].(*mcp.TextContent).Text
	if to != nil {
		var a struct{ Result json.RawMessage }
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatalf("%s: %v: %s", tool, err, text)
		}
		if err := json.Unmarshal(a.Result, to); err != nil {
			t.Fatalf("%s: %v: %s", tool, err, text)
		}
	}
	return text, result.IsError
}

func TestAClientFindsOutWhyAProgramIsDown(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	s := connect(t, d, false)
	states := func() map[string]string {
		var all []map[string]any
		ask(t, s, "status", nil, &all)
		got := map[string]string{}
		for _, p := range all {
			got[fmt.Sprint(p["name"])] = fmt.Sprint(p["state"])
		}
		return got
	}
	daemontest.Until(t, "both have got somewhere", func() bool {
		got := states()
		return got["web"] == "RUNNING" && got["crasher"] == "EXITED"
	})
	var log struct{ Text string }
	daemontest.Until(t, "the log of crasher has its last words", func() bool {
		ask(t, s, "tail_log", map[string]any{"name": "crasher", "channel": "stderr"}, &log)
		return log.Text == "why\n"
	})
	if text, failed := ask(t, s, "tail_log", map[string]any{"name": "nobody"}, nil); !failed || !strings.Contains(text, "no such process name") {
		t.Errorf("a process that is not there: %v %s", failed, text)
	}
	// what was logged names the client and the tool
	d.WaitLog(`tester 7`)
	if !strings.Contains(d.Log(), "tail_log") {
		t.Error("the activity log does not name the tool")
	}
}

func TestNothingCanBeChangedWithoutLeave(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	reading, all := toolsOf(t, connect(t, d, false)), toolsOf(t, connect(t, d, true))
	for name, hints := range reading {
		if !hints.ReadOnlyHint {
			t.Errorf("%s changes something and is there without leave", name)
		}
	}
	for _, name := range []string{"start", "stop", "restart", "signal", "update", "reread", "clear_log", "silence", "unsilence", "notifier_test"} {
		if reading[name] != nil || all[name] == nil || all[name].ReadOnlyHint {
			t.Errorf("%s: without leave %v, with it %v", name, reading[name], all[name])
		}
	}
	s := connect(t, d, false)
	if _, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "stop", Arguments: map[string]any{"names": []string{"all"}}}); err == nil {
		t.Error("stop was taken")
	}
}

func toolsOf(t *testing.T, s *mcp.ClientSession) map[string]*mcp.ToolAnnotations {
	t.Helper()
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*mcp.ToolAnnotations{}
	for _, tool := range list.Tools {
		found[tool.Name] = tool.Annotations
		if tool.Description == "" || tool.InputSchema == nil {
			t.Errorf("%s has no description or no schema", tool.Name)
		}
	}
	return found
}

// The tools that read do so with credentials that may only read: the daemon holds what the hints promise.
func TestTheToolsThatReadNeedNoMoreThanToRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs+`
[inet_http_server]
port = `+address+`
username = owner
password = of-the-owner
read_only_username = reader
read_only_password = of-the-reader
`)
	reader := connect(t, d, true, "-c", confPath(d), "-s", "http://"+address, "-u", "reader", "-p", "of-the-reader")
	arguments := map[string]map[string]any{"tail_log": {"name": "web"}}
	for name, hints := range toolsOf(t, reader) {
		if !hints.ReadOnlyHint {
			continue
		}
		if text, failed := ask(t, reader, name, arguments[name], nil); failed {
			t.Errorf("%s: %s", name, text)
		}
	}
	if text, failed := ask(t, reader, "stop", map[string]any{"names": []string{"web"}}, nil); !failed {
		t.Errorf("stop: %s", text)
	}
}

func TestAClientControls(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	s := connect(t, d, true)
	type line struct {
		Name, Message string
		OK            bool
	}
	var lines []line
	daemontest.Until(t, "web runs", func() bool {
		text, _ := ask(t, s, "status", map[string]any{"names": []string{"web"}}, nil)
		return strings.Contains(text, "RUNNING")
	})
	if _, failed := ask(t, s, "stop", map[string]any{"names": []string{"web"}}, &lines); failed || !slices.Equal(lines, []line{{"web", "stopped", true}}) {
		t.Errorf("stop: %v %+v", failed, lines)
	}
	if _, failed := ask(t, s, "start", map[string]any{"names": []string{"web"}}, &lines); failed || !slices.Equal(lines, []line{{"web", "started", true}}) {
		t.Errorf("start: %v %+v", failed, lines)
	}
	if text, failed := ask(t, s, "signal", map[string]any{"signal": "NONE", "names": []string{"web"}}, nil); !failed || !strings.Contains(text, "bad signal name") {
		t.Errorf("signal: %v %s", failed, text)
	}
	if text, failed := ask(t, s, "silence", map[string]any{"names": []string{"web"}, "time": "1h", "comment": "a deploy"}, nil); failed {
		t.Errorf("silence: %s", text)
	}
	var silences []struct{ ID int }
	if ask(t, s, "silences", nil, &silences); len(silences) != 1 {
		t.Fatalf("silences: %+v", silences)
	}
	ask(t, s, "unsilence", map[string]any{"ids": []int{silences[0].ID}}, nil)
	if ask(t, s, "silences", nil, &silences); len(silences) != 0 {
		t.Errorf("silences after unsilence: %+v", silences)
	}
	d.WriteConf(strings.Replace(programs, "[program:crasher]", "[program:further]", 1))
	var plan []map[string]any
	if ask(t, s, "config_diff", nil, &plan); len(plan) != 2 {
		t.Errorf("config_diff: %+v", plan)
	}
	if text, failed := ask(t, s, "update", nil, nil); failed || !strings.Contains(text, "added process group") {
		t.Errorf("update: %v %s", failed, text)
	}
}

// A name is a word: it can neither be a flag nor further words.
func TestArgumentsThatAreRefused(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	s := connect(t, d, true)
	for _, c := range []struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		{"stop", map[string]any{"names": []string{}}, "requires names"},
		{"stop", map[string]any{"names": []string{"--parallel"}}, "dash"},
		{"stop", map[string]any{"names": []string{"web all"}}, "one word"},
		{"stop", map[string]any{"names": []string{"web\nall"}}, "one word"},
		{"stop", map[string]any{"names": []string{strings.Repeat("x", 513)}}, "bytes"},
		{"stop", map[string]any{"names": make([]string, 1001)}, "1001 names"},
		{"stop", map[string]any{"name": "web"}, "name"},
		{"tail_log", map[string]any{"name": "-f"}, "dash"},
		{"tail_log", map[string]any{"name": "web", "channel": "stdin"}, "stdout, stderr"},
		{"tail_log", map[string]any{"name": "web", "bytes": 1 << 20}, "65536"},
		{"tail_supervisord_log", map[string]any{"bytes": -1}, "65536"},
		{"events", map[string]any{"limit": 1000}, "200"},
		{"events", map[string]any{"wait_seconds": 1000}, "60"},
		{"events", map[string]any{"since": -1}, "since"},
		{"events", map[string]any{"types": []string{"PROCESS_STAT"}}, "PROCESS_STAT"},
		{"events", map[string]any{"programs": []string{"--json"}}, "dash"},
		{"silence", map[string]any{"names": []string{"web"}, "time": "web"}, "time"},
		{"silence", map[string]any{"names": []string{"2h"}, "time": "1h"}, "time"},
		{"silence", map[string]any{"names": []string{"web"}, "time": "1h", "comment": "--events X"}, "dash"},
		{"notifier_test", map[string]any{"name": "a b"}, "one word"},
		{"signal", map[string]any{"signal": "HUP all", "names": []string{"web"}}, "one word"},
	} {
		result, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: c.tool, Arguments: c.arguments})
		text := fmt.Sprint(err)
		if err == nil {
			text = result.Content[0].(*mcp.TextContent).Text
			if !result.IsError {
				t.Errorf("%s %v was taken: %s", c.tool, c.arguments, text)
			}
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%s %v: %q does not have %q", c.tool, c.arguments, text, c.want)
		}
	}
}

func TestEventsComeOnceAndGoOn(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	s := connect(t, d, true)
	type seen struct {
		Events        []struct{ EventName string }
		Last, Dropped int
	}
	var first seen
	ask(t, s, "events", nil, &first) // the daemon keeps events from now on
	ask(t, s, "stop", map[string]any{"names": []string{"web"}}, nil)
	var second seen
	daemontest.Until(t, "the stop is seen", func() bool {
		ask(t, s, "events", map[string]any{"types": []string{"PROCESS_STATE"}, "programs": []string{"web"}, "since": first.Last}, &second)
		return len(second.Events) == 2
	})
	if second.Events[0].EventName != "PROCESS_STATE_STOPPING" || second.Events[1].EventName != "PROCESS_STATE_STOPPED" || second.Last <= first.Last {
		t.Errorf("%+v", second)
	}
	var third seen
	ask(t, s, "events", map[string]any{"types": []string{"PROCESS_STATE"}, "since": second.Last}, &third)
	if len(third.Events) != 0 || third.Last != second.Last {
		t.Errorf("they came again: %+v", third)
	}
	var one seen
	ask(t, s, "events", map[string]any{"types": []string{"PROCESS_STATE"}, "programs": []string{"web"}, "since": first.Last, "limit": 1}, &one)
	if len(one.Events) != 1 || one.Events[0].EventName != "PROCESS_STATE_STOPPED" || one.Dropped != 1 {
		t.Errorf("the newest one of two: %+v", one)
	}
}

func TestSecretsStayHere(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	s := connect(t, d, false)
	var log struct{ Text string }
	daemontest.Until(t, "web has said it", func() bool {
		ask(t, s, "tail_log", map[string]any{"name": "web"}, &log)
		return strings.Contains(log.Text, "the password is")
	})
	if !strings.Contains(log.Text, "the password is <secret>") {
		t.Errorf("the log: %q", log.Text)
	}
	for _, tool := range []string{"config_show", "config_check", "config_diff", "status", "tail_supervisord_log", "events"} {
		if text, _ := ask(t, s, tool, nil, nil); strings.Contains(text, "xyzzy") {
			t.Errorf("%s: %s", tool, text)
		}
	}
}

// supervisorctl mcp as a client starts it: lines of JSON on standard input and output.
func TestTheProtocolOverStandardStreams(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs)
	cmd := exec.Command(binary(t, "supervisorctl"), "--configuration="+confPath(d), "mcp")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	s, err := mcp.NewClient(&mcp.Implementation{Name: "spawner", Version: "1"}, nil).Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if got := s.InitializeResult().ServerInfo.Name; got != "hark" {
		t.Errorf("the server is %q", got)
	}
	text, failed := ask(t, s, "status", nil, nil)
	if failed || !strings.Contains(text, `"web"`) {
		t.Errorf("status: %s", text)
	}
	var log struct{ Text string }
	daemontest.Until(t, "web has said it", func() bool {
		ask(t, s, "tail_log", map[string]any{"name": "web"}, &log)
		return strings.Contains(log.Text, "the password is")
	})
	if strings.Contains(log.Text, "xyzzy") {
		t.Errorf("a secret of the file that a long option names: %s", log.Text)
	}
	if err := s.Close(); err != nil {
		t.Errorf("the end: %v: %s", err, errs.String())
	}
	if !strings.Contains(errs.String(), `"spawner 1" asks for "status"`) {
		t.Errorf("standard error: %s", errs.String())
	}
	d.WaitLog("spawner 1")
}

// Half a restart would be a stop.
func TestARestartIsCarriedThroughWhenTheClientGoesAway(t *testing.T) {
	d := daemontest.StartCommand(t, []string{binary(t, "supervisord")}, programs+`
[program:slow]
command = /bin/sh -c 'trap "touch DIR/stopping; while [ ! -e DIR/go ]; do sleep 0.05; done; exit" TERM; touch DIR/trapped; while :; do sleep 0.05; done'
startsecs = 0
stopwaitsecs = 600
`)
	here := func(name string) bool {
		_, err := os.Stat(filepath.Join(d.Dir, name))
		return err == nil
	}
	daemontest.Until(t, "slow can be stopped slowly", func() bool { return here("trapped") })
	t.Setenv("PATH", filepath.Dir(binary(t, "supervisorctl"))+":"+os.Getenv("PATH"))
	in, feed := io.Pipe()
	out, answers := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- command(t.Context(), []string{"--allow", "control", "--configuration", confPath(d), "--", "-c", confPath(d)}, in, answers, io.Discard)
	}()
	go io.Copy(io.Discard, out) //nolint:errcheck // it ends with the test
	defer out.Close()           //nolint:errcheck // a pipe
	for _, message := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"leaver","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"restart","arguments":{"names":["slow"]}}}`,
	} {
		if _, err := io.WriteString(feed, message+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	daemontest.Until(t, "slow is being stopped", func() bool { return here("stopping") })
	_ = feed.Close()
	if err := os.WriteFile(filepath.Join(d.Dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if status := <-ended; status != 0 {
		t.Errorf("it ended with %d", status)
	}
	if starts := strings.Count(d.Log(), "spawned: 'slow'"); starts != 2 {
		t.Errorf("slow was started %d times", starts)
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{"--help"}, 0, "Usage: supervisor-mcp"},
		{[]string{"--version"}, 0, "hark "},
		{[]string{"--allow", "everything"}, exitUsage, "bad --allow \"everything\"; accepted: control"},
		{[]string{"--everything"}, exitUsage, "everything"},
	} {
		var out bytes.Buffer
		if got := command(t.Context(), c.args, io.NopCloser(strings.NewReader("")), &out, &out); got != c.status || !strings.Contains(out.String(), c.want) {
			t.Errorf("%v: %d, %q", c.args, got, out.String())
		}
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	h := &host{}
	if _, err := h.encode(answered{Text: strings.Repeat("x", maxAnswer)}); err == nil || !strings.Contains(err.Error(), "fewer") {
		t.Errorf("%v", err)
	}
	var b bounded
	for range 5 {
		if n, err := b.Write(make([]byte, maxPrinted/4)); n != maxPrinted/4 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(b.data) != maxPrinted || !b.cut {
		t.Errorf("%d, %v", len(b.data), b.cut)
	}
}
