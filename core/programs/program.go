// Package programs derives from the configuration of a program the settings of its state machine, its environment and the
// requests to spawn it.
package programs

import (
	"syscall"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// Spec returns the settings of a process's machine.
func Spec(p *config.Process) process.Spec {
	return process.Spec{
		AutoStart:    p.AutoStart,
		AutoRestart:  restartPolicy(p.AutoRestart),
		StartSecs:    p.StartWait,
		StartRetries: p.StartRetries,
		ExitCodes:    p.ExitCodes,
		StopSignal:   p.StopSignal,
		StopWait:     p.StopWait,
		StopAsGroup:  p.StopAsGroup,
		KillAsGroup:  p.KillAsGroup,
	}
}

func restartPolicy(a config.AutoRestart) process.AutoRestart {
	switch a {
	case config.RestartAlways:
		return process.Always
	case config.RestartUnexpected:
		return process.Unexpected
	}
	return process.Never
}

// CheckArguments reports why a process has no arguments to be spawned with, "" if it has.
func CheckArguments(p *config.Process) string {
	switch {
	case p.Command.Err != nil:
		return activity.BadCommand(p.Command)
	case len(p.Command.Argv) == 0:
		return activity.EmptyCommand
	}
	return ""
}

// Check reports why a process cannot be spawned, "" if no reason is known, and whether the reason is that its program is
// missing. It blocks on the disk.
func Check(base []string, p *config.Process) (missing bool, why string) {
	if why := CheckArguments(p); why != "" {
		return false, why
	}
	if _, err := child.Resolve(p.Command.Argv, SearchPath(base, p)); err != nil {
		return err.Errno == syscall.ENOENT, err.Msg
	}
	return false, ""
}

// Request returns the request to spawn a process, without channels and callbacks, which the caller sets. For the other arguments see
// Environment.
func Request(p *config.Process, base []string, serverURL, group, protocol string) *child.Request {
	return &child.Request{
		Name:           p.Name,
		Argv:           p.Command.Argv,
		SearchPath:     SearchPath(base, p),
		Env:            Environment(base, serverURL, group, protocol, p),
		Dir:            p.Directory,
		Umask:          p.Umask,
		Credential:     credentialOf(p.User),
		Stdin:          -1,
		RedirectStderr: p.RedirectStderr,
		Listener:       protocol != "",
	}
}

func credentialOf(u *config.User) *child.Credential {
	if u == nil {
		return nil
	}
	groups := make([]uint32, len(u.Groups))
	for i, g := range u.Groups {
		groups[i] = uint32(g) //nolint:gosec // ids come from the account database
	}
	return &child.Credential{UID: uint32(u.UID), GID: uint32(u.GID), Groups: groups, Name: u.Name} //nolint:gosec // as above
}
