package core

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// meets makes a call and has something begin on the loop when the call has asked it n times and waits for it again, or waits for time to pass.
// False: this was its last wait, or the call was over before it.
func (r *running) meets(n int, begin func(*loop), call func() error) (more bool, err error) {
	r.t.Helper()
	const waits = 100 // looks after which the call counts as one that waits for something else than the loop
	answer := make(chan error, 1)
	over := make(chan bool, 1)
	holds := make(chan struct{})
	asked := 0
	var hold func(*loop)
	hold = func(l *loop) { // the loop: nothing else is done by it meanwhile
		if asked == 0 {
			close(holds)
		}
		for looks := 0; r.turns.Idle(); looks++ {
			if looks == waits || len(answer) > 0 {
				begin(l)
				over <- false
				return
			}
			pauseBriefly()
		}
		if asked == n {
			begin(l)
			over <- true
			return
		}
		asked++
		r.turns.Put(hold) // behind what the call asks
	}
	r.turns.Put(hold)
	<-holds
	go func() { answer <- call() }()
	select {
	case more = <-over:
	case <-time.After(testkit.Patience):
		r.t.Fatal("the call does not go on")
	}
	select {
	case err = <-answer:
	case <-time.After(testkit.Patience):
		r.t.Fatal("the call does not end")
	}
	return more, err
}

// lastsLong is an argument of sleep by which a test's programs are known.
func lastsLong(t *testing.T) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(t.Name()))
	return fmt.Sprintf("%d.%d", 100000+os.Getpid(), h.Sum32())
}

// alive counts the processes that sleep that long.
func alive(t *testing.T, seconds string) (n int) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), seconds+"\x00") {
			n++
		}
	}
	return n
}

