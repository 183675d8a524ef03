package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// dialogue is a server at work on standard input and output that a test writes and reads.
type dialogue struct {
	t     *testing.T
	feed  *io.PipeWriter
	lines chan string
}

func speak(t *testing.T) *dialogue {
	t.Helper()
	t.Setenv("PATH", filepath.Dir(binary(t, "supervisorctl"))+":"+os.Getenv("PATH"))
	in, feed := io.Pipe()
	out, answers := io.Pipe()
	d := &dialogue{t: t, feed: feed, lines: make(chan string, 100)}
	ended := make(chan int, 1)
	go func() {
		ended <- command(t.Context(), []string{"--configuration", "/nonexistent", "--", "-s", "unix:///nonexistent/s"}, in, answers, io.Discard)
		_ = answers.Close()
	}()
	read := make(chan struct{})
	go func() {
		defer close(read)
		for r := bufio.NewReader(out); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			d.lines <- line
		}
	}()
	t.Cleanup(func() {
		_ = feed.Close()
		select {
		case status := <-ended:
			if status != 0 {
				t.Errorf("it ended with %d", status)
			}
		case <-time.After(testkit.Patience):
			t.Error("it does not end with its standard input")
		}
		<-read
	})
	return d
}

// answer is what a line is answered with.
type answer struct {
	ID     any
	Result json.RawMessage
	Error  *struct {
		Code    int
		Message string
	}
}

func (d *dialogue) say(line string) {
	d.t.Helper()
	if _, err := io.WriteString(d.feed, line+"\n"); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dialogue) hear() (a answer) {
	d.t.Helper()
	select {
	case line := <-d.lines:
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			d.t.Fatalf("%v: %q", err, line)
		}
		return a
	case <-time.After(testkit.Patience):
		d.t.Fatal("no answer")
		return a
	}
}

func (d *dialogue) begin(version string) {
	d.t.Helper()
	d.say(`{"jsonrpc":"2.0","id":"first","method":"initialize","params":{"protocolVersion":"` + version + `","capabilities":{},"clientInfo":{"name":"byhand","version":"1"}}}`)
	if a := d.hear(); a.ID != "first" || a.Error != nil {
		d.t.Fatalf("initialize: %+v", a)
	}
	d.say(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)
}

// ping shows that the session goes on.
func (d *dialogue) ping() {
	d.t.Helper()
	d.say(`{"jsonrpc":"2.0","id":77,"method":"ping"}`)
	if a := d.hear(); a.ID != float64(77) || a.Error != nil {
		d.t.Fatalf("ping: %+v, %+v", a, a.Error)
	}
}

func TestALineThatIsNoMessageIsAnsweredAndTheNextIsRead(t *testing.T) {
	d := speak(t)
	const parse, invalid = -32700, -32600
	for _, c := range []struct {
		line string
		code int
		id   any
		text string
	}{
		{"hello", parse, nil, "line 1 is not JSON"},
		{`{"jsonrpc":"2.0","id":1,"method":"ping"`, parse, nil, "is not JSON"},
		{`{"jsonrpc":"2.0","id":1,"method":"ping"} {}`, parse, nil, "is not JSON"},
		{"\xff\x00", parse, nil, "is not JSON"},
		{strings.Repeat("[", 20000), parse, nil, "is not JSON"},
		{`"` + strings.Repeat("x", maxLine) + `"`, parse, nil, "line 6 has more than 1048576 bytes"},
		{"42", invalid, nil, "a message is an object"},
		{"null", invalid, nil, "a message is an object"},
		{"[]", invalid, nil, "without messages"},
		{"[1]", invalid, nil, ""},
		{"{}", invalid, nil, ""},
		{`{"id":5,"method":"ping"}`, invalid, 5.0, "version"},
		{`{"jsonrpc":"2.0","id":"a","method":7}`, invalid, "a", ""},
		{`{"jsonrpc":"2.0","id":{},"method":"ping"}`, invalid, nil, ""},
		{`[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":1,"method":"ping"}]`, invalid, nil, "same id"},
	} {
		d.say(c.line)
		if a := d.hear(); a.Error == nil || a.Error.Code != c.code || a.ID != c.id || !strings.Contains(a.Error.Message, c.text) {
			t.Errorf("%.60q: %+v, %+v", c.line, a, a.Error)
		}
	}
	d.say("")
	d.begin("2025-06-18")
	d.ping()
	d.say("garbage")
	if a := d.hear(); a.Error == nil || a.Error.Code != parse {
		t.Errorf("%+v", a)
	}
	d.say(`[{"jsonrpc":"2.0","id":1,"method":"ping"}]`)
	if a := d.hear(); a.Error == nil || a.Error.Code != invalid || !strings.Contains(a.Error.Message, "no arrays") {
		t.Errorf("%+v", a)
	}
	d.ping()
	d.say(strings.TrimSuffix(strings.Repeat("x", 3*maxLine), "\n"))
	if a := d.hear(); a.Error == nil || a.Error.Code != parse {
		t.Errorf("%+v", a)
	}
	d.ping()
}

// A batch is answered with one, in the version of the protocol that has them.
func TestABatchOfAnOldClient(t *testing.T) {
	d := speak(t)
	d.begin("2025-03-26")
	d.say(`[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]`)
	select {
	case line := <-d.lines:
		var all []answer
		if err := json.Unmarshal([]byte(line), &all); err != nil || len(all) != 2 {
			t.Errorf("%v: %s", err, line)
		}
	case <-time.After(testkit.Patience):
		t.Error("no answer")
	}
	d.ping()
}

// A tool that changes something is refused by a text that says what would allow it; a tool that does not exist is refused as unknown.
func TestAToolThatIsNotAllowedNamesTheFlag(t *testing.T) {
	d := speak(t)
	d.begin("2025-06-18")
	for _, tool := range tools() {
		if !tool.controls {
			continue
		}
		d.say(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"` + tool.name + `","arguments":{}}}`)
		if a := d.hear(); a.Error == nil || !strings.Contains(a.Error.Message, tool.name+" is not allowed") || !strings.Contains(a.Error.Message, "--allow control") {
			t.Errorf("%s: %s, %+v", tool.name, a.Result, a.Error)
		}
	}
	d.say(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"shutdown","arguments":{}}}`)
	if a := d.hear(); a.Error == nil || strings.Contains(a.Error.Message, "--allow") {
		t.Errorf("%+v, %+v", a, a.Error)
	}
}
