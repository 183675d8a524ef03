// Package privileges drops the privileges that the daemon does not need, and raises the limits that it needs.
package privileges

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
)

// Said is what there is to log of it, once the log is open.
type Said struct{ Criticals, Infos []string }

// Drop becomes the user of user=, for every thread (options.py, set_uid_or_exit and drop_privileges); nil: no user is configured.
func Drop(u *config.User) (said Said, err error) {
	if u == nil {
		if os.Getuid() == 0 {
			said.Criticals = append(said.Criticals, rootLine)
		}
		return said, nil
	}
	succeeded := fmt.Sprintf("Set uid to user %d succeeded", u.UID)
	if os.Getuid() == u.UID {
		said.Infos = append(said.Infos, succeeded)
		return said, nil
	}
	if os.Getuid() != 0 {
		return said, errors.New(NonRoot) //nolint:staticcheck // Supervisor's words
	}
	if err := syscall.Setgroups(u.Groups); err != nil {
		return said, fmt.Errorf("Could not set groups of effective user") //nolint:staticcheck,revive // as above
	}
	if err := syscall.Setgid(u.GID); err != nil {
		return said, fmt.Errorf("Could not set group id of effective user") //nolint:staticcheck,revive // as above
	}
	if err := syscall.Setuid(u.UID); err != nil {
		return said, fmt.Errorf("cannot become user %q: %w", u.Name, err)
	}
	said.Infos = append(said.Infos, succeeded)
	return said, nil
}

// rootLine is Supervisor's (options.py, set_uid_or_exit).
const rootLine = "Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message."

// NonRoot is Supervisor's (options.py, drop_privileges).
const NonRoot = "Can't drop privilege as nonroot user"

// Limit is one that may have to be raised.
type Limit struct {
	Key   string // of [supervisord]
	min   func(*config.Supervisord) uint64
	raise func(uint64) (child.Limit, error)
	name  string
	text  string // Supervisor's, of the minimum and what there is
	of    string // what is limited
}

// Shortage is a limit that cannot be raised as far as is needed. Its text is Supervisor's; Own says the same in a line.
type Shortage struct{ text, Own string }

// Error is Supervisor's text.
func (s *Shortage) Error() string { return s.text }

// Limits are those of minfds and minprocs.
func Limits() []Limit {
	return []Limit{
		{"minfds", func(s *config.Supervisord) uint64 { return s.MinFDs }, child.RaiseNoFile, "RLIMIT_NOFILE", "The minimum number of file descriptors required to run this process is %d as per the \"minfds\" command-line argument or config file setting. The current environment will only allow you to open %d file descriptors.  Either raise the number of usable file descriptors in your environment (see README.rst) or lower the minfds setting in the config file to allow the process to start.", "open files"},
		{"minprocs", func(s *config.Supervisord) uint64 { return s.MinProcs }, child.RaiseNProc, "RLIMIT_NPROC", "The minimum number of available processes required to run this program is %d as per the \"minprocs\" command-line argument or config file setting. The current environment will only allow you to open %d processes.  Either raise the number of usable processes in your environment (see README.rst) or lower the minprocs setting in the config file to allow the program to start.", "processes"},
	}
}

// Raise sees to minfds or minprocs (options.py, set_rlimits_or_exit).
func (l *Limit) Raise(set *config.Supervisord) (said Said, err error) {
	least := l.min(set)
	found, err := l.raise(least)
	if err != nil {
		return said, &Shortage{
			text: fmt.Sprintf(l.text, least, found.Hard),
			Own:  fmt.Sprintf("%d %s are needed, and the limit of the environment is %d; raise that, or lower %s", least, l.of, found.Hard, l.Key),
		}
	}
	if found.Raised {
		said.Infos = append(said.Infos, fmt.Sprintf("Increased %s limit to %d", l.name, least))
	}
	return said, nil
}
