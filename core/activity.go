package core

import (
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// The texts of the activity log, word for word Supervisor's, because people
// grep them. One function a line; the level stands where it is logged. Each
// cites Supervisor's file where its words come from there.

func spawnedLine(name string, pid int) string { // process.py
	return fmt.Sprintf("spawned: '%s' with pid %d", name, pid)
}

func spawnErrLine(msg string) string { return "spawnerr: " + msg } // process.py

func exitedLine(name, how string, expected bool) string { // process.py
	if expected {
		return fmt.Sprintf("exited: %s (%s; expected)", name, how)
	}
	return fmt.Sprintf("exited: %s (%s; not expected)", name, how)
}

func stoppedLine(name, how string) string { // process.py
	return fmt.Sprintf("stopped: %s (%s)", name, how)
}

func successLine(name string, startSecs time.Duration) string { // process.py
	return fmt.Sprintf("success: %s entered RUNNING state, process has stayed up for > than %d seconds (startsecs)", name, startSecs/time.Second)
}

func gaveUpLine(name string) string { // process.py
	return fmt.Sprintf("gave up: %s entered FATAL state, too many start retries too quickly", name)
}

// logEffect writes the line that a process's machine asks for.
func (s *Supervisor) logEffect(m *member, e process.Log) {
	name := m.conf.Name
	expectedLevel := config.WARN
	if e.Expected {
		expectedLevel = config.INFO
	}
	switch e.Kind {
	case process.LogSpawned:
		s.log(config.INFO, spawnedLine(name, e.Pid))
	case process.LogSpawnErr:
		s.log(config.INFO, spawnErrLine(e.Msg))
	case process.LogAlreadyRunning:
		s.log(config.WARN, alreadyRunningLine(name))
	case process.LogSuccess:
		s.log(config.INFO, successLine(name, m.conf.StartWait))
	case process.LogExited:
		s.log(expectedLevel, exitedLine(name, e.Msg, e.Expected))
	case process.LogStopped:
		s.log(expectedLevel, stoppedLine(name, e.Msg))
	case process.LogGaveUp:
		s.log(config.INFO, gaveUpLine(name))
	case process.LogStopInBackoff:
		s.log(config.DEBG, backoffKillLine(name))
	case process.LogKilling:
		s.log(config.DEBG, killingLine(name, e.Pid, e.Group, e.Signal))
	case process.LogKillingFinally:
		s.log(config.WARN, sigkillLine(name, e.Pid))
	case process.LogWaiting:
		s.log(config.INFO, waitingStopLine(name))
	case process.LogKillFailed:
		s.log(config.CRIT, killProblemLine(name, e.Pid, e.Msg))
	case process.LogSignalFailed:
		s.log(config.CRIT, signalProblemLine(name, e.Pid, e.Msg))
	}
}

func waitingStopLine(name string) string { // process.py
	return fmt.Sprintf("waiting for %s to stop", name)
}

func sigkillLine(name string, pid int) string { // process.py
	return fmt.Sprintf("killing '%s' (%d) with SIGKILL", name, pid)
}

func killingLine(name string, pid int, group bool, sig syscall.Signal) string { // process.py
	as := ""
	if group {
		as = "process group "
	}
	return fmt.Sprintf("killing %s (pid %d) %swith signal %s", name, pid, as, process.SignalName(sig))
}

func sendingLine(name string, pid int, sig syscall.Signal) string { // process.py
	return fmt.Sprintf("sending %s (pid %d) sig %s", name, pid, process.SignalName(sig))
}

func backoffKillLine(name string) string { // process.py
	return fmt.Sprintf("Attempted to kill %s, which is in BACKOFF state.", name)
}

func goneLine(name string, pid int, err error) string { // process.py
	return fmt.Sprintf("unable to signal %s (pid %d), it probably just exited on its own: %v", name, pid, err)
}

func killProblemLine(name string, pid int, why string) string { // process.py
	return fmt.Sprintf("unknown problem killing %s (%d):%s", name, pid, why)
}

func signalProblemLine(name string, pid int, why string) string { // process.py
	return fmt.Sprintf("unknown problem sending sig %s (%d):%s", name, pid, why)
}

func exitRequestLine(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("received %s indicating exit request", process.SignalName(sig))
}

func restartRequestLine(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("received %s indicating restart request", process.SignalName(sig))
}

func restartIgnoredLine(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("ignored %s indicating restart request (shutdown in progress)", process.SignalName(sig))
}

func reopenRequestLine(sig syscall.Signal) string { // supervisord.py
	return fmt.Sprintf("received %s indicating log reopen request", process.SignalName(sig))
}

func waitingDieLine(names []string) string { // supervisord.py
	return fmt.Sprintf("waiting for %s to die", strings.Join(names, ", "))
}

func creatingSocketLine(url string) string { return "Creating socket " + url } // socket_manager.py

func closingSocketLine(url string) string { return "Closing socket " + url } // socket_manager.py

func commEventLine(name, channel string) string { // dispatchers.py
	return fmt.Sprintf("'%s' %s emitted a comm event", name, channel)
}

// Lines that only Hark has.

func brokenRestartLine(err error) string {
	return fmt.Sprintf("cannot restart with the current configuration, so everything continues: %v", err)
}

func brokenRereadLine(err error) string {
	return fmt.Sprintf("cannot reread the configuration: %v", err)
}

func slowSpawnLine(name string) string {
	return fmt.Sprintf("the spawn of '%s' has taken more than 5 seconds: is its program or directory on a file system that hangs? other spawns may have to wait for it; it can still be stopped", name)
}

func alreadyRunningLine(name string) string { // process.py
	return fmt.Sprintf("process '%s' already running", name)
}

func leftBehindLine(name, channel string, bytes int) string {
	return fmt.Sprintf("%d bytes of %s were left unread when the pipe of '%s' was given up: a descendant keeps writing", bytes, channel, name)
}
