package process

import "time"

// Snapshot is all a Machine knows but its Spec, in plain values that any encoding
// can carry to another daemon. Times are of the wall clock.
type Snapshot struct {
	State      State
	WantUp     bool
	Held       bool
	Spawning   bool // see Restore
	Pid        int
	Backoff    int
	Pauses     int
	Lacks      int
	SpawnErr   string
	ExitStatus int
	HasExit    bool
	End        Reaped
	HasEnd     bool
	Start      time.Time
	Stop       time.Time
	Due        time.Time
	ReportDue  time.Time
}

// Snapshot returns the machine's present knowledge.
func (m *Machine) Snapshot() Snapshot {
	return Snapshot{
		State:      m.state,
		WantUp:     m.wantUp,
		Held:       m.held,
		Spawning:   m.spawning,
		Pid:        m.pid,
		Backoff:    m.backoff,
		Pauses:     m.pauses,
		Lacks:      m.lacks,
		SpawnErr:   m.spawnErr,
		ExitStatus: m.exitStatus,
		HasExit:    m.hasExit,
		End:        m.end,
		HasEnd:     m.hasEnd,
		Start:      m.start.Round(0),
		Stop:       m.stop.Round(0),
		Due:        m.due.Round(0),
		ReportDue:  m.reportDue.Round(0),
	}
}

// Restore returns a machine in the state of s, at now. Its deadlines run on the
// monotonic clock of now from here, so only a step of the wall clock between
// Snapshot and Restore can move them. If s was taken while Spawning, the caller must still
// pass the answer to the effect Spawn.
func Restore(spec Spec, s Snapshot, now time.Time) *Machine {
	return &Machine{
		spec:       spec,
		state:      s.State,
		wantUp:     s.WantUp,
		held:       s.Held,
		spawning:   s.Spawning,
		pid:        s.Pid,
		backoff:    s.Backoff,
		pauses:     s.Pauses,
		lacks:      s.Lacks,
		spawnErr:   s.SpawnErr,
		exitStatus: s.ExitStatus,
		hasExit:    s.HasExit,
		end:        s.End,
		hasEnd:     s.HasEnd,
		start:      rebase(s.Start, now),
		stop:       rebase(s.Stop, now),
		due:        rebase(s.Due, now),
		reportDue:  rebase(s.ReportDue, now),
	}
}

// rebase adds to a time of the wall clock the monotonic reading that belongs to it.
func rebase(t, now time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return now.Add(t.Sub(now))
}
