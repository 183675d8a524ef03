package eventlistener

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A dialogue file holds commands, one a line, each followed by its result,
// indented: what was written to which member (->) and what was logged.
// UPDATE_GOLDEN=1 rewrites the indented lines.

func TestGoldenDialogues(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogues/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := playDialogue(t, string(text))
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("got:\n%s\nwant:\n%s", got, text)
			}
		})
	}
}

// playDialogue plays the commands on a pool of two members and a buffer of three
// events.
func playDialogue(t *testing.T, text string) string {
	var out strings.Builder
	bus := NewBus()
	p := NewPool(bus, PoolConfig{Name: "mylistener", Server: "supervisor", BufferSize: 3, Emit: func(o Outcome) {
		o.Log(0, func(l Level, line string) {
			fmt.Fprintf(&out, "    %s %s\n", map[Level]string{LevelDebug: "DEBG", LevelWarn: "WARN", LevelError: "ERRO"}[l], line)
		})
	}})
	bus.Subscribe(p, []Type{AnyEvent})
	stdins := make([]*stdin, 2)
	for i := range stdins {
		p.Add(fmt.Sprintf("mylistener_%02d", i))
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") {
			continue
		}
		out.WriteString(line)
		command, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if command == "#" {
			continue
		}
		if command == "publish" {
			bus.Publish(parseEvent(t, rest))
		} else {
			n, arg, _ := strings.Cut(rest, " ")
			i, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			m := p.Members()[i]
			switch command {
			case "start":
				m.Started()
				stdins[i] = &stdin{}
			case "run":
				m.Running(stdins[i])
			case "stop":
				m.Stopping()
			case "exit":
				m.Exited()
			case "break":
				stdins[i].err = syscall.EPIPE
			case "write":
				m.Feed([]byte(unquote(t, arg)))
			default:
				t.Fatalf("unknown command %q", line)
			}
		}
		p.Dispatch()
		for i, s := range stdins {
			if s != nil && len(s.sent) > 0 {
				fmt.Fprintf(&out, "    -> %d %+q\n", i, s.sent)
				s.sent = nil
			}
		}
	}
	return out.String()
}

func parseEvent(t *testing.T, s string) *Event {
	t.Helper()
	f := strings.Fields(s)
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	switch f[0] {
	case "tick":
		return NewTick(Tick5, int64(number(f[1])))
	case "state":
		typ, _ := ParseType(f[1])
		return NewProcessState(typ, Process{f[2], f[3], number(f[4])}, f[5], 0, false, Exit{})
	case "remote":
		return NewRemoteCommunication(f[1], unquote(t, s[strings.IndexByte(s, '"'):]))
	case "log":
		return NewProcessLog(ProcessLogStdout, Process{f[1], f[2], number(f[3])}, []byte(unquote(t, s[strings.IndexByte(s, '"'):])))
	}
	t.Fatalf("unknown event %q", s)
	return nil
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	u, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}
