package child

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Confinement holds a child and its descendants in a cgroup, if the system allows that.
type Confinement struct {
	dir     string // of a cgroup; "": there is none
	counted bool   // the number of processes is limited there
}

// Confine puts a child that was just started into a cgroup of its own, if there is a cgroup v2 that we may write, and limits the number
// of processes and threads in it to most, 0 for no limit, if the cgroup counts them. Processes that the child forked before are not
// held. name is the cgroup's file name; no other process may use it.
func Confine(c *Child, name string, most int) *Confinement {
	k := &Confinement{}
	dir, err := leaf(name)
	if err != nil {
		return k
	}
	k.dir = dir
	if os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(c.pid)), 0o600) != nil {
		k.Close()
		k.dir = ""
		return k
	}
	k.counted = most > 0 && os.WriteFile(filepath.Join(dir, "pids.max"), []byte(strconv.Itoa(most)), 0o600) == nil
	return k
}

// Complete reports whether Kill reaches every descendant.
func (k *Confinement) Complete() bool { return k.dir != "" }

// Kill kills every process that is held.
func (k *Confinement) Kill() error {
	if k.dir == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(k.dir, "cgroup.kill"), []byte("1"), 0o600)
}

// Close removes the cgroup, and reports whether it is gone: it is not while processes that were killed have not ended yet. Confine
// uses an existing cgroup of the same name again.
func (k *Confinement) Close() bool {
	if k.dir == "" {
		return true
	}
	err := unix.Rmdir(k.dir)
	return err == nil || errors.Is(err, unix.ENOENT)
}

// leaf makes an empty cgroup below our own.
func leaf(name string) (string, error) {
	own, err := ownCgroup()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(own, name)
	if _, err := os.Stat(filepath.Join(own, "cgroup.kill")); err != nil && !isRootCgroup(own) {
		return "", err // before Linux 5.14
	}
	_ = unix.Rmdir(dir)                                                          // of before
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) { //nolint:gosec // the kernel's
		return "", err
	}
	return dir, nil
}

// isRootCgroup: the root has no cgroup.kill, but what is below it may.
func isRootCgroup(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cgroup.type"))
	return err != nil
}

// ownCgroup is the directory of the cgroup of v2 that we are in.
func ownCgroup() (string, error) {
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	own := ""
	for line := range strings.SplitSeq(string(groups), "\n") {
		if path, ok := strings.CutPrefix(line, "0::"); ok {
			own = path
		}
	}
	for line := range strings.SplitSeq(string(mounts), "\n") {
		place, kind, ok := strings.Cut(line, " - ")
		if fields := strings.Fields(place); ok && strings.HasPrefix(kind, "cgroup2 ") && len(fields) > 5 && own != "" {
			rest, below := strings.CutPrefix(own, strings.TrimSuffix(fields[3], "/"))
			if below {
				return filepath.Join(fields[4], rest), nil
			}
		}
	}
	return "", errors.New("there is no cgroup v2")
}

// Counts reports whether the cgroup limits the number of processes.
func (k *Confinement) Counts() bool { return k.counted }
