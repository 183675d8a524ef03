package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	tea "charm.land/bubbletea/v2"

	"github.com/hark-supervisor/hark/eventlistener"
)

// inEveryState is a process in every state, and of each way to end.
func inEveryState() []processInfo {
	process := func(group, name, state, description string, change func(p *processInfo)) processInfo {
		p := processInfo{named: nameOf(group, name), State: state, Description: description, Start: 1}
		change(&p)
		return p
	}
	runs := func(pid int) func(*processInfo) { return func(p *processInfo) { p.PID = pid } }
	ended := func(status int, signal string, core bool) func(*processInfo) {
		return func(p *processInfo) { p.told, p.ExitStatus, p.Signal, p.CoreDump = true, status, signal, core }
	}
	nothing := func(*processInfo) {}
	return []processInfo{
		process("a-program-with-a-very-long-name-that-fits-nowhere", "a-program-with-a-very-long-name-that-fits-nowhere", "RUNNING", "pid 4711, uptime 12 days, 3:04:05", runs(4711)),
		process("web", "web_00", "RUNNING", "pid 7, uptime 0:00:12", runs(7)),
		process("web", "web_01", "STARTING", "", runs(8)),
		process("web", "web_02", "STOPPING", "", runs(9)),
		process("ok", "ok", "EXITED", "Dec 01 12:31 AM", ended(0, "", false)),
		process("five", "five", "EXITED", "Dec 01 12:31 AM", ended(5, "", false)),
		process("segv", "segv", "EXITED", "Dec 01 12:31 AM", ended(-1, "SIGSEGV", true)),
		process("python", "python", "EXITED", "Dec 01 12:31 AM", nothing), // Supervisor's daemon does not say how
		process("off", "off", "STOPPED", "Not started", func(p *processInfo) { p.Start = 0 }),
		process("killed", "killed", "STOPPED", "Dec 01 12:31 AM", ended(-1, "SIGKILL", false)),
		process("quick", "quick", "FATAL", "Exited too quickly (process log may have details)", ended(3, "", false)),
		process("lost", "lost", "FATAL", "can't find command '/opt/nowhere/bin/a-program-that-is-not-there'", ended(3, "", false)),
		process("again", "again", "BACKOFF", "Exited too quickly (process log may have details)", ended(-1, "SIGABRT", false)),
		process("odd", "odd", "UNKNOWN", "", nothing),
	}
}

// TestGoldenTerminal is what people see on terminals of several widths; UPDATE_GOLDEN=1 writes it.
func TestGoldenTerminal(t *testing.T) {
	var got strings.Builder
	infos := inEveryState()
	for _, columns := range []int{40, 80, 160} {
		for _, colour := range []bool{false, true} {
			fmt.Fprintf(&got, "$ status at %d columns, colour %v\n%s\n", columns, colour, escaped(statusView(infos, columns, colour)))
		}
	}
	f := &fixedTop{}
	for i := range infos {
		p := &infos[i]
		row := topRow{namespec: p.Namespec, state: p.State, style: p.stateStyle(), reason: p.reason(), pid: p.PID, cpu: -1, rss: -1, restarts: i % 3}
		if p.PID != 0 {
			row.reason, row.uptime, row.cpu, row.rss = "", 12*time.Second, 1.5, 5<<20
		}
		f.rows = append(f.rows, row)
	}
	for _, size := range [][2]int{{40, 24}, {80, 24}, {160, 30}} {
		m := newTopModel(t.Context(), f, time.Second, true)
		_, _ = m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		playTop(t, m, "down", "down", "l")
		fmt.Fprintf(&got, "$ top at %dx%d\n%s\n\n", size[0], size[1], escaped(strings.Join(m.screen(), "\n")))
	}
	compareGolden(t, "testdata/terminal.golden", got.String(), "\n$ ")
}

func escaped(s string) string { return strings.ReplaceAll(s, "\x1b", "^") }

// TestStatusFitsTheTerminal: every line does, at every width, and names, states and reasons are all there.
func TestStatusFitsTheTerminal(t *testing.T) {
	infos := inEveryState()
	for columns := 30; columns <= 200; columns++ {
		text := statusView(infos, columns, true)
		whole := strings.Join(strings.Fields(ansi.Strip(text)), "")
		for line := range strings.Lines(text) {
			name := strings.TrimRight(ansi.Strip(line), "\n")
			if w := ansi.StringWidth(name); w > columns && strings.Contains(name, " ") {
				t.Errorf("%d columns: a line has %d: %q", columns, w, line)
			}
		}
		for i := range infos {
			p := &infos[i]
			parts := []string{p.Namespec, p.State}
			if p.PID == 0 {
				parts = append(parts, p.reason())
			}
			for _, part := range parts {
				if !strings.Contains(whole, strings.Join(strings.Fields(part), "")) {
					t.Errorf("%d columns: %q is missing in\n%s", columns, part, text)
				}
			}
		}
	}
}