// letGo makes the file that a program waits for.
func letGo(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func autoLogs(p *config.Process) {
	p.Stdout.Logfile, p.Stderr.Logfile = config.Logfile{Kind: config.LogAuto}, config.Logfile{Kind: config.LogAuto}
}

// Whatever a call is about to add or start when a shutdown or a restart begins, at whichever of its waits: afterwards nothing of it runs, and
// what was not there before is not there.
func TestNothingIsAddedOrStartedOnceAShutdownHasBegun(t *testing.T) {
	ctx := context.Background()
	everything, err := ParseSelection([]string{"*"})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(*running) error{
		"AddGroup": func(r *running) error { return r.AddGroup(ctx, "fresh") },
		"update": func(r *running) error {
			if _, err := r.Reload(ctx); err != nil {
				return err
			}
			return r.AddGroup(ctx, "fresh")
		},
		"AddProgram":   func(r *running) error { return r.AddProgram(ctx, "jobs", "added", command("/bin/sleep "+r.long)) },
		"StartProcess": func(r *running) error { return r.StartProcess(ctx, "off", "off", true) },
		"StartGroup": func(r *running) error {
			_, err := r.StartGroup(ctx, "off", false)
			return err
		},
		"StartGroup that waits": func(r *running) error {
			_, err := r.StartGroup(ctx, "off", true)
			return err
		},
		"StartAll": func(r *running) error {
			_, err := r.StartAll(ctx, true)
			return err
		},
		"StartSelected": func(r *running) error {
			_, err := r.StartSelected(ctx, everything, true)
			return err
		},
		"RestartSelected": func(r *running) error {
			_, err := r.RestartSelected(ctx, everything)
			return err
		},
	} {
		for _, mood := range []Mood{MoodShutdown, MoodRestarting} {
			for n, more := 0, true; more; n++ {
				t.Run(fmt.Sprintf("%s, %v after %d answers", name, mood, n), func(t *testing.T) {
					long := lastsLong(t)
					sleeps := func(name string, change ...func(*config.Process)) *config.Group {
						return program(name, "/bin/sleep "+long, change...)
					}
					// It keeps the shutdown going while the call goes on.
					leave := filepath.Join(t.TempDir(), "leave")
					stubborn := program("stubborn", `/bin/sh -c 'trap "" TERM; echo; until test -e `+leave+`; do sleep 0.01; done'`, func(p *config.Process) {
						p.Stdout.EventsEnabled = true
					})
					off := sleeps("off", func(p *config.Process) { p.AutoStart, p.StartWait = false, time.Second })
					r := run(t, stubborn, off, &config.Group{Name: "jobs", Priority: 999})
					r.long = long
					r.until("the trap is set", func() bool { return len(r.events.names("stubborn")) > 2 })
					fresh := sleeps("fresh", autoLogs)
					for i := range 3 {
						p := *fresh.Processes[0]
						p.Name = fmt.Sprintf("fresh%d", i)
						fresh.Processes = append(fresh.Processes, &p)
					}
					r.reread = func() (*config.Config, error) {
						return &config.Config{Groups: []*config.Group{stubborn, off, fresh}}, nil
					}
					if _, err := r.Reload(ctx); err != nil {
						t.Fatal(err)
					}
					var err error
					more, err = r.meets(n, func(l *loop) {
						l.setMood(mood)
						if strings.HasPrefix(name, "Restart") { // which waits for it to have stopped
							letGo(t, leave)
						}
					}, func() error { return call(r) })
					letGo(t, leave)
					if n == 0 && kindOf(err) != ShutdownState {
						t.Errorf("a call that comes later than the shutdown: %v", err)
					}
					select {
					case got := <-r.mood:
						if got != mood {
							t.Errorf("it ended %v", got)
						}
					case <-time.After(testkit.Patience):
						t.Fatal("it does not end")
					}
					added := false
					r.at(func(l *loop) {
						added = l.groups["fresh"] != nil
						for _, g := range l.order {
							for _, m := range g.members {
								if !m.machine.State().IsStopped() || m.machine.Pid() != 0 {
									t.Errorf("%s is %v, pid %d", m.namespec(), m.machine.State(), m.machine.Pid())
								}
							}
						}
					})
					if left := alive(t, long); left > 0 {
						t.Errorf("%d processes are left", left)
					}
					if !added && r.count("spawned: 'fresh0'") > 0 || added && err != nil {
						t.Errorf("added %v, answered %v", added, err)
					} else if logs, _ := filepath.Glob(filepath.Join(r.dir, "fresh*")); !added && len(logs) > 0 {
						t.Errorf("logs of a group that was not added: %v", logs)
					}
				})
			}
		}
	}
}

// A restart that was asked for never undoes a shutdown that began while the configuration was read.
func TestARestartDoesNotUndoAShutdown(t *testing.T) {
	r := run(t, program("cat", "/bin/cat"))
	r.reread = func() (*config.Config, error) { return &config.Config{}, nil }
	reached, err := r.meets(0, func(l *loop) { l.setMood(MoodShutdown) }, func() error { return r.Restart(context.Background()) })
	if !reached || kindOf(err) != ShutdownState {
		t.Errorf("%v, %v", reached, err)
	}
	if mood := <-r.mood; mood != MoodShutdown {
		t.Errorf("it ended %v", mood)
	}
}

// TERM that came while the daemon was busy with something else, between two lives for one, is the first thing the loop hears of.
func TestASignalFromBeforeTheStartIsHeardBeforeAnythingStarts(t *testing.T) {
	r := prepare(t, program("cat", "/bin/cat"))
	r.signals <- syscall.SIGTERM
	r.begin()
	if mood := <-r.mood; mood != MoodShutdown {
		t.Errorf("it ended %v", mood)
	}
	if r.count("spawned: 'cat'") > 0 || len(r.events.names("cat")) > 0 {
		t.Error("it was started")
	}
}

// Calls that the end of the loop finds waiting, and those that come later, are refused.
func TestCallsMeetTheEnd(t *testing.T) {
	r := run(t, program("cat", "/bin/cat", func(p *config.Process) { p.StartWait = time.Hour }), program("off", "/bin/cat", func(p *config.Process) { p.AutoStart = false }))
	r.untilState("cat", process.Starting)
	sel, err := ParseSelection([]string{"off"})
	if err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() {
		_, err := r.WaitFor(context.Background(), sel, []process.State{process.Running})
		waits <- err
	}()
	r.until("it waits", func() bool {
		n := 0
		_ = r.turns.Ask(context.Background(), func(l *loop) { n = len(l.groups["off"].member("off").waiters) })
		return n > 0
	})
	if err := r.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; !errors.Is(err, ErrEnded) {
		t.Errorf("who waits is told %v", err)
	}
	if err := r.AddGroup(context.Background(), "x"); !errors.Is(err, ErrEnded) {
		t.Errorf("who comes later is told %v", err)
	}
}
