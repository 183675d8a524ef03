package process

import "time"

// State returns the present state.
func (m *Machine) State() State { return m.state }

// Pid returns the process's id; 0: there is no process.
func (m *Machine) Pid() int { return m.pid }

// SpawnErr returns the text of the last failure to start or to stay up; "": there was none. A start clears it.
func (m *Machine) SpawnErr() string { return m.spawnErr }

// ExitStatus returns the exit status of the last process, or -1 when a signal ended it. It is not known (false, shown as 0)
// before the first exit, while a process runs, and after a process that exited too quickly.
func (m *Machine) ExitStatus() (status int, known bool) { return m.exitStatus, m.hasExit }

// End returns how the last process ended that has ended, one that exited too quickly too; false: none has. Unlike ExitStatus,
// which is Supervisor's, it is kept while another process runs.
func (m *Machine) End() (end Reaped, known bool) { return m.end, m.hasEnd }

// Backoff returns how many starts failed in a row. RUNNING and FATAL set it to 0; a stop
// does not, so the next start goes on counting, as in Supervisor.
func (m *Machine) Backoff() int { return m.backoff }

// StartTime returns when the last process was spawned, or a failed or unanswered
// attempt was made; the zero time: never.
func (m *Machine) StartTime() time.Time { return m.start }

// StopTime returns when a process was reaped last; the zero time: never.
func (m *Machine) StopTime() time.Time { return m.stop }

// Delay returns when the state ends by itself: when the process becomes RUNNING, is started again or gets SIGKILL; false: the
// state has no such time. Unlike Deadline it does not consider Hold and the lines logged in STOPPING.
func (m *Machine) Delay() (time.Time, bool) { return m.due, !m.due.IsZero() }

// Respawning reports whether the process is EXITED and will be started again automatically.
// Then Stop has something to stop, although Supervisor's stopProcess does not accept
// this state.
func (m *Machine) Respawning() bool { return m.state == Exited && !m.due.IsZero() }

// Spawning reports whether an effect Spawn is not answered yet.
func (m *Machine) Spawning() bool { return m.spawning }

// WantUp reports whether the process is to run: it was started, and neither
// stopped nor given up since.
func (m *Machine) WantUp() bool { return m.wantUp }
