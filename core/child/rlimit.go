package child

import (
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/hark-supervisor/hark/core/child/nofile"
)

// Limit is a resource limit as it was found, before Go and we raised it.
type Limit struct {
	Soft, Hard uint64
	Raised     bool // the soft limit was less than the minimum and has been raised to it
}

// RaiseNoFile raises the soft limit of open files to min where the one this
// program was started with is lower, and the hard limit too if we may
// (options.py, set_rlimits_or_exit). Children get the larger of the two. Where
// nothing is to be raised nothing is touched: Go has raised the limit for us, and
// restores the original in children. An error means that it was refused. It
// must be called before New.
func RaiseNoFile(min uint64) (Limit, error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return Limit{}, err
	}
	found := Limit{Soft: originalNoFile(uint64(now.Cur)), Hard: uint64(now.Max)}
	return raise(found, min, func(soft, hard uint64) error {
		setLimit(&now, soft, hard)
		// This also ends Go's restoring in children.
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &now)
	})
}

// raise does as Supervisor for one limit. Unlimited is the largest number, or the
// largest signed one.
func raise(found Limit, min uint64, set func(soft, hard uint64) error) (Limit, error) {
	if found.Soft >= min {
		return found, nil
	}
	if err := set(min, max(found.Hard, min)); err != nil {
		return found, err
	}
	found.Raised = true
	return found, nil
}

// originalNoFile returns the soft limit we were started with. If it couldn't be
// read before Go changed it, a child, which has it restored, is asked.
func originalNoFile(now uint64) uint64 {
	if soft, ok := nofile.Original(); ok {
		return soft
	}
	var fds [2]int
	if makePipe(&fds) != nil {
		return now
	}
	r := os.NewFile(uintptr(fds[0]), "limit")
	defer func() { _ = r.Close() }()
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "ulimit -S -n"}, &syscall.ProcAttr{
		Files: []uintptr{0, uintptr(fds[1]), 2},
	})
	closeFD(fds[1])
	if err != nil {
		return now
	}
	answer, _ := io.ReadAll(io.LimitReader(r, 64))
	for {
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
			break
		}
	}
	soft, err := strconv.ParseUint(strings.TrimSpace(string(answer)), 10, 64)
	if err != nil {
		return now // "unlimited"
	}
	return soft
}
