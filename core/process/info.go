package process

import "time"

// State is the present state.
func (m *Machine) State() State { return m.state }

// Pid is the process's id; 0: there is none.
func (m *Machine) Pid() int { return m.pid }

// SpawnErr is what went wrong last; "" for nothing. A start clears it.
func (m *Machine) SpawnErr() string { return m.spawnErr }

// ExitStatus is how the last process ended: its exit status, or -1 when a signal
// ended it. It is not known (false, shown as 0) before the first exit, while a
// process runs, and after one that exited too quickly.
func (m *Machine) ExitStatus() (status int, known bool) { return m.exitStatus, m.hasExit }

// Backoff is how many starts failed in a row. RUNNING and FATAL set it to 0; a stop
// does not, so the next start goes on counting, as in Supervisor.
func (m *Machine) Backoff() int { return m.backoff }

// StartTime is when the last process was spawned, or a failed or unanswered
// attempt was made; zero: never.
func (m *Machine) StartTime() time.Time { return m.start }

// StopTime is when a process was reaped last; zero: never.
func (m *Machine) StopTime() time.Time { return m.stop }

// Delay is when what the state waits for comes: RUNNING, the next attempt or
// SIGKILL; false: it waits for nothing of the kind. Unlike Deadline it knows
// nothing of Hold and of reports.
func (m *Machine) Delay() (time.Time, bool) { return m.due, !m.due.IsZero() }

// Respawning reports whether the process is EXITED and a start follows by itself.
// Then Stop has something to stop, though the state is none that Supervisor's
// stopProcess accepts.
func (m *Machine) Respawning() bool { return m.state == Exited && !m.due.IsZero() }

// Spawning reports whether an effect Spawn is not answered yet.
func (m *Machine) Spawning() bool { return m.spawning }

// WantUp reports whether the process is wanted to run: it was started, and neither
// stopped nor given up since.
func (m *Machine) WantUp() bool { return m.wantUp }
