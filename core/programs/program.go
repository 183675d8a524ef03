// Package programs is what the configuration of a program means: to the machine of its states, to the operating system,
// and to its environment.
package programs

import (
	"syscall"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

// Spec is what a process's machine goes by.
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

// Check reports why a process cannot be spawned, "" if it can as far as is known, and whether that is because its program is
// missing. It touches the disk.
func Check(base []string, p *config.Process) (missing bool, why string) {
	if why := CheckArguments(p); why != "" {
		return false, why
	}
	if _, err := child.Resolve(p.Command.Argv, SearchPath(base, p)); err != nil {
		return err.Errno == syscall.ENOENT, err.Msg
	}
	return false, ""
}

// Request asks for a spawn of a process; channels and callbacks are to be filled in. The other arguments are Environment's.
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
