package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
)

// fixedTop is a source of rows that notes what it is asked to do.
type fixedTop struct {
	rows []topRow
	err  error
	did  []string
}

func (f *fixedTop) identifier() string                          { return "unit" }
func (f *fixedTop) processes(context.Context) ([]topRow, error) { return slices.Clone(f.rows), f.err }

func (f *fixedTop) events(context.Context) <-chan happened {
	came := make(chan happened, 2)
	came <- happened{text: "cat is starting"}
	came <- happened{text: "web:w0 was ended by SIGSEGV", style: styleBad}
	close(came)
	return came
}

func (f *fixedTop) act(_ context.Context, verb, name string) (string, error) {
	f.did = append(f.did, verb+" "+name)
	return name + ": " + verb + "ed", nil
}

func (f *fixedTop) tail(_ context.Context, name, channel string, _ int) (string, error) {
	return "first\n\x1b[31m" + channel + " of\t" + name + "\nstill red\x1b[0m\x1b[2J\nplain\n", nil
}

// playTop sends keys and carries out what they ask for, but for the wait between
// two refreshes.
func playTop(t *testing.T, m *topModel, keys ...string) {
	t.Helper()
	run := func(cmd tea.Cmd) {
		for cmd != nil {
			msg := cmd()
			_, cmd = m.Update(msg)
			if _, refreshed := msg.(topRows); refreshed {
				return
			}
		}
	}
	if !m.loaded {
		run(m.Init())
	}
	for _, key := range keys {
		msg := tea.KeyPressMsg{Text: key, Code: []rune(key)[0]}
		for name, code := range map[string]rune{"down": tea.KeyDown, "up": tea.KeyUp, "end": tea.KeyEnd, "pgdown": tea.KeyPgDown, "home": tea.KeyHome,
			"enter": tea.KeyEnter, "esc": tea.KeyEscape, "backspace": tea.KeyBackspace} {
			if key == name {
				msg = tea.KeyPressMsg{Code: code}
			}
		}
		_, cmd := m.Update(msg)
		run(cmd)
	}
}

func screenOf(m *topModel) string { return ansi.Strip(strings.Join(m.screen(), "\n")) }

func newFixedTop() (*topModel, *fixedTop) {
	f := &fixedTop{rows: []topRow{
		{namespec: "cat", state: "RUNNING", style: styleGood, pid: 7, uptime: 26*time.Hour + 3*time.Second, cpu: 12.34, rss: 5 << 20},
		{namespec: "web:w0", state: "FATAL", style: styleBad, reason: "can't find command '/x'", cpu: -1, rss: -1, restarts: 3},
		{namespec: "web:w1", state: "RUNNING", style: styleGood, pid: 8, cpu: 99.9, rss: 3 << 30, restarts: 2, last: "SIGSEGV"},
	}}
	m := newTopModel(context.Background(), f, time.Second, true)
	m.width, m.height = 100, 12
	return m, f
}

func TestTopShowsWhatIsKnown(t *testing.T) {
	m, f := newFixedTop()
	if got := screenOf(m); !strings.Contains(got, "unit: asking ...") {
		t.Errorf("before the first answer:\n%s", got)
	}
	playTop(t, m)
	got := screenOf(m)
	for _, want := range []string{"unit: 3 processes (1 FATAL, 2 RUNNING)", "cat    RUNNING         7  1d 2:00:03    12.3     5.0M",
		"web:w0 FATAL    can't find command '/x'  restarts 3", "web:w1 RUNNING         8     0:00:00    99.9     3.0G  restarts 2 (SIGSEGV)", "q quit"} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	f.err = errors.New("connection refused")
	playTop(t, m)
	_, _ = m.Update(m.refresh(false)())
	if got := screenOf(m); !strings.Contains(got, "connection refused; trying again") || !strings.Contains(got, "web:w1") {
		t.Errorf("the daemon is gone:\n%s", got)
	}
}

func TestTopFitsAnyScreen(t *testing.T) {
	m, f := newFixedTop()
	for i := range 50 {
		f.rows = append(f.rows, topRow{namespec: fmt.Sprintf("job-%02d-with-a-very-long-name-indeed-日本", i), state: "RUNNING", pid: i + 10})
	}
	playTop(t, m, "l", "end")
	for _, size := range [][2]int{{100, 30}, {20, 5}, {1, 1}, {3, 9}, {200, 2}, {80, 24}, {0, 0}} {
		_, _ = m.Update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		lines := m.screen()
		if len(lines) != size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, line := range lines {
			if w := ansi.StringWidth(line); w > size[0] {
				t.Errorf("%v: a line of %d columns: %q", size, w, line)
			}
		}
		if size[1] > 4 && size[0] > 30 && !strings.Contains(screenOf(m), m.chosen[:6]) {
			t.Errorf("%v: the chosen row is not on the screen", size)
		}
	}
}

