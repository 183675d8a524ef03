package core

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/internal/pytext"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func selected(t *testing.T, patterns ...string) *Selection {
	t.Helper()
	s, err := ParseSelection(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told is outcomes in short: "name", "name!kind" or with the step before it.
func told(outcomes []Outcome) string {
	var all []string
	for _, o := range outcomes {
		s := pytext.Namespec(o.Group, o.Name)
		if o.Step != "" {
			s = o.Step + " " + s
		}
		if o.Err != nil {
			s += "!" + map[ErrorKind]string{BadName: "bad name", NotRunning: "not running", AlreadyStarted: "already started", NoFile: "no file"}[o.Err.Kind]
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func webGroup(command string, names ...string) *config.Group {
	g := &config.Group{Name: "web", Priority: 999, Heterogeneous: true}
	for _, name := range names {
		g.Processes = append(g.Processes, program(name, command, off).Processes[0])
	}
	return g
}

func off(p *config.Process) { p.AutoStart = false }

func TestASelectionChoosesByNameGroupAndPattern(t *testing.T) {
	r := run(t, program("job-01", "/bin/cat", off), program("job-02", "/bin/cat", off), program("jobs", "/bin/cat", off),
		program("a[1]", "/bin/cat", off), webGroup("/bin/cat", "w0", "w1"))
	for _, c := range []struct{ patterns, want string }{
		{"job-??", "job-01, job-02"},
		{"job*", "job-01, job-02, jobs"},
		{"web:*", "web:w0, web:w1"},
		{"web:", "web:w0, web:w1"},
		{"web:w[!0]", "web:w1"},
		{"*:w0", "web:w0"},
		{"all", "job-01, job-02, jobs, a[1], web:w0, web:w1"},
		{"*", "job-01, job-02, jobs, a[1], web:w0, web:w1"},
		{"a[1]", "a[1]"},
		{"jobs jobs jobs:jobs job*", "job-01, job-02, jobs"},
		{"web:w1 job-01", "job-01, web:w1"},
		{"nobody job-01 x* nobody", "nobody!bad name, x*!bad name, job-01"},
		{"w0", "w0!bad name"},
	} {
		got, err := r.SelectedNames(context.Background(), selected(t, strings.Fields(c.patterns)...))
		if err != nil || told(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.patterns, told(got), err, c.want)
		}
	}
	for _, bad := range [][]string{{"["}, {"a", "b*["}, slices.Repeat([]string{"*"}, 101)} {
		if _, err := ParseSelection(bad); kindOf(err) != BadArguments {
			t.Errorf("%d patterns: %v", len(bad), err)
		}
	}
}

func TestABatchPassesOverWhatAPatternNeedNotTouch(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("a", "/bin/cat", off), program("b", "/bin/cat"), program("missing", "/nowhere/x", off))
	r.untilState("b", process.Running)
	for _, c := range []struct {
		what string
		call func() ([]Outcome, error)
		want string
	}{
		{"a start by pattern", func() ([]Outcome, error) { return r.StartSelected(ctx, selected(t, "?"), true) }, "a"},
		{"a start by name", func() ([]Outcome, error) { return r.StartSelected(ctx, selected(t, "a", "missing"), true) }, "a!already started, missing!no file"},
		{"a stop by pattern", func() ([]Outcome, error) { return r.StopSelected(ctx, selected(t, "[am]*"), true) }, "a"},
		{"a stop by name", func() ([]Outcome, error) { return r.StopSelected(ctx, selected(t, "a", "b"), true) }, "a!not running, b"},
		{"a signal by pattern", func() ([]Outcome, error) { return r.SignalSelected(ctx, selected(t, "*"), syscall.SIGHUP) }, ""},
		{"a signal by name", func() ([]Outcome, error) { return r.SignalSelected(ctx, selected(t, "a", "x"), syscall.SIGHUP) }, "x!bad name, a!not running"},
	} {
		got, err := c.call()
		if err != nil || told(got) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.what, told(got), err, c.want)
		}
	}
}

func TestARestartStartsEachAsSoonAsItHasStopped(t *testing.T) {
	// slow ends only when quick has been started again: were the starts to wait for
	// all stops, nothing would ever end.
	dir := t.TempDir()
	quick := program("quick", "/bin/sh -c 'echo x >> "+dir+"/starts; exec cat'")
	slow := program("slow", `/bin/sh -c 'trap "" TERM; echo x > `+dir+`/trapped; while [ $(cat `+dir+`/starts 2>/dev/null | wc -l) -lt 2 ]; do sleep 0.05; done'`, func(p *config.Process) {
		p.StopWait = testkit.Patience
	})
	r := run(t, quick, slow, program("idle", "/bin/cat", off), program("named", "/bin/cat", off))
	r.until("both run", func() bool { return written(dir+"/starts") && written(dir+"/trapped") })
	got, err := r.RestartSelected(context.Background(), selected(t, "quick", "slow", "i*", "named"))
	if err != nil {
		t.Fatal(err)
	}
	at := func(what string) int { return slices.Index(strings.Split(told(got), ", "), what) }
	if len(got) != 7 || at("start idle") < 0 || at("stop named!not running") < 0 || at("start named") < 0 ||
		at("stop quick") > at("start quick") || at("start quick") > at("stop slow") || at("stop slow") > at("start slow") {
		t.Errorf("outcomes %s", told(got))
	}
	r.untilState("slow", process.Exited)
}

