package process

import (
	"strconv"
	"syscall"
	"time"
)

// Machine is the state machine of one process. It is not safe for concurrent use: it belongs
// to the loop. Make one with New or Restore.
type Machine struct {
	spec Spec

	state  State // what is
	wantUp bool  // what the user wants
	held   bool  // no starts (Hold)

	spawning bool // a Spawn is not answered yet
	pid      int  // 0: no process

	backoff int // failed starts in a row; Supervisor keeps it over a stop, so do we
	pauses  int // unexpected brief exits in a row, at most maxPauses
	lacks   int // starts in a row that a shortage prevented, at most maxPauses

	spawnErr   string
	exitStatus int
	hasExit    bool
	end        Reaped // how the last process ended that did; kept over starts
	hasEnd     bool

	start time.Time // of the last spawn, asked for or done; zero: never
	stop  time.Time // when a process was reaped last; zero: never

	due       time.Time // what the state waits for; zero: nothing
	reportDue time.Time // the next "waiting for x to stop"; zero: none

	effects []Effect
}

// New returns the machine of a process that was never started: STOPPED.
func New(spec Spec) *Machine { return &Machine{spec: spec} }

// Step passes the input in, which happens at now, to the machine, and returns the effects, in the order in which they are to be
// carried out. An input that has no meaning in the present state is ignored: it has no effects.
//
// now should have Go's monotonic reading, as time.Now returns it: then a change of the wall clock does not change when something is
// due. The slice is used again by the next Step. Since Spawn, CancelSpawn and Kill are always the last effect, the loop may call
// Step again while it carries out one of them.
func (m *Machine) Step(now time.Time, in Input) []Effect {
	clear(m.effects)
	m.effects = m.effects[:0]
	switch in := in.(type) {
	case Boot:
		m.booted(now)
	case Start:
		m.startWanted(now)
	case Stop:
		m.stopWanted(now, in)
	case GiveUp:
		m.givenUp(now)
	case Spawned:
		m.spawned(now, in)
	case SpawnFailed:
		m.spawnFailed(now, in)
	case SpawnCancelled:
		m.spawnCancelled(now)
	case Reaped:
		m.reaped(now, in)
	case Elapsed:
		m.elapsed(now)
	case KillFailed:
		m.killFailed(now, in)
	case SignalFailed:
		m.signalFailed(now, in)
	case Hold:
		m.held = true
	case Release:
		m.held = false
	}
	return m.effects
}

// Deadline returns when Step(now, Elapsed{}) is due; false: the machine does not wait for a time.
// A deadline that is not after the time of the last Step is due at once.
func (m *Machine) Deadline() (time.Time, bool) {
	due := m.due
	if m.held && (m.state == Exited || m.state == Backoff && m.triesLeft()) {
		due = time.Time{} // it waits for Release
	}
	if !m.reportDue.IsZero() && (due.IsZero() || m.reportDue.Before(due)) {
		due = m.reportDue
	}
	return due, !due.IsZero()
}

// booted handles Boot.
func (m *Machine) booted(now time.Time) {
	switch m.state {
	case Stopped:
		if m.spec.AutoStart && m.start.IsZero() && !m.held {
			m.begin(now)
		}
	default: // it was started already
	}
}

// startWanted handles Start.
func (m *Machine) startWanted(now time.Time) {
	if m.held {
		return // shutdown: nothing starts any more
	}
	switch m.state {
	case Stopped, Exited, Fatal:
		m.pauses, m.lacks = 0, 0
		m.begin(now)
	case Stopping:
		m.log(Log{Kind: LogAlreadyRunning}) // and the stop continues, as in Supervisor
	default: // STARTING, RUNNING, BACKOFF: it is on its way; UNKNOWN: there may be a process
	}
}

// stopWanted handles Stop.
func (m *Machine) stopWanted(now time.Time, in Stop) {
	switch m.state {
	case Starting, Running:
		m.wantUp = false
		m.due = time.Time{}
		if in.Wait {
			m.reportDue = now // at once, unless the signal cannot be sent
		}
		if m.spawning {
			m.change(now, Stopping)
			m.emit(CancelSpawn{})
			return
		}
		kill := m.killing(m.spec.StopSignal, m.spec.StopAsGroup)
		m.due = now.Add(max(m.spec.StopWait, 0))
		m.change(now, Stopping)
		m.emit(kill)
	case Backoff:
		m.wantUp = false
		m.log(Log{Kind: LogStopInBackoff})
		m.due = time.Time{}
		m.change(now, Stopped)
	case Exited:
		if m.due.IsZero() {
			return // it stays down by itself
		}
		// Between an exit and the next start, which Supervisor's user never gets
		// to see; without this a stop during our pauses would be forgotten.
		m.wantUp = false
		m.due = time.Time{}
		m.change(now, Stopped)
	default: // STOPPING: it is being done; STOPPED, FATAL: it is down; UNKNOWN: it was tried
	}
}

// givenUp is the end of the attempts at shutdown.
func (m *Machine) givenUp(now time.Time) {
	switch m.state {
	case Backoff:
		m.giveUp(now)
	default: // there are no attempts to end
	}
}

