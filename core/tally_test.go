package core

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/turns"
)

func TestARemovedGroupIsCountedNoMore(t *testing.T) {
	r := run(t, program("a", "/bin/cat"), program("b", "/bin/cat"))
	ctx := context.Background()
	r.untilState("a", process.Running)
	r.untilState("b", process.Running)
	r.reread = func() (*config.Config, error) {
		return &config.Config{Groups: []*config.Group{program("b", "/bin/cat")}}, nil
	}
	for range 3 { // as often as somebody comes and goes, nothing stays behind
		if _, err := r.StopGroup(ctx, "b", true); err != nil {
			t.Fatal(err)
		}
		if err := r.RemoveGroup(ctx, "b"); err != nil {
			t.Fatal(err)
		}
		if tally, err := r.Tally(ctx); err != nil || len(tally.Starts) != 1 || tally.Starts["a"] != 1 {
			t.Errorf("without it: %v, %v", tally.Starts, err)
		}
		if _, err := r.Reload(ctx); err != nil {
			t.Fatal(err)
		}
		if err := r.AddGroup(ctx, "b"); err != nil {
			t.Fatal(err)
		}
		r.untilState("b", process.Running)
		if tally, err := r.Tally(ctx); err != nil || tally.Starts["b"] != 1 {
			t.Errorf("added again: %v, %v", tally.Starts, err)
		}
	}
}

// What counts as up, for readiness, is RUNNING, or the end that was expected of a program.
func TestWaitingIsForThoseThatShouldRun(t *testing.T) {
	sh := func(name string, status int, change ...func(*config.Process)) *config.Group {
		return program(name, fmt.Sprintf("/bin/sh -c 'exit %d'", status), change...)
	}
	codes := func(codes ...int) func(*config.Process) { return func(p *config.Process) { p.ExitCodes = codes } }
	r := run(t,
		program("runs", "/bin/cat"), program("off", "/bin/cat", func(p *config.Process) { p.AutoStart = false }),
		sh("oneshot", 0), sh("oneshot3", 3, codes(0, 3)), sh("fails", 3), sh("zero-unexpected", 0, codes(3)),
		program("missing", "/nowhere/x"),
	)
	for _, name := range []string{"oneshot", "oneshot3", "fails", "zero-unexpected"} {
		r.untilState(name, process.Exited)
	}
	r.untilState("runs", process.Running)
	r.untilState("missing", process.Fatal)
	waiting := func() []string {
		names, err := r.Waiting(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		return names
	}
	if got := waiting(); !slices.Equal(got, []string{"fails", "missing", "zero-unexpected"}) {
		t.Errorf("%v", got)
	}
	if err := r.StopProcess(context.Background(), "runs", "runs", true); err != nil {
		t.Fatal(err)
	}
	if got := waiting(); !slices.Contains(got, "runs") {
		t.Errorf("one that somebody stopped is not waited for: %v", got)
	}
}

func TestTheLoopTellsHowLongItsTurnsTake(t *testing.T) {
	r := run(t, program("cat", "/bin/cat"))
	r.untilState("cat", process.Running)
	before := r.LoopTotals()
	if err := r.turns.Ask(context.Background(), func(l *loop) {
		for begun := time.Now(); r.clock.Now().Sub(begun) <= turns.Slow; { // a slow turn
		}
	}); err != nil {
		t.Fatal(err)
	}
	r.until("the turn is over", func() bool { return r.LoopTotals().Slow > before.Slow })
	now := r.LoopTotals()
	if now.Turns <= before.Turns || now.Busy-before.Busy < turns.Slow || now.Ever < turns.Slow || now.Longest != 0 {
		t.Errorf("%+v, then %+v", before, now)
	}
	if i := r.LoopInfo(); i.Longest < turns.Slow || i.Turns < now.Turns {
		t.Errorf("%+v", i)
	}
}
