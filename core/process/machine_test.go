package process

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// step is an input at a time in seconds.
type step struct {
	at float64
	in Input
}

// wait is a step that only lets time pass.
type wait struct{ Elapsed }

// play gives a machine the steps, and Elapsed at every deadline that comes due until
// the last of them, and reports what it did: one line a Step that had effects.
func play(m *Machine, steps []step) []string {
	var lines []string
	do := func(now time.Time, in Input) {
		if effects := m.Step(now, in); len(effects) > 0 {
			lines = append(lines, fmt.Sprintf("%v %s", now.Sub(noon).Seconds(), describeAll(effects)))
		}
	}
	for _, s := range steps {
		now := at(s.at)
		for {
			due, ok := m.Deadline()
			if !ok || due.After(now) {
				break
			}
			do(due, Elapsed{})
		}
		if !isWait(s.in) {
			do(now, s.in)
			for { // what is due at once follows at once, as in the loop
				due, ok := m.Deadline()
				if !ok || due.After(now) {
					break
				}
				do(now, Elapsed{})
			}
		}
	}
	return lines
}

func isWait(in Input) bool {
	_, ok := in.(wait)
	return ok
}

// The events and lines of these lives, in this order, were seen from Supervisor
// 4.2.5 wherever nothing else is said; the times are Hark's, which acts when due.
func TestALifeIsSupervisors(t *testing.T) {
	term := Reaped{Code: -1, Signal: syscall.SIGTERM}
	kill9 := Reaped{Code: -1, Signal: syscall.SIGKILL}
	tests := []struct {
		name  string
		spec  func(*Spec)
		steps []step
		want  []string
	}{
		{
			name:  "a program that stays up becomes RUNNING and is stopped by a user who waits",
			steps: []step{{0, Boot{}}, {0.25, Spawned{Pid: 7}}, {5, Stop{Wait: true}}, {5.5, term}, {99, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0.25 "spawned"`,
				`1.25 STARTING→RUNNING pid:7, "success"`,
				`5 "killing SIGTERM", RUNNING→STOPPING pid:7, kill SIGTERM`,
				`5 "waiting to stop"`,
				`5.5 STOPPING→STOPPED pid:7, "stopped (terminated by SIGTERM; not expected)"`,
			},
		},
		{
			name: "a program that exits too quickly is tried again, then given up",
			spec: func(s *Spec) { s.StartRetries = 2 },
			steps: []step{
				{0, Boot{}}, {0.25, Spawned{Pid: 7}}, {0.5, Reaped{Code: 3}},
				{2, Spawned{Pid: 8}}, {2.5, Reaped{Code: 3}},
				{5, Spawned{Pid: 9}}, {5.5, Reaped{Code: 3}}, {99, wait{}},
			},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0.25 "spawned"`,
				`0.5 STARTING→BACKOFF tries:1, "exited (exit status 3; not expected)"`,
				`1.5 BACKOFF→STARTING tries:1, spawn`,
				`2 "spawned"`,
				`2.5 STARTING→BACKOFF tries:2, "exited (exit status 3; not expected)"`,
				`4.5 BACKOFF→STARTING tries:2, spawn`,
				`5 "spawned"`,
				`5.5 STARTING→BACKOFF tries:3, "exited (exit status 3; not expected)"`,
				`5.5 BACKOFF→FATAL, "gave up"`,
			},
		},
		{
			name:  "an expected exit status is no better when it comes too quickly",
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {0.5, Reaped{Code: 0}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`,
				`0.5 STARTING→BACKOFF tries:1, "exited (exit status 0; not expected)"`,
			},
		},
		{
			name: "a program that cannot be spawned is tried again, then given up",
			spec: func(s *Spec) { s.StartRetries = 1 },
			steps: []step{
				{0, Boot{}}, {0, SpawnFailed{Msg: "can't find command '/x'"}},
				{1, wait{}}, {1, SpawnFailed{Msg: "can't find command '/x'"}}, {99, wait{}},
			},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0 "spawnerr (can't find command '/x')", STARTING→BACKOFF tries:1`,
				`1 BACKOFF→STARTING tries:1, spawn`,
				`1 "spawnerr (can't find command '/x')", STARTING→BACKOFF tries:2`,
				`1 BACKOFF→FATAL, "gave up"`,
			},
		},
		{
			name:  "an expected exit is not followed by a start with autorestart=unexpected",
			spec:  func(s *Spec) { s.AutoRestart = Unexpected },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Reaped{Code: 0}}, {99, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 RUNNING→EXITED expected:true pid:7, "exited (exit status 0; expected)"`,
			},
		},
		{
			name:  "an unexpected exit is followed by a start at once",
			spec:  func(s *Spec) { s.AutoRestart = Unexpected },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Reaped{Code: 1}}, {99, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 RUNNING→EXITED expected:false pid:7, "exited (exit status 1; not expected)"`,
				`2 EXITED→STARTING tries:0, spawn`,
			},
		},
		{
			name:  "a death by a signal is unexpected",
			spec:  func(s *Spec) { s.AutoRestart = Unexpected },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, kill9}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 RUNNING→EXITED expected:false pid:7, "exited (terminated by SIGKILL; not expected)"`,
				`2 EXITED→STARTING tries:0, spawn`,
			},
		},
		{
			name:  "no exit is followed by a start with autorestart=false",
			spec:  func(s *Spec) { s.AutoRestart = Never },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Reaped{Code: 1}}, {99, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 RUNNING→EXITED expected:false pid:7, "exited (exit status 1; not expected)"`,
			},
		},
		{
			name:  "a stop in BACKOFF ends it, and the next start counts on",
			steps: []step{{0, Start{}}, {0, SpawnFailed{Msg: "no"}}, {0.5, Stop{Wait: true}}, {9, Start{}}, {9, SpawnFailed{Msg: "no"}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0 "spawnerr (no)", STARTING→BACKOFF tries:1`,
				`0.5 "stop in BACKOFF", BACKOFF→STOPPED pid:0`,
				`9 STOPPED→STARTING tries:1, spawn`,
				`9 "spawnerr (no)", STARTING→BACKOFF tries:2`,
			},
		},
		{
			name: "a process that ignores the stop signal is killed, and a start meanwhile is only noted",
			spec: func(s *Spec) { s.StopWait = 5 * time.Second },
			steps: []step{
				{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Stop{Wait: true}}, {3, Start{}}, {3, Stop{}},
				{7, wait{}}, {7.5, kill9}, {99, wait{}},
			},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 "killing SIGTERM", RUNNING→STOPPING pid:7, kill SIGTERM`,
				`2 "waiting to stop"`,
				`3 "already running"`,
				`4 "waiting to stop"`,
				`6 "waiting to stop"`,
				`7 "killing finally", "killing SIGKILL", kill SIGKILL final`,
				`7.5 STOPPING→STOPPED pid:7, "stopped (terminated by SIGKILL; not expected)"`,
			},
		},
		{
			name:  "SIGKILL follows at once with stopwaitsecs=0 and is repeated each second",
			spec:  func(s *Spec) { s.StopWait = 0 },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Stop{Wait: true}}, {3, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 "killing SIGTERM", RUNNING→STOPPING pid:7, kill SIGTERM`,
				`2 "waiting to stop", "killing finally", "killing SIGKILL", kill SIGKILL final`,
				`3 "killing finally", "killing SIGKILL", kill SIGKILL final`,
			},
		},
		{
			name:  "SIGKILL is repeated each stopwaitsecs, and nobody who waits is no line (from the code)",
			spec:  func(s *Spec) { s.StopWait = 3 * time.Second },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Stop{}}, {8, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 "killing SIGTERM", RUNNING→STOPPING pid:7, kill SIGTERM`,
				`5 "killing finally", "killing SIGKILL", kill SIGKILL final`,
				`8 "killing finally", "killing SIGKILL", kill SIGKILL final`,
			},
		},
		{
			name:  "stopasgroup and killasgroup send to the group (from the code)",
			spec:  func(s *Spec) { s.StopAsGroup, s.KillAsGroup, s.StopSignal = true, true, syscall.SIGQUIT },
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {0.5, Stop{}}, {10.5, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`,
				`0.5 "killing group SIGQUIT", STARTING→STOPPING pid:7, kill SIGQUIT group`,
				`10.5 "killing finally", "killing group SIGKILL", kill SIGKILL group final`,
			},
		},
		{
			name:  "startsecs=0 is RUNNING as soon as it is spawned",
			spec:  func(s *Spec) { s.StartSecs = 0 },
			steps: []step{{0, Start{}}, {0.5, Spawned{Pid: 7}}, {0.5, Stop{}}, {0.5, term}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0.5 "spawned", STARTING→RUNNING pid:7, "success"`,
				`0.5 "killing SIGTERM", RUNNING→STOPPING pid:7, kill SIGTERM`,
				`0.5 STOPPING→STOPPED pid:7, "stopped (terminated by SIGTERM; not expected)"`,
			},
		},
		{
			name: "startsecs=0 waits longer after each brief unexpected exit (Hark's own)",
			spec: func(s *Spec) { s.StartSecs = -1 },
			steps: []step{
				{0, Start{}}, {0, Spawned{Pid: 7}}, {0.5, Reaped{Code: 1}},
				{1.5, wait{}}, {1.5, Spawned{Pid: 8}}, {2, kill9},
				{4, wait{}}, {4, Spawned{Pid: 9}}, {5, kill9}, // up for a second: the pauses begin again
				{5, Spawned{Pid: 10}}, {5.5, kill9},
				{6.5, wait{}}, {6.5, Spawned{Pid: 11}}, {6.75, Reaped{Code: 0}}, // and after an expected exit
				{7.75, wait{}}, {7.75, Spawned{Pid: 12}}, {8, kill9}, {8.5, Stop{Wait: true}}, {99, wait{}},
			},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0 "spawned", STARTING→RUNNING pid:7, "success"`,
				`0.5 RUNNING→EXITED expected:false pid:7, "exited (exit status 1; not expected)"`,
				`1.5 EXITED→STARTING tries:0, spawn`,
				`1.5 "spawned", STARTING→RUNNING pid:8, "success"`,
				`2 RUNNING→EXITED expected:false pid:8, "exited (terminated by SIGKILL; not expected)"`,
				`4 EXITED→STARTING tries:0, spawn`,
				`4 "spawned", STARTING→RUNNING pid:9, "success"`,
				`5 RUNNING→EXITED expected:false pid:9, "exited (terminated by SIGKILL; not expected)"`,
				`5 EXITED→STARTING tries:0, spawn`,
				`5 "spawned", STARTING→RUNNING pid:10, "success"`,
				`5.5 RUNNING→EXITED expected:false pid:10, "exited (terminated by SIGKILL; not expected)"`,
				`6.5 EXITED→STARTING tries:0, spawn`,
				`6.5 "spawned", STARTING→RUNNING pid:11, "success"`,
				`6.75 RUNNING→EXITED expected:true pid:11, "exited (exit status 0; expected)"`,
				`7.75 EXITED→STARTING tries:0, spawn`,
				`7.75 "spawned", STARTING→RUNNING pid:12, "success"`,
				`8 RUNNING→EXITED expected:false pid:12, "exited (terminated by SIGKILL; not expected)"`,
				`8.5 EXITED→STOPPED pid:0`,
			},
		},
		{
			name:  "a stop before the spawn is over takes it back (Hark's own)",
			steps: []step{{0, Start{}}, {0.5, Stop{Wait: true}}, {3, wait{}}, {3, SpawnCancelled{}}, {99, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0.5 STARTING→STOPPING pid:0, cancel spawn`,
				`0.5 "waiting to stop"`,
				`2.5 "waiting to stop"`,
				`3 STOPPING→STOPPED pid:0`,
			},
		},
		{
			name:  "a stop that comes too late to take the spawn back kills what it spawned (Hark's own)",
			steps: []step{{0, Start{}}, {0.5, Stop{}}, {3, Spawned{Pid: 7}}, {13, wait{}}, {14, kill9}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0.5 STARTING→STOPPING pid:0, cancel spawn`,
				`3 "spawned", "killing SIGTERM", kill SIGTERM`,
				`13 "killing finally", "killing SIGKILL", kill SIGKILL final`,
				`14 STOPPING→STOPPED pid:7, "stopped (terminated by SIGKILL; not expected)"`,
			},
		},
		{
			name:  "shutdown starts nothing, and what is in BACKOFF is given up without a line (from the code)",
			steps: []step{{0, Start{}}, {0, SpawnFailed{Msg: "no"}}, {0.5, Hold{}}, {60, Start{}}, {60, GiveUp{}}, {61, Start{}}, {61, Release{}}, {62, Start{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`,
				`0 "spawnerr (no)", STARTING→BACKOFF tries:1`,
				`60 BACKOFF→FATAL`,
				`62 FATAL→STARTING tries:0, spawn`,
			},
		},
		{
			name:  "shutdown lets a start succeed and an exit be, and a start follows after it (from the code)",
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {0.5, Hold{}}, {2, Reaped{Code: 1}}, {60, Release{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 RUNNING→EXITED expected:false pid:7, "exited (exit status 1; not expected)"`,
				`60 EXITED→STARTING tries:0, spawn`,
			},
		},
		{
			name:  "a process in shutdown is killed when its time is over (from the code)",
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {0.5, Hold{}}, {0.5, Stop{}}, {10.5, wait{}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`,
				`0.5 "killing SIGTERM", STARTING→STOPPING pid:7, kill SIGTERM`,
				`10.5 "killing finally", "killing SIGKILL", kill SIGKILL final`,
			},
		},
		{
			name:  "a process that cannot be killed is UNKNOWN until it ends (Hark's own: Supervisor ends there)",
			steps: []step{{0, Start{}}, {0, Spawned{Pid: 7}}, {2, Stop{}}, {2, KillFailed{Msg: "EPERM"}}, {50, Start{}}, {60, Reaped{Code: 0}}},
			want: []string{
				`0 STOPPED→STARTING tries:0, spawn`, `0 "spawned"`, `1 STARTING→RUNNING pid:7, "success"`,
				`2 "killing SIGTERM", RUNNING→STOPPING pid:7, kill SIGTERM`,
				`2 "kill failed (EPERM)", STOPPING→UNKNOWN`,
				`60 UNKNOWN→STOPPED pid:7, "stopped (exit status 0; expected)"`,
			},
		},
		{
			name:  "a program without autostart waits for a user",
			spec:  func(s *Spec) { s.AutoStart = false },
			steps: []step{{0, Boot{}}, {5, Start{}}},
			want:  []string{`5 STOPPED→STARTING tries:0, spawn`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			spec := usual()
			if tt.spec != nil {
				tt.spec(&spec)
			}
			got := play(New(spec), tt.steps)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestAnExitThatOvertakesTheDeadlineGoesByWayOfRunning(t *testing.T) {
	m := New(usual())
	m.Step(at(0), Start{})
	m.Step(at(0), Spawned{Pid: 7})
	got := describeAll(m.Step(at(1), Reaped{Code: 0}))
	want := `STARTING→RUNNING pid:7, RUNNING→EXITED expected:true pid:7, "exited (exit status 0; expected)"`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPausesGrowToTenSeconds(t *testing.T) {
	spec := usual()
	spec.StartSecs = 0
	m := New(spec)
	now := noon
	m.Step(now, Start{})
	for i := 1; i <= 13; i++ {
		m.Step(now, Spawned{Pid: i})
		m.Step(now, Reaped{Code: 1})
		due, ok := m.Deadline()
		want := time.Duration(min(i, 10)) * time.Second
		if !ok || due.Sub(now) != want || m.State() != Exited || !m.Respawning() {
			t.Fatalf("after %d exits: %s, deadline %s; want a start after %s", i, m.State(), describeDeadline(m, now), want)
		}
		now = due
		m.Step(now, Elapsed{})
	}
	m.Step(now, Spawned{Pid: 99})
	m.Step(now, Reaped{Code: 1})
	m.Step(now, Start{}) // by hand: at once, and the pauses begin again
	m.Step(now, Spawned{Pid: 100})
	m.Step(now, Reaped{Code: 1})
	if due, _ := m.Deadline(); due.Sub(now) != time.Second {
		t.Errorf("after a start by hand the pause is %s, want 1s", due.Sub(now))
	}
}

func TestWhatIsToldOfAProcessFollowsItsLife(t *testing.T) {
	type told struct {
		state    State
		pid      int
		spawnErr string
		status   int
		known    bool
		start    time.Time
		stop     time.Time
		backoff  int
	}
	var never time.Time
	tests := []struct {
		name string
		step step
		want told
	}{
		{"nothing before the first start", step{0, Elapsed{}}, told{Stopped, 0, "", 0, false, never, never, 0}},
		{"a failed spawn leaves the time and the reason", step{1, Start{}}, told{Starting, 0, "", 0, false, at(1), never, 0}},
		{"which is told", step{1, SpawnFailed{Msg: "no"}}, told{Backoff, 0, "no", 0, false, at(1), never, 1}},
		{"a new attempt clears it", step{2, Elapsed{}}, told{Starting, 0, "", 0, false, at(2), never, 1}},
		{"the start is when it was spawned", step{2.5, Spawned{Pid: 7}}, told{Starting, 7, "", 0, false, at(2.5), never, 1}},
		{"a too quick exit has no status", step{3, Reaped{Code: 9}}, told{Backoff, 0, "Exited too quickly (process log may have details)", 0, false, at(2.5), at(3), 2}},
		{"the attempt", step{5, Elapsed{}}, told{Starting, 0, "", 0, false, at(5), at(3), 2}},
		{"the process", step{5, Spawned{Pid: 8}}, told{Starting, 8, "", 0, false, at(5), at(3), 2}},
		{"RUNNING forgets the failures", step{6, Elapsed{}}, told{Running, 8, "", 0, false, at(5), at(3), 0}},
		{"an unexpected exit is told", step{7, Reaped{Code: 2}}, told{Exited, 0, "Bad exit code 2", 2, true, at(5), at(7), 0}},
		{"a start forgets it", step{7, Elapsed{}}, told{Starting, 0, "", 0, false, at(7), at(7), 0}},
		{"and a stop", step{8, Spawned{Pid: 9}}, told{Starting, 9, "", 0, false, at(8), at(7), 0}},
		{"of it", step{8, Stop{}}, told{Stopping, 9, "", 0, false, at(8), at(7), 0}},
		{"leaves -1 for the signal", step{9, Reaped{Code: -1, Signal: syscall.SIGTERM}}, told{Stopped, 0, "", -1, true, at(8), at(9), 0}},
	}
	m := New(usual())
	for _, tt := range tests {
		m.Step(at(tt.step.at), tt.step.in)
		status, known := m.ExitStatus()
		got := told{m.State(), m.Pid(), m.SpawnErr(), status, known, m.StartTime(), m.StopTime(), m.Backoff()}
		if got != tt.want {
			t.Fatalf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

func TestHowTheLastProcessEndedIsKeptWhileAnotherRuns(t *testing.T) {
	m := New(usual())
	ends := func(want Reaped, ended bool) {
		t.Helper()
		if end, known := m.End(); end != want || known != ended {
			t.Errorf("in %v the last end is %+v, %v; want %+v, %v", m.State(), end, known, want, ended)
		}
	}
	steps := func(all ...step) {
		for _, s := range all {
			m.Step(at(s.at), s.in)
		}
	}
	steps(step{0, Start{}}, step{0, Spawned{Pid: 7}})
	ends(Reaped{}, false)
	crash := Reaped{Code: -1, Signal: syscall.SIGSEGV, CoreDump: true}
	steps(step{0.1, crash}) // too quick: Supervisor's exit status is not kept
	ends(crash, true)
	steps(step{2, Elapsed{}}, step{2, Spawned{Pid: 8}}, step{4, Elapsed{}})
	ends(crash, true)
	steps(step{5, Reaped{Code: 5}})
	ends(Reaped{Code: 5}, true)
	if twin := Restore(usual(), m.Snapshot(), at(6)); twin.end != m.end || !twin.hasEnd {
		t.Errorf("restored: %+v", twin.end)
	}
}

func TestAnEventTellsTheUptime(t *testing.T) {
	m := New(usual())
	m.Step(at(0), Start{})
	m.Step(at(1), Spawned{Pid: 7})
	m.Step(at(2), Elapsed{})
	c, ok := m.Step(at(31), Reaped{Code: 0})[0].(Changed)
	if !ok || c.Uptime != 30*time.Second {
		t.Errorf("got %+v, want an uptime of 30s", c)
	}
}

func TestWallClockStepsMoveNoDeadline(t *testing.T) {
	now := time.Now() // with a monotonic reading
	m := New(usual())
	m.Step(now, Start{})
	m.Step(now, Spawned{Pid: 7})
	due, _ := m.Deadline()
	if due == due.Round(0) { //nolint:staticcheck // Equal would not see the difference
		t.Error("the deadline has no monotonic reading")
	}
}

func TestWhatIsIgnoredOrNotDueAllocatesNothing(t *testing.T) {
	m := New(usual())
	m.Step(at(0), Start{})
	m.Step(at(0), Spawned{Pid: 7})
	if n := testing.AllocsPerRun(100, func() {
		m.Step(at(0.5), Elapsed{})
		m.Step(at(0.5), Start{})
		m.Step(at(0.5), Spawned{Pid: 100000})
		m.Deadline()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A lack of resources of the machine is not a fault of the program: the program does not become FATAL because of it.
func TestAShortageIsTriedAgainAndNotCounted(t *testing.T) {
	spec := usual()
	spec.StartRetries = 0
	m := New(spec)
	now := noon
	m.Step(now, Start{})
	for i := range 25 {
		m.Step(now, SpawnFailed{Msg: "too many open files", Shortage: true})
		if m.State() != Backoff || m.SpawnErr() != "too many open files" || m.Backoff() != 0 {
			t.Fatalf("after %d of them: %v, %q, %d failed starts", i+1, m.State(), m.SpawnErr(), m.Backoff())
		}
		due, ok := m.Deadline()
		if want := time.Duration(min(i+1, 10)) * time.Second; !ok || due.Sub(now) != want {
			t.Fatalf("after %d of them the next try is due in %v, want %v", i+1, due.Sub(now), want)
		}
		now = due
		if m.Step(now, Elapsed{}); m.State() != Starting {
			t.Fatalf("at the deadline it is %v", m.State())
		}
	}
	m.Step(now, Spawned{Pid: 7})
	m.Step(now, Reaped{Code: 1}) // its own fault, which counts
	if m.State() != Backoff || m.Backoff() != 1 {
		t.Errorf("after a failed start: %v with %d", m.State(), m.Backoff())
	}
}