// spawned is the arrival of the process.
func (m *Machine) spawned(now time.Time, in Spawned) {
	if !m.spawning {
		return // none was asked for
	}
	m.spawning = false
	m.lacks = 0
	m.pid = in.Pid
	m.start = now
	m.log(Log{Kind: LogSpawned, Pid: in.Pid})
	switch m.state {
	case Starting:
		if m.spec.StartSecs <= 0 {
			m.stayedUp(now)
			return
		}
		m.due = now.Add(m.spec.StartSecs)
	case Stopping: // the stop came first
		m.due = now.Add(max(m.spec.StopWait, 0))
		m.emit(m.killing(m.spec.StopSignal, m.spec.StopAsGroup))
	default: // a spawn is outstanding in these two only
	}
}

// spawnFailed handles SpawnFailed.
func (m *Machine) spawnFailed(now time.Time, in SpawnFailed) {
	if !m.spawning {
		return // none was asked for
	}
	m.spawning = false
	m.spawnErr = in.Msg
	m.log(Log{Kind: LogSpawnErr, Msg: in.Msg})
	switch m.state {
	case Starting:
		if in.Shortage {
			m.backOffUncounted(now)
			return
		}
		m.backOff(now)
	case Stopping:
		m.stopped(now)
	default: // a spawn is outstanding in these two only
	}
}

// spawnCancelled handles SpawnCancelled.
func (m *Machine) spawnCancelled(now time.Time) {
	if !m.spawning {
		return // none was asked for
	}
	m.spawning = false
	switch m.state {
	case Stopping:
		m.stopped(now)
	case Starting: // not by us: the spawner is closing
		m.wantUp = false
		m.stopped(now)
	default: // a spawn is outstanding in these two only
	}
}

// reaped handles Reaped.
func (m *Machine) reaped(now time.Time, in Reaped) {
	if m.pid == 0 {
		return // it is not ours, or was reaped already
	}
	m.stop = now
	m.end, m.hasEnd = in, true
	expected := m.spec.expects(in.Code)
	msg := WaitMessage(in.Code, in.Signal, in.CoreDump)
	switch m.state {
	case Starting:
		if m.uptime(now) < m.spec.StartSecs {
			m.exitedTooQuickly(now, msg)
			break
		}
		m.running(now) // it was due, the exit only overtook the deadline
		m.exited(now, in.Code, expected, msg)
	case Running:
		m.exited(now, in.Code, expected, msg)
	case Stopping:
		m.exitStatus, m.hasExit = in.Code, true
		m.stopped(now)
		m.log(Log{Kind: LogStopped, Expected: expected, Msg: msg})
	case Unknown: // now it is known (Supervisor's loop ends here with an AssertionError)
		if m.wantUp {
			m.exited(now, in.Code, expected, msg)
			break
		}
		m.exitStatus, m.hasExit = in.Code, true
		m.stopped(now)
		m.log(Log{Kind: LogStopped, Expected: expected, Msg: msg})
	default: // without a process in any other state
	}
	m.pid = 0
}

// elapsed is the passing of time.
func (m *Machine) elapsed(now time.Time) {
	switch m.state {
	case Starting:
		if isDue(now, m.due) {
			m.stayedUp(now)
		}
	case Backoff:
		switch {
		case !isDue(now, m.due):
		case !m.triesLeft():
			m.giveUp(now)
			m.log(Log{Kind: LogGaveUp})
		case !m.held:
			m.begin(now)
		}
	case Exited:
		if isDue(now, m.due) && !m.held {
			m.begin(now)
		}
	case Stopping:
		if isDue(now, m.reportDue) {
			m.log(Log{Kind: LogWaiting})
			m.reportDue = now.Add(reportEvery)
		}
		if isDue(now, m.due) {
			m.stopWaitOver(now)
		}
	default: // nothing is waited for
	}
}

// killFailed handles KillFailed.
func (m *Machine) killFailed(now time.Time, in KillFailed) {
	switch m.state {
	case Stopping:
		if m.pid != 0 {
			m.log(Log{Kind: LogKillFailed, Pid: m.pid, Msg: in.Msg})
			m.lost(now)
		}
	default: // it ended in the meantime
	}
}

// signalFailed handles SignalFailed.
func (m *Machine) signalFailed(now time.Time, in SignalFailed) {
	switch m.state {
	case Starting, Running, Stopping:
		if m.pid != 0 {
			m.log(Log{Kind: LogSignalFailed, Pid: m.pid, Signal: in.Signal, Msg: in.Msg})
			m.lost(now)
		}
	default: // it ended in the meantime
	}
}

// begin goes to STARTING and asks for a process.
func (m *Machine) begin(now time.Time) {
	m.wantUp = true
	m.spawnErr = ""
	m.exitStatus, m.hasExit = 0, false
	m.start = now
	m.due = time.Time{} // startsecs count from Spawned
	m.change(now, Starting)
	m.spawning = true
	m.emit(Spawn{})
}

