//go:build !linux

package child

import "errors"

func onMainThread() bool { return false }

// unshareUmask: a umask is the whole process's here.
func unshareUmask() bool { return false }

func becomeSubreaper() error { return errors.ErrUnsupported }

func closeInheritedOnExec() { closeListedOnExec("/dev/fd") }
