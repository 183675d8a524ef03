//go:build !linux

package child

import "errors"

// Confinement holds nothing: this is Linux's.
type Confinement struct{}

// Confine cannot limit anything here; the error tells so where a limit is wanted.
func Confine(_ *Child, _ string, most int) (*Confinement, error) {
	if most > 0 {
		return &Confinement{}, errors.New("cannot limit its processes: this system has no means for it")
	}
	return &Confinement{}, nil
}

// Complete tells whether Kill reaches every descendant.
func (*Confinement) Complete() bool { return false }

// Kill does nothing.
func (*Confinement) Kill() error { return nil }

// Close does nothing, and is done.
func (*Confinement) Close() bool { return true }

// Counts tells whether a cgroup limits the number of processes.
func (*Confinement) Counts() bool { return false }