// TestEndsDifferInTextAndColour: on a terminal and in top.
func TestEndsDifferInTextAndColour(t *testing.T) {
	seen := map[string]string{}
	for _, p := range inEveryState() {
		if p.State != "EXITED" || !p.told {
			continue
		}
		key := p.stateStyle()
		if other, ok := seen[key]; ok {
			t.Errorf("%s has the colour of %s", p.Name, other)
		}
		seen[key] = p.Name
		if seen[p.howEnded()] != "" || p.howEnded() == "" {
			t.Errorf("%s has ended %q", p.Name, p.howEnded())
		}
		seen[p.howEnded()] = p.Name
	}
	if len(seen) != 6 {
		t.Errorf("%v", seen)
	}
}

func TestEventsAreSentences(t *testing.T) {
	for data, want := range map[string]string{
		`{"eventname":"PROCESS_STATE_STARTING","processname":"w0","groupname":"web","from_state":"STOPPED","tries":0}`:                                                  "web:w0 is starting",
		`{"eventname":"PROCESS_STATE_STARTING","processname":"w0","groupname":"web","from_state":"BACKOFF","tries":2}`:                                                  "web:w0 is starting, after 2 failures",
		`{"eventname":"PROCESS_STATE_EXITED","processname":"cat","groupname":"cat","pid":5,"expected":false,"uptime":125.4,"exitstatus":5,"signal":0,"coredump":false}`: "cat has exited with status 5 after 2m05s, which was not expected",
		`{"eventname":"PROCESS_STATE_EXITED","processname":"cat","groupname":"cat","pid":5,"expected":true,"uptime":1.25,"exitstatus":0,"signal":0,"coredump":false}`:   "cat has exited with status 0 after 1.2s, as expected",
		`{"eventname":"PROCESS_STATE_EXITED","processname":"cat","groupname":"cat","pid":5,"expected":false,"uptime":1.25,"exitstatus":0,"signal":11,"coredump":true}`:  "cat was ended by SIGSEGV (core dumped) after 1.2s, which was not expected",
		`{"eventname":"PROCESS_STATE_STOPPED","processname":"cat","groupname":"cat","pid":5,"uptime":3,"exitstatus":0,"signal":15,"coredump":false}`:                    "cat has stopped (SIGTERM) after 3.0s",
		`{"eventname":"PROCESS_STATE_BACKOFF","processname":"cat","groupname":"cat","tries":2,"exitstatus":1,"signal":0,"uptime":0.1}`:                                  "cat ended too early (status 1), failure 2; it may be tried again",
		`{"eventname":"PROCESS_COMMUNICATION_STDOUT","processname":"cat","groupname":"cat","pid":5,"data_base64":"/yE="}`:                                               `cat says: \xff!`,
		`{"eventname":"CONFIG_RELOADED","added":["a","b"],"changed":[],"removed":["c"]}`:                                                                                "the configuration was read: added a, b; removed c",
		`{"eventname":"CONFIG_RELOADED","added":[],"changed":[],"removed":[]}`:                                                                                          "the configuration was read: nothing differs",
		`{"eventname":"LOG_DROPPED","processname":"cat","groupname":"cat","channel":"stdout","bytes":1}`:                                                                "1 byte of stdout of cat reached no log",
		`{"eventname":"PLUGIN_STATE_FATAL","pluginname":"slack","from_state":"BACKOFF","pid":0,"reason":"no token"}`:                                                    "plugin slack is FATAL: no token",
		`{"eventname":"FROM_THE_FUTURE","seq":7,"time":"bad","processname":"w0","data":"a \"b\"\n"}`:                                                                    `FROM_THE_FUTURE processname=w0 data="a \"b\"\n"`,
		`no json`: `no json`,
	} {
		if got := happening(data).text; got != want {
			t.Errorf("%s:\n%s\nwant %s", data, got, want)
		}
	}
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.Local)
	plain := func(_, text string) string { return text }
	for at, want := range map[time.Time]string{now: "05:06:07  x", now.AddDate(0, 0, -1): "Mar 03 05:06:07  x", {}: "x"} {
		if got := (&happened{when: at, text: "x"}).line(now, plain); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}

// TestEveryTypeOfEventHasASentence: also those that are added later.
func TestEveryTypeOfEventHasASentence(t *testing.T) {
	for _, kind := range eventlistener.Types() {
		if !kind.IsSent() {
			continue
		}
		h := happening(fmt.Sprintf(`{"eventname":%q,"processname":"p","groupname":"g","exitstatus":1}`, kind))
		if h.text == "" || strings.Contains(h.text, kind.String()) {
			t.Errorf("%v is told as %q", kind, h.text)
		}
		if h.isTick() != kind.Is(eventlistener.TickEvent) {
			t.Errorf("%v is a tick: %v", kind, h.isTick())
		}
	}
}

// TestHelpFitsTheTerminal: of every action, with all words.
func TestHelpFitsTheTerminal(t *testing.T) {
	table := actionTable()
	for i := range table {
		help := strings.TrimRight(table[i].Help, "\n") + "\n"
		for _, width := range []int{40, 60, 80, 100, 160} {
			text := reflowed(help, width)
			if !fits(text, width) {
				t.Errorf("%s at %d columns:\n%s", table[i].Name, width, text)
			}
			if all := strings.Join(strings.Fields(text), ""); all != strings.Join(strings.Fields(help), "") { // a long one may be parted
				t.Errorf("%s at %d columns has other words:\n%s", table[i].Name, width, text)
			}
		}
	}
}