func TestTopActsOnTheChosenProcess(t *testing.T) {
	m, f := newFixedTop()
	playTop(t, m, "s", "down", "S", "n", "S", "y", "j", "R", "y", "r")
	if want := []string{"start cat", "stop web:w0", "restart web:w1"}; !slices.Equal(f.did, want) {
		t.Errorf("did %v, want %v", f.did, want)
	}
	if got := screenOf(m); !strings.Contains(got, "web:w1: restarted") {
		t.Errorf("no outcome in\n%s", got)
	}
	playTop(t, m, "S")
	if got := screenOf(m); !strings.Contains(got, "stop web:w1? y or any other key") {
		t.Errorf("no question in\n%s", got)
	}
}

func TestTopActsOnTheSelectedProcessesThatAreShown(t *testing.T) {
	m, f := newFixedTop()
	playTop(t, m, "x", "x", "esc", "home", "x", "x") // all are selected no longer, then two again
	if got := screenOf(m); !strings.Contains(got, "2 selected") || !strings.Contains(got, "* cat ") || !strings.Contains(got, "  web:w1 ") {
		t.Errorf("selected:\n%s", got)
	}
	playTop(t, m, "S")
	if got := screenOf(m); !strings.Contains(got, "\ncat, web:w0\n\nstop 2 programs? y or any other key") {
		t.Errorf("no question in\n%s", got)
	}
	playTop(t, m, "y", "/", "c", "a", "t", "enter", "esc") // the filter hides one, which is selected no longer
	playTop(t, m, "home", "x", "j", "/", "w", "e", "b", "enter", "R", "y")
	if want := []string{"stop cat web:w0", "restart web:w1"}; !slices.Equal(f.did, want) {
		t.Errorf("did %v, want %v", f.did, want)
	}
}

func TestTopFiltersAndOrders(t *testing.T) {
	m, _ := newFixedTop()
	names := func() string {
		var all []string
		for _, r := range m.rows {
			all = append(all, r.namespec)
		}
		return strings.Join(all, " ")
	}
	playTop(t, m, "end", "/", "F", "a", "x", "backspace")
	if names() != "web:w0" || m.chosen != "web:w0" {
		t.Errorf("filtered: %s, chosen %s", names(), m.chosen)
	}
	playTop(t, m, "enter", "q", "esc") // q quits now, which the model itself does not notice
	if names() != "cat web:w0 web:w1" {
		t.Errorf("all: %s", names())
	}
	playTop(t, m, "/", "z", "z", "s", "enter", "s", "x", "l")
	if names() != "" || m.chosen != "" {
		t.Errorf("nothing: %s, chosen %s", names(), m.chosen)
	}
	playTop(t, m, "esc", "o", "o")
	if names() != "web:w1 cat web:w0" {
		t.Errorf("by cpu: %s", names())
	}
}

func TestTopShowsTheLogOfTheChosenProcess(t *testing.T) {
	m, _ := newFixedTop()
	m.height = 16
	playTop(t, m, "l")
	if got := screenOf(m); !strings.Contains(got, "log of cat: stdout") || !strings.Contains(got, "stdout of cat") {
		t.Errorf("%s", got)
	}
	whole := strings.Join(m.screen(), "\n")
	if !strings.Contains(whole, "\x1b[31mstdout of cat\x1b[m\n\x1b[31mstill red\x1b[0m\x1b[m\nplain\n") {
		t.Errorf("the log's colours: %q", whole)
	}
	m.colour = false
	if whole := strings.Join(m.screen(), "\n"); strings.Contains(whole, "\x1b[31m") || !strings.Contains(whole, "still red\nplain") {
		t.Errorf("without colour: %q", whole)
	}
	playTop(t, m, "tab", "down")
	if got := screenOf(m); !strings.Contains(got, "log of web:w0: stderr") || !strings.Contains(got, "stderr of web:w0") {
		t.Errorf("%s", got)
	}
	_, _ = m.Update(topLog{"cat stdout", "late"})
	if strings.Contains(screenOf(m), "late") {
		t.Error("a log that came too late is shown")
	}
	playTop(t, m, "l")
	if strings.Contains(screenOf(m), "log of") {
		t.Error("the pane is not closed")
	}
}

