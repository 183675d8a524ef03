//go:build !linux

package child

// Confinement holds nothing: this is Linux's.
type Confinement struct{}

// Confine does nothing here.
func Confine(*Child, string, int) *Confinement { return &Confinement{} }

// Complete reports whether Kill reaches every descendant.
func (*Confinement) Complete() bool { return false }

// Kill does nothing.
func (*Confinement) Kill() error { return nil }

// Close does nothing, and is done.
func (*Confinement) Close() bool { return true }

// Counts reports whether a cgroup limits the number of processes.
func (*Confinement) Counts() bool { return false }