// Whoever waits for a stop that is not their own, to start again, and goes away, leaves nothing behind.
func TestARestartWaitsForTheStopOfAnotherAsLongAsItsCaller(t *testing.T) {
	dir := t.TempDir()
	r := run(t, program("slow", `/bin/sh -c 'trap "" TERM; echo x > `+dir+`/trapped; while ! [ -e `+dir+`/end ]; do sleep 0.05; done'`, func(p *config.Process) {
		p.StopWait = 2 * testkit.Patience
	}))
	r.until("it runs", func() bool { return written(dir + "/trapped") })
	if err := r.StopProcess(context.Background(), "slow", "slow", false); err != nil {
		t.Fatal(err)
	}
	waiters := func() (n int) {
		_ = r.turns.Ask(context.Background(), func(l *loop) { n = len(l.groups["slow"].member("slow").waiters) })
		return n
	}
	const callers = 20
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	gone := make(chan error, callers)
	for range callers {
		go func() {
			_, err := r.RestartSelected(ctx, selected(t, "slow"))
			gone <- err
		}()
	}
	kept := make(chan error, 1)
	go func() {
		_, err := r.RestartSelected(context.Background(), selected(t, "slow"))
		kept <- err
	}()
	r.until("all wait", func() bool { return waiters() == callers+1 })
	cancel()
	for range callers {
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	if n := waiters(); n != 1 {
		t.Errorf("%d still wait", n)
	}
	if err := os.WriteFile(dir+"/end", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := <-kept; err != nil {
		t.Errorf("who has stayed: %v", err)
	}
}

func TestARestartDoesNotBringBackARemovedGroup(t *testing.T) {
	r := run(t, program("cat", "/bin/cat", off))
	m := r.processOf("cat", "cat")
	if err := r.RemoveGroup(context.Background(), "cat"); err != nil {
		t.Fatal(err)
	}
	var refused *Error
	if err := r.turns.Ask(context.Background(), func(l *loop) { l.startAgain(m, nil, func(e *Error) { refused = e }) }); err != nil || refused == nil || refused.Kind != BadName {
		t.Errorf("%v, %v", err, refused)
	}
}

func TestWaitingEndsWithTheTransition(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("a", "/bin/cat", off), program("b", "/bin/cat"), program("bad", "/bin/false", off, func(p *config.Process) { p.StartWait = 10 * time.Second }))
	r.untilState("b", process.Running)
	type result struct {
		rows []Waited
		err  error
	}
	wait := func(states ...process.State) func(patterns ...string) chan result {
		return func(patterns ...string) chan result {
			done := make(chan result, 1)
			sel := selected(t, patterns...)
			go func() {
				rows, err := r.WaitFor(ctx, sel, states)
				done <- result{rows, err}
			}()
			name := r.processOf("a", "a")
			r.until("it is waited for", func() bool {
				n := 0
				_ = r.turns.Ask(ctx, func(l *loop) { n = len(name.waiters) })
				return n > 0
			})
			return done
		}
	}
	running := wait(process.Running)("?")
	if err := r.StartProcess(ctx, "a", "a", false); err != nil {
		t.Fatal(err)
	}
	if got := <-running; got.err != nil || len(got.rows) != 2 || !got.rows[0].Reached || !got.rows[1].Reached || got.rows[0].Pid == 0 {
		t.Errorf("%+v", got)
	}
	stopped := wait(process.Stopped, process.Exited)("a")
	if err := r.StopProcess(ctx, "a", "a", true); err != nil {
		t.Fatal(err)
	}
	if got := <-stopped; got.err != nil || !got.rows[0].Reached || got.rows[0].State != process.Stopped {
		t.Errorf("%+v", got)
	}
	_ = r.StartProcess(ctx, "bad", "bad", true)
	r.untilState("bad", process.Fatal)
	if rows, err := r.WaitFor(ctx, selected(t, "bad"), []process.State{process.Running}); err != nil || rows[0].Reached || rows[0].State != process.Fatal {
		t.Errorf("waiting for one that gave up: %+v, %v", rows, err)
	}
	gone := wait(process.Running)("a")
	if err := r.RemoveGroup(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if got := <-gone; got.err != nil || !got.rows[0].Gone || got.rows[0].Reached {
		t.Errorf("%+v", got)
	}
	if _, err := r.WaitFor(ctx, selected(t, "a"), []process.State{process.Running}); kindOf(err) != BadName {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestAWaitThatIsGivenUpLeavesNothingBehind(t *testing.T) {
	r := run(t, program("a", "/bin/cat", off), program("b", "/bin/cat"))
	r.untilState("b", process.Running)
	ended, end := context.WithCancel(context.Background())
	end()
	rows, err := r.WaitFor(ended, selected(t, "*"), []process.State{process.Running})
	if err != nil || len(rows) != 2 || rows[0].Reached || !rows[1].Reached {
		t.Errorf("%+v, %v", rows, err)
	}
	_ = r.turns.Ask(context.Background(), func(l *loop) {
		if n := len(l.groups["a"].members[0].waiters); n != 0 {
			t.Errorf("%d wait still", n)
		}
	})
}

// Patterns are compared off the loop, however many there are, and what was removed meanwhile is not chosen.
func TestPatternsAreComparedOffTheLoop(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("a", "/bin/cat", off), program("b", "/bin/cat", off), webGroup("/bin/cat", "w0", "w1"))
	sel := selected(t, "*")
	choose, err := r.chosen(ctx, sel)
	if err != nil {
		t.Fatal(err)
	}
	*sel = Selection{} // nothing is compared from here on
	picked := func() (names []string) {
		if err := r.turns.Ask(ctx, func(l *loop) {
			all, missed, refused := choose(l)
			if len(missed) > 0 || refused != nil {
				t.Errorf("%v, %v", missed, refused)
			}
			for _, p := range all {
				names = append(names, p.m.namespec())
			}
		}); err != nil {
			t.Fatal(err)
		}
		return names
	}
	if got := picked(); !slices.Equal(got, []string{"a", "b", "web:w0", "web:w1"}) {
		t.Errorf("chosen: %q", got)
	}
	if err := errors.Join(r.RemoveGroup(ctx, "b"), r.RemoveProcess(ctx, "web", "w0"),
		r.AddProgram(ctx, "web", "w0", map[string]string{"command": "/bin/cat", "autostart": "false"})); err != nil {
		t.Fatal(err)
	}
	if got := picked(); !slices.Equal(got, []string{"a", "web:w1"}) {
		t.Errorf("chosen after others were removed: %q", got)
	}
}

func TestWaitsAreBoundedInWhatTheyWaitFor(t *testing.T) {
	r := run(t, program("a", "/bin/cat", off), program("b", "/bin/cat", off), program("c", "/bin/cat", off))
	ctx, end := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := r.WaitFor(ctx, selected(t, "a", "b"), []process.State{process.Running})
		done <- err
	}()
	waited := func() (n int) {
		_ = r.turns.Ask(context.Background(), func(l *loop) { n = l.waited })
		return n
	}
	r.until("two are waited for", func() bool { return waited() == 2 })
	_ = r.turns.Ask(context.Background(), func(l *loop) { l.waited += maxWaited - 4 })
	if _, err := r.WaitFor(ctx, selected(t, "*"), []process.State{process.Stopped}); kindOf(err) != Failed {
		t.Errorf("three more: %v", err)
	}
	if _, err := r.WaitFor(ctx, selected(t, "a", "b"), []process.State{process.Stopped}); err != nil {
		t.Errorf("two more: %v", err)
	}
	end()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := waited(); n != maxWaited-4 {
		t.Errorf("%d are still waited for", n-(maxWaited-4))
	}
}

func TestRestartsCountOnlyWhatNobodyAskedFor(t *testing.T) {
	dir := t.TempDir()
	r := run(t, program("flaky", `/bin/sh -c 'echo x >> `+dir+`/n; [ $(wc -l < `+dir+`/n) -ge 3 ] && exec cat; exit 1'`, func(p *config.Process) {
		p.AutoRestart = config.RestartAlways
	}))
	count := func() int {
		info, err := r.ProcessInfo(context.Background(), "flaky", "flaky")
		if err != nil {
			t.Fatal(err)
		}
		return info.Restarts
	}
	r.until("it has been restarted twice", func() bool { return count() == 2 && r.state("flaky") == process.Running })
	if _, err := r.RestartSelected(context.Background(), selected(t, "flaky")); err != nil {
		t.Fatal(err)
	}
	if count() != 2 {
		t.Errorf("%d restarts after a user's", count())
	}
}

// written reports whether there is something in a file.
func written(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}
