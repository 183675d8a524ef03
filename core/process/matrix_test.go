package process

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
)

// noon is when every test begins.
var noon = time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return noon.Add(time.Duration(seconds * float64(time.Second)))
}

// usual is a program with Supervisor's defaults that starts again after every exit.
func usual() Spec {
	return Spec{
		AutoStart: true, AutoRestart: Always, StartSecs: time.Second, StartRetries: 3,
		ExitCodes: []int{0}, StopSignal: syscall.SIGTERM, StopWait: 10 * time.Second,
	}
}

// situations are the states, told apart further where the next input makes a
// difference. Each is reached by inputs, a second apart, from a new machine.
var situations = []struct {
	name string
	spec func(*Spec)
	in   []Input
}{
	{name: "STOPPED, never started"},
	{name: "STOPPED, stopped before", in: []Input{Start{}, Spawned{Pid: 7}, Stop{}, Reaped{Code: 0}}},
	{name: "STARTING, being spawned", in: []Input{Start{}}},
	{name: "STARTING, spawned", in: []Input{Start{}, Spawned{Pid: 7}}, spec: func(s *Spec) { s.StartSecs = 5 * time.Second }},
	{name: "RUNNING", in: []Input{Start{}, Spawned{Pid: 7}, Elapsed{}}},
	{name: "BACKOFF, another attempt follows", in: []Input{Start{}, SpawnFailed{Msg: "no"}}},
	{name: "BACKOFF, another attempt would follow, held", in: []Input{Start{}, SpawnFailed{Msg: "no"}, Hold{}}},
	{name: "BACKOFF, after a shortage", in: []Input{Start{}, SpawnFailed{Msg: "no", Shortage: true}}, spec: func(s *Spec) { s.StartRetries = 0 }},
	{name: "BACKOFF, no attempts left", in: []Input{Start{}, SpawnFailed{Msg: "no"}}, spec: func(s *Spec) { s.StartRetries = 0 }},
	{name: "STOPPING, the spawn being cancelled", in: []Input{Start{}, Stop{}}},
	{name: "STOPPING, signalled", in: []Input{Start{}, Spawned{Pid: 7}, Stop{}}},
	{name: "STOPPING, signalled, somebody waits", in: []Input{Start{}, Spawned{Pid: 7}, Stop{Wait: true}, Elapsed{}}},
	{name: "EXITED, to stay", in: []Input{Start{}, Spawned{Pid: 7}, Elapsed{}, Reaped{Code: 0}}, spec: func(s *Spec) { s.AutoRestart = Never }},
	{name: "EXITED, another start follows", in: []Input{Start{}, Spawned{Pid: 7}, Elapsed{}, Reaped{Code: 0}}},
	{name: "EXITED, another start would follow, held", in: []Input{Start{}, Spawned{Pid: 7}, Elapsed{}, Reaped{Code: 0}, Hold{}}},
	{name: "FATAL", in: []Input{Start{}, SpawnFailed{Msg: "no"}, Elapsed{}}, spec: func(s *Spec) { s.StartRetries = 0 }},
	{name: "UNKNOWN, was to stop", in: []Input{Start{}, Spawned{Pid: 7}, Elapsed{}, Stop{}, KillFailed{Msg: "EPERM"}}},
	{name: "UNKNOWN, was to run", in: []Input{Start{}, Spawned{Pid: 7}, Elapsed{}, SignalFailed{Signal: syscall.SIGHUP, Msg: "EPERM"}}},
}

// inputs are the columns of the matrix: Elapsed and Reaped come at a moment that
// the name tells.
var inputs = []struct {
	name string
	in   Input
}{
	{"Boot", Boot{}},
	{"Start", Start{}},
	{"Stop", Stop{}},
	{"Stop, waiting", Stop{Wait: true}},
	{"GiveUp", GiveUp{}},
	{"Spawned 8", Spawned{Pid: 8}},
	{"SpawnFailed", SpawnFailed{Msg: "no"}},
	{"SpawnFailed, a shortage", SpawnFailed{Msg: "no", Shortage: true}},
	{"SpawnCancelled", SpawnCancelled{}},
	{"Reaped, status 0", Reaped{Code: 0}},
	{"Reaped, status 1", Reaped{Code: 1}},
	{"Reaped, by SIGKILL", Reaped{Code: -1, Signal: syscall.SIGKILL}},
	{"Elapsed, at the deadline", Elapsed{}},
	{"Elapsed, before it", Elapsed{}},
	{"KillFailed", KillFailed{Msg: "EPERM"}},
	{"SignalFailed", SignalFailed{Signal: syscall.SIGHUP, Msg: "EPERM"}},
	{"Hold", Hold{}},
	{"Release", Release{}},
}

// arrive makes a machine in a situation, and tells the time it is then.
func arrive(spec func(*Spec), in []Input) (*Machine, time.Time) {
	s := usual()
	if spec != nil {
		spec(&s)
	}
	m := New(s)
	now := noon
	for _, in := range in {
		now = now.Add(time.Second)
		m.Step(now, in)
	}
	return m, now
}

func matrix() string {
	var b strings.Builder
	for _, s := range situations {
		m, now := arrive(s.spec, s.in)
		fmt.Fprintf(&b, "### %s\n\nDeadline: %s.\n\n", s.name, describeDeadline(m, now))
		fmt.Fprint(&b, "| input | state after | effects | deadline |\n| --- | --- | --- | --- |\n")
		var ignored []string
		for _, in := range inputs {
			m, now := arrive(s.spec, s.in)
			before := m.Snapshot()
			due, ok := m.Deadline()
			switch in.name {
			case "Elapsed, at the deadline":
				if !ok {
					continue
				}
				now = later(now, due)
			case "Elapsed, before it":
				if ok {
					now = due.Add(-time.Nanosecond)
				}
			default:
				now = now.Add(100 * time.Millisecond)
			}
			effects := m.Step(now, in.in)
			if len(effects) == 0 && m.Snapshot() == before {
				ignored = append(ignored, in.name)
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", in.name, m.State(), describeAll(effects), describeDeadline(m, now))
		}
		fmt.Fprintf(&b, "\nIgnored: %s.\n\n", strings.Join(ignored, "; "))
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

const (
	goldenFile = "testdata/matrix.golden"
	docFile    = "../../docs/states.md"
	docBegin   = "<!-- the table: printed by go test ./core/process, see make golden -->\n"
	docEnd     = "<!-- end of the table -->\n"
)

func TestGoldenMatrixIsPrintedAndDocumented(t *testing.T) {
	got := matrix()
	doc, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(doc), docBegin)
	table, tail, ok2 := strings.Cut(rest, docEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has lost the comments around its table", docFile)
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		for name, text := range map[string]string{
			goldenFile: got,
			docFile:    head + docBegin + "\n" + got + "\n" + docEnd + tail,
		} {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if d := diff.Diff("want", want, "got", []byte(got)); d != nil {
		t.Errorf("%s is not what the machine does (UPDATE_GOLDEN=1 rewrites it): %s", goldenFile, d)
	}
	if d := diff.Diff("want", []byte(strings.TrimSpace(table)), "got", []byte(strings.TrimSpace(got))); d != nil {
		t.Errorf("%s is not what the machine does (UPDATE_GOLDEN=1 rewrites it): %s", docFile, d)
	}
}