// stayedUp goes to RUNNING when startsecs are over.
func (m *Machine) stayedUp(now time.Time) {
	m.running(now)
	m.log(Log{Kind: LogSuccess})
}

// running goes to RUNNING: the start succeeded.
func (m *Machine) running(now time.Time) {
	m.due = time.Time{}
	m.backoff = 0
	m.change(now, Running)
}

// backOff goes to BACKOFF, from which time leads on to STARTING or FATAL.
func (m *Machine) backOff(now time.Time) {
	m.backoff++
	m.due = now
	if m.triesLeft() {
		m.due = now.Add(time.Duration(m.backoff) * backoffStep)
	}
	m.change(now, Backoff)
}

// backOffUncounted goes to BACKOFF, from which time leads on to STARTING however often that failed for the same
// reason, after 1, 2, 3 … 10 s.
func (m *Machine) backOffUncounted(now time.Time) {
	m.lacks = min(m.lacks+1, maxPauses)
	m.due = now.Add(time.Duration(m.lacks) * backoffStep)
	m.change(now, Backoff)
}

// triesLeft reports whether another attempt follows the failed ones so far.
func (m *Machine) triesLeft() bool { return m.backoff <= m.spec.StartRetries }

// giveUp goes to FATAL.
func (m *Machine) giveUp(now time.Time) {
	m.wantUp = false
	m.backoff, m.lacks = 0, 0
	m.due = time.Time{}
	m.change(now, Fatal)
}

// exitedTooQuickly goes to BACKOFF as the process did not reach RUNNING. As in
// Supervisor its exit status isn't kept.
func (m *Machine) exitedTooQuickly(now time.Time, msg string) {
	m.spawnErr = "Exited too quickly (process log may have details)"
	m.backOff(now)
	m.log(Log{Kind: LogExited, Msg: msg})
}

// exited goes to EXITED and sees to the next start.
func (m *Machine) exited(now time.Time, code int, expected bool, msg string) {
	m.exitStatus, m.hasExit = code, true
	m.backoff = 0
	if !expected {
		m.spawnErr = "Bad exit code " + strconv.Itoa(code)
	}
	m.due = time.Time{}
	if m.wantUp && m.spec.respawns(expected) {
		m.due = now.Add(m.pause(now, expected))
	}
	m.changeExpected(now, Exited, expected)
	m.log(Log{Kind: LogExited, Expected: expected, Msg: msg})
}

// pause is how long to wait before the start after an exit from RUNNING: not at
// all after an uptime of a second, else 1, 2, 3 … 10 s after unexpected exits in a row
// and a second after an expected one, so that no program is spawned without end
// as fast as the machine can.
func (m *Machine) pause(now time.Time, expected bool) time.Duration {
	switch {
	case m.uptime(now) >= briefUptime:
		m.pauses = 0
		return 0
	case expected:
		m.pauses = 0
		return pauseStep
	default:
		m.pauses = min(m.pauses+1, maxPauses)
		return time.Duration(m.pauses) * pauseStep
	}
}

// stopWaitOver sends SIGKILL; if that does not end the process, again and again.
func (m *Machine) stopWaitOver(now time.Time) {
	m.log(Log{Kind: LogKillingFinally, Pid: m.pid})
	kill := m.killing(syscall.SIGKILL, m.spec.KillAsGroup)
	kill.Final = true
	m.due = now.Add(max(m.spec.StopWait, minKillRepeat))
	m.emit(kill)
}

// stopped goes to STOPPED at the end of a stop.
func (m *Machine) stopped(now time.Time) {
	m.due, m.reportDue = time.Time{}, time.Time{}
	m.change(now, Stopped)
}

// lost goes to UNKNOWN: there is a process we have no power over.
func (m *Machine) lost(now time.Time) {
	m.due, m.reportDue = time.Time{}, time.Time{}
	m.change(now, Unknown)
}

// killing logs that a signal is being sent and returns the effect that sends it.
func (m *Machine) killing(sig syscall.Signal, group bool) Kill {
	m.log(Log{Kind: LogKilling, Pid: m.pid, Signal: sig, Group: group})
	return Kill{Pid: m.pid, Signal: sig, Group: group}
}

// change sets the state and announces it: nothing else does either.
func (m *Machine) change(now time.Time, to State) { m.changeExpected(now, to, false) }

func (m *Machine) changeExpected(now time.Time, to State, expected bool) {
	c := Changed{From: m.state, To: to, Pid: m.pid, Tries: m.backoff, Expected: expected}
	if m.pid != 0 {
		c.Uptime = m.uptime(now)
	}
	m.state = to
	m.emit(c)
}

// uptime is how long the process has been up.
func (m *Machine) uptime(now time.Time) time.Duration { return now.Sub(m.start) }

func (m *Machine) log(l Log)     { m.effects = append(m.effects, l) }
func (m *Machine) emit(e Effect) { m.effects = append(m.effects, e) }

// isDue reports whether a deadline that is set has come.
func isDue(now, due time.Time) bool { return !due.IsZero() && !now.Before(due) }