func TestTopShowsEventsAndItsKeys(t *testing.T) {
	m, _ := newFixedTop()
	m.height = 24
	playTop(t, m, "e")
	if got := screenOf(m); !strings.Contains(got, "-- events --") || !strings.Contains(got, "cat is starting\nweb:w0 was ended by SIGSEGV\n") {
		t.Errorf("%s", got)
	}
	playTop(t, m, "esc", "?")
	got := screenOf(m)
	for _, k := range topKeys() {
		if !strings.Contains(got, "\n"+strings.Join(k.names, " ")) || !strings.Contains(got, k.help) {
			t.Errorf("the help lacks %v", k.names)
		}
	}
}

func TestTheHelpOfTopIsTurnedWhereItDoesNotFit(t *testing.T) {
	m, _ := newFixedTop()
	_, _ = m.Update(tea.WindowSizeMsg{Width: 40, Height: 10})
	playTop(t, m, "?")
	seen := ""
	for range 10 {
		if !m.help {
			break
		}
		screen := screenOf(m)
		seen += screen
		if strings.Contains(screen, "any key: back") == strings.Contains(screen, "any key: more") {
			t.Errorf("it is not said what a key does:\n%s", screen)
		}
		playTop(t, m, "z")
	}
	words := strings.Join(strings.Fields(seen), " ")
	for _, k := range topKeys() {
		if first, _, _ := strings.Cut(k.help, " "); !strings.Contains(words, k.names[0]+" ") || !strings.Contains(words, first) {
			t.Errorf("%v is nowhere in\n%s", k.names, seen)
		}
	}
	if m.help || !strings.Contains(screenOf(m), "NAME") {
		t.Errorf("the help does not end:\n%s", screenOf(m))
	}
}

// TestTheKeysOfTopAreThoseOfThePage: what the page has keys for, top has the same keys for.
func TestTheKeysOfTopAreThoseOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../core/web/ui/app.js")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(page), "function keys() {")
	list, _, there := strings.Cut(list, `dialog("Keys"`)
	if !there {
		t.Fatal("the page's list of keys is not where it was")
	}
	found := regexp.MustCompile(`\["([^"]+)", "[^"]*"\]`).FindAllStringSubmatch(list, -1)
	if len(found) < 8 {
		t.Fatalf("the page has only %d keys", len(found))
	}
	var ours []string
	for _, k := range topKeys() {
		ours = append(ours, k.names...)
	}
	for _, row := range found {
		for key := range strings.SplitSeq(row[1], ", ") {
			if !slices.Contains(ours, key) && !slices.Contains(ours, strings.ToLower(key)) {
				t.Errorf("the page's key %q is none of top's", key)
			}
		}
	}
}

func TestWithoutColourThereAreOnlyBars(t *testing.T) {
	m, _ := newFixedTop()
	m.colour = false
	playTop(t, m)
	for _, line := range m.screen() {
		for _, colour := range []string{styleGood, styleBad, styleBusy} {
			if strings.Contains(line, "\x1b["+colour+"m") {
				t.Errorf("a colour in %q", line)
			}
		}
	}
}

func TestNothingInTopDrivesTheTerminal(t *testing.T) {
	m, f := newFixedTop()
	const evil = "a\x1b]0;x\a\u009b2J\u202eb\u2066c\xff"
	f.rows = []topRow{{namespec: evil, state: "FATAL" + evil, reason: evil}, {namespec: "日本日本", state: "RUNNING"}}
	m.source = namedTop{f, evil}
	m.colour = false
	playTop(t, m, "l")
	m.message = evil
	whole := strings.Join(m.screen(), "\n")
	for _, r := range strings.NewReplacer("\x1b[7m", "", "\x1b[1;4m", "", "\x1b[0m", "", "\n", "").Replace(whole) {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			t.Fatalf("%q holds %U", whole, r)
		}
	}
	m.all = []topRow{{namespec: "日本日本"}}
	if got := m.columns().name; got != 8 {
		t.Errorf("a name of 8 columns is counted as %d", got)
	}
}

// namedTop is a source with a name of its own.
type namedTop struct {
	*fixedTop
	name string
}

func (n namedTop) identifier() string { return n.name }
