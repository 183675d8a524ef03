// Package accounts asks the system for accounts that are in no file: those of LDAP and the like. This is a static binary,
// which has no library that knows them, so getent is run.
package accounts

import (
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/child"
)

// getentTime is how long getent may take to find an account before it counts as unknown.
const getentTime = 5 * time.Second

// Getent runs a command that looks an account up, by a system that reaps children; nil: there is none yet, and the command
// is waited for here.
func Getent(system *child.System, argv []string) ([]byte, error) {
	if system == nil {
		return runAlone(argv, getentTime)
	}
	out, ws, err := system.Run(argv, getentTime)
	if err != nil {
		return nil, err
	}
	if !ws.Exited() || ws.ExitStatus() != 0 {
		return nil, syscall.ENOENT
	}
	return out, nil
}
