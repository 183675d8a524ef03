package core

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

func command(text string) map[string]string { return map[string]string{"command": text} }

func (r *running) member(group, name string) (info ProcessInfo, err error) {
	return r.ProcessInfo(context.Background(), group, name)
}

func TestProcessesAreAddedToAGroupAndTakenOut(t *testing.T) {
	ctx := context.Background()
	r := run(t, program("web", "/bin/cat"), &config.Group{Name: "jobs", Priority: 999})
	if names, err := r.GroupNames(ctx); err != nil || !slices.Equal(names, []string{"web", "jobs"}) {
		t.Errorf("%v %v", names, err)
	}
	for _, name := range []string{"a", "b"} {
		if err := r.AddProgram(ctx, "jobs", name, command("/bin/cat")); err != nil {
			t.Fatal(err)
		}
	}
	r.until("both run", func() bool {
		a, err := r.member("jobs", "a")
		b, err2 := r.member("jobs", "b")
		return err == nil && err2 == nil && a.State == process.Running && b.State == process.Running && a.StdoutLog != ""
	})
	if !r.logged("a word about b") {
		t.Error("the warning is lost")
	}
	for name, c := range map[string]struct {
		err  error
		kind ErrorKind
		text string
	}{
		"no group":          {r.AddProgram(ctx, "none", "p", command("/bin/cat")), BadName, "group: none"},
		"a name twice":      {r.AddProgram(ctx, "jobs", "a", command("/bin/cat")), BadName, "a"},
		"no settings":       {r.AddProgram(ctx, "jobs", "p", nil), BadArguments, "there is no command"},
		"no process":        {r.RemoveProcess(ctx, "jobs", "p"), BadName, "p"},
		"no group to leave": {r.RemoveProcess(ctx, "none", "p"), BadName, "group: none"},
		"it runs":           {r.RemoveProcess(ctx, "jobs", "a"), StillRunning, "a"},
		"no level":          {r.WriteLog(7, "x"), BadArguments, ""},
	} {
		var e *Error
		if kindOf(c.err) != c.kind || !errors.As(c.err, &e) || c.text != "" && e.Detail != c.text {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	// whoever waits for a process that is taken out is told
	if err := r.StopProcess(ctx, "jobs", "a", true); err != nil {
		t.Fatal(err)
	}
	sel, err := ParseSelection([]string{"jobs:a"})
	if err != nil {
		t.Fatal(err)
	}
	waited := make(chan error, 1)
	go func() {
		rows, err := r.WaitFor(ctx, sel, []process.State{process.Running})
		if err == nil && (len(rows) != 1 || !rows[0].Gone) {
			err = fmt.Errorf("it got %+v", rows)
		}
		waited <- err
	}()
	r.until("it waits", func() bool {
		n := 0
		_ = r.turns.Ask(ctx, func(l *loop) { n = len(l.groups["jobs"].member("a").waiters) })
		return n > 0
	})
	if err := r.RemoveProcess(ctx, "jobs", "a"); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if _, err := r.member("jobs", "a"); kindOf(err) != BadName {
		t.Errorf("%v", err)
	}
	outcomes, err := r.StopGroup(ctx, "jobs", true)
	if err != nil || len(outcomes) != 1 || outcomes[0].Name != "b" {
		t.Errorf("%v %v", outcomes, err)
	}
	if err := r.AddProgram(ctx, "jobs", "a", command("/bin/cat")); err != nil { // again, by the same name
		t.Error(err)
	}
}

func TestAProcessThatIsTakenOutIsNotStartedAgain(t *testing.T) {
	ctx := context.Background()
	r := run(t, &config.Group{Name: "jobs", Priority: 999})
	if err := r.AddProgram(ctx, "jobs", "quick", map[string]string{"command": "/bin/false", "autorestart": "true"}); err != nil {
		t.Fatal(err)
	}
	r.until("it is about to be started again, and is taken out", func() bool {
		p, err := r.member("jobs", "quick")
		return err == nil && p.State == process.Exited && r.RemoveProcess(ctx, "jobs", "quick") == nil
	})
	left := -1
	if err := r.turns.Ask(ctx, func(l *loop) { left = l.deadlines.Len() }); err != nil || left != 0 {
		t.Errorf("%d deadlines, %v", left, err)
	}
}

func TestOnlyWhatTheFileSaysIsADifference(t *testing.T) {
	ctx := context.Background()
	groups := func() []*config.Group {
		return []*config.Group{program("web", "/bin/cat"), program("other", "/bin/cat")}
	}
	r := run(t, groups()...)
	r.reread = func() (*config.Config, error) { return &config.Config{Groups: groups()}, nil }
	changed := func() []string {
		t.Helper()
		diff, err := r.Reload(ctx)
		plans, err2 := r.PreviewUpdate(ctx)
		if err != nil || err2 != nil || len(diff.Added)+len(diff.Removed) > 0 || len(plans) != len(diff.Changed) {
			t.Fatalf("%+v %v; %+v %v", diff, err, plans, err2)
		}
		return diff.Changed
	}
	if err := r.AddProgram(ctx, "web", "more", command("/bin/cat")); err != nil {
		t.Fatal(err)
	}
	if got := changed(); len(got) != 0 {
		t.Errorf("what was added is a difference: %v", got)
	}
	if err := r.StopProcess(ctx, "other", "other", true); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveProcess(ctx, "other", "other"); err != nil {
		t.Fatal(err)
	}
	if got := changed(); !slices.Equal(got, []string{"other"}) {
		t.Errorf("what was taken out: %v", got)
	}
	if err := r.RemoveGroup(ctx, "other"); err != nil {
		t.Fatal(err)
	}
	if err := r.AddGroup(ctx, "other"); err != nil {
		t.Fatal(err)
	}
	r.untilState("other", process.Running)
	if got := changed(); len(got) != 0 {
		t.Errorf("after an update: %v", got)
	}
	if _, err := r.StopGroup(ctx, "web", true); err != nil {
		t.Fatal(err)
	}
	if err := r.RemoveGroup(ctx, "web"); err != nil || !r.logged("removed process: 'web:more' with its group; it was added at run time and is in no configuration file") {
		t.Errorf("a process is lost in silence: %v", err)
	}
}

func TestGroupsChangeUnderCalls(t *testing.T) {
	ctx := context.Background()
	r := run(t, &config.Group{Name: "jobs", Priority: 999})
	done := make(chan error, 4)
	for w := range cap(done) {
		go func() {
			var all error
			for i := range 5 {
				name := fmt.Sprint("p", w, i)
				err := r.AddProgram(ctx, "jobs", name, command("/bin/cat"))
				_, err2 := r.StartGroup(ctx, "jobs", false)
				_, err3 := r.StopGroup(ctx, "jobs", true)
				_, err4 := r.AllProcessInfo(ctx)
				all = errors.Join(all, err, err2, err3, err4)
				for {
					err := r.RemoveProcess(ctx, "jobs", name)
					if kindOf(err) != StillRunning {
						all = errors.Join(all, err)
						break
					}
					_, _ = r.StopGroup(ctx, "jobs", true) // another has started it meanwhile
				}
			}
			done <- all
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := r.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.AddProgram(ctx, "jobs", "late", command("/bin/cat")); kindOf(err) != ShutdownState && !errors.Is(err, ErrEnded) {
		t.Errorf("in shutdown: %v", err)
	}
}
