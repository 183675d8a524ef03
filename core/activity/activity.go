// Package activity has the texts of the activity log. They are Supervisor's, word for word, because people
// grep for them. There is a function for each line; the level is given by the caller that logs it. A function
// whose text is Supervisor's names Supervisor's file.
package activity

import (
	"fmt"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// Spawned is for a process that was spawned.
func Spawned(name string, pid int) string { // process.py
	return fmt.Sprintf("spawned: '%s' with pid %d", name, pid)
}

// SpawnErr is for a spawn that failed.
func SpawnErr(msg string) string { return "spawnerr: " + msg } // process.py

// Exited is for a process that exited by itself.
func Exited(name, how string, expected bool) string { // process.py
	if expected {
		return fmt.Sprintf("exited: %s (%s; expected)", name, how)
	}
	return fmt.Sprintf("exited: %s (%s; not expected)", name, how)
}

// Stopped is for a process that was stopped.
func Stopped(name, how string) string { // process.py
	return fmt.Sprintf("stopped: %s (%s)", name, how)
}

// Success is for a process that has become RUNNING.
func Success(name string, startSecs time.Duration) string { // process.py
	return fmt.Sprintf("success: %s entered RUNNING state, process has stayed up for > than %d seconds (startsecs)", name, startSecs/time.Second)
}

// GaveUp is for a process that has become FATAL.
func GaveUp(name string) string { // process.py
	return fmt.Sprintf("gave up: %s entered FATAL state, too many start retries too quickly", name)
}

// Of returns the line that a process's machine asks for, and its level.
func Of(name string, startSecs time.Duration, e process.Log) (config.Level, string) {
	expected := config.WARN
	if e.Expected {
		expected = config.INFO
	}
	switch e.Kind {
	case process.LogSpawned:
		return config.INFO, Spawned(name, e.Pid)
	case process.LogSpawnErr:
		return config.INFO, SpawnErr(e.Msg)
	case process.LogAlreadyRunning:
		return config.WARN, AlreadyRunning(name)
	case process.LogSuccess:
		return config.INFO, Success(name, startSecs)
	case process.LogExited:
		return expected, Exited(name, e.Msg, e.Expected)
	case process.LogStopped:
		return expected, Stopped(name, e.Msg)
	case process.LogGaveUp:
		return config.INFO, GaveUp(name)
	case process.LogStopInBackoff:
		return config.DEBG, BackoffKill(name)
	case process.LogKilling:
		return config.DEBG, Killing(name, e.Pid, e.Group, e.Signal)
	case process.LogKillingFinally:
		return config.WARN, Sigkill(name, e.Pid)
	case process.LogWaiting:
		return config.INFO, WaitingStop(name)
	case process.LogKillFailed:
		return config.CRIT, KillProblem(name, e.Pid, e.Msg)
	}
	return config.CRIT, SignalProblem(name, e.Pid, e.Msg) // LogSignalFailed
}

// WaitingStop is for a call that waits for a stop.
func WaitingStop(name string) string { // process.py
	return fmt.Sprintf("waiting for %s to stop", name)
}

// Sigkill is for a process that did not stop in time.
func Sigkill(name string, pid int) string { // process.py
	return fmt.Sprintf("killing '%s' (%d) with SIGKILL", name, pid)
}

// Killing is for the signal of a stop.
func Killing(name string, pid int, group bool, sig syscall.Signal) string { // process.py
	as := ""
	if group {
		as = "process group "
	}
	return fmt.Sprintf("killing %s (pid %d) %swith signal %s", name, pid, as, process.SignalName(sig))
}

// Sending is for a signal that was requested.
func Sending(name string, pid int, sig syscall.Signal) string { // process.py
	return fmt.Sprintf("sending %s (pid %d) sig %s", name, pid, process.SignalName(sig))
}

// BackoffKill is for a stop of a process that does not run.
func BackoffKill(name string) string { // process.py
	return fmt.Sprintf("Attempted to kill %s, which is in BACKOFF state.", name)
}

// Gone is for a signal that came too late.
func Gone(name string, pid int, err error) string { // process.py
	return fmt.Sprintf("unable to signal %s (pid %d), it probably just exited on its own: %v", name, pid, err)
}

// KillProblem is for the signal of a stop that cannot be sent.
func KillProblem(name string, pid int, why string) string { // process.py
	return fmt.Sprintf("unknown problem killing %s (%d):%s", name, pid, why)
}

// SignalProblem is for another signal that cannot be sent.
func SignalProblem(name string, pid int, why string) string { // process.py
	return fmt.Sprintf("unknown problem sending sig %s (%d):%s", name, pid, why)
}

// ExitRequest is for TERM, INT and QUIT.
func ExitRequest(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("received %s indicating exit request", process.SignalName(sig))
}

// RestartRequest is for HUP.
func RestartRequest(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("received %s indicating restart request", process.SignalName(sig))
}

// RestartIgnored is for HUP in a shutdown.
func RestartIgnored(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("ignored %s indicating restart request (shutdown in progress)", process.SignalName(sig))
}

// ReopenRequest is for USR2.
func ReopenRequest(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("received %s indicating log reopen request", process.SignalName(sig))
}

// WaitingDie is for a shutdown that waits.
func WaitingDie(names []string) string { // supervisord.py
	return fmt.Sprintf("waiting for %s to die", strings.Join(names, ", "))
}

// CreatingSocket is for a FastCGI socket that is opened.
func CreatingSocket(url string) string { return "Creating socket " + url } // socket_manager.py

// ClosingSocket is for a FastCGI socket that is closed.
func ClosingSocket(url string) string { return "Closing socket " + url } // socket_manager.py

// CommEvent is for a communication of a process.
func CommEvent(name, channel string) string { // dispatchers.py
	return fmt.Sprintf("'%s' %s emitted a comm event", name, channel)
}

// Lines that only Hark has.

// BrokenRestart is for a restart that is refused because of the new configuration.
func BrokenRestart(err error) string {
	return fmt.Sprintf("cannot restart with the current configuration, so everything continues: %v", err)
}

// BrokenReread is for a configuration that cannot be read.
func BrokenReread(err error) string {
	return fmt.Sprintf("cannot reread the configuration: %v", err)
}

// SlowSpawn is for a spawn that hangs.
func SlowSpawn(name string) string {
	return fmt.Sprintf("the spawn of '%s' has taken more than 5 seconds: is its program or directory on a file system that hangs? other spawns may have to wait for it; it can still be stopped", name)
}

// RestartListener is for a listener that is restarted.
func RestartListener(name string) string { return "restarting listener " + name }

// AlreadyRunning is for a start of a process that runs.
func AlreadyRunning(name string) string { // process.py
	return fmt.Sprintf("process '%s' already running", name)
}

// LeftBehind is for output that a descendant still wrote.
func LeftBehind(name, channel string, bytes int) string {
	return fmt.Sprintf("%d bytes of %s were left unread when the pipe of '%s' was given up: a descendant keeps writing", bytes, channel, name)
}

// Output is for a child's output that is copied to the activity log (dispatchers.py).
func Output(name, channel string, data []byte) string {
	text := string(data)
	if !utf8.Valid(data) {
		text = "Undecodable: " + string(pytext.AppendBytes(nil, data))
	}
	return fmt.Sprintf("%s %s output:\n%s", pytext.Quote(name), channel, text)
}

// Reply is for a listener's output on stdout.
func Reply(name, channel string, data []byte) string {
	return fmt.Sprintf("%s %s output:\n%s", pytext.Quote(name), channel, pytext.AppendBytes(nil, data))
}

// EmptyCommand is the reason why a process without a command cannot be spawned.
const EmptyCommand = "command is empty" // process.py

// BadCommand is the reason why a process whose command cannot be split cannot be spawned.
func BadCommand(c config.Command) string { // process.py
	return fmt.Sprintf("can't parse command %s: %v", pytext.Quote(c.Line), c.Err)
}

// Forsaken is for a process that a shutdown leaves alone; pid is 0 where its spawn hangs.
func Forsaken(namespec string, pid int) string {
	if pid == 0 {
		return fmt.Sprintf("cannot stop %s: its spawn does not come to an end; it is left alone", namespec)
	}
	return fmt.Sprintf("cannot stop %s (pid %d): it does not end although it was killed; it is left alone", namespec, pid)
}

// Lost is for events that a notifier had no room for.
func Lost(notifier string, n int64) string {
	return fmt.Sprintf("notifier %s: its buffer is full, discarded %d events", notifier, n)
}
