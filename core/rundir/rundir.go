// Package rundir makes the run directory of a daemon, in which others find nothing by listing.
package rundir

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/hark-supervisor/hark/core/held"
)

// Dir is the daemon's directory for the sockets of plugins and the copies of scripts. It is made when it is needed.
type Dir struct {
	bases []string // where it may be, the best first
	name  string   // in one of them

	mu   sync.Mutex
	path string // "" : not made yet
}

// New is that of the daemon with a pidfile: short, for the paths of sockets are limited, and the same again after a crash, so that what
// was left behind is found.
func New(pidfile string) *Dir {
	h := fnv.New32a()
	_, _ = h.Write([]byte(pidfile))
	r := &Dir{name: fmt.Sprintf("%08x", h.Sum32())}
	if os.Geteuid() == 0 {
		for _, dir := range []string{"/run", "/var/run"} {
			if st, err := os.Stat(dir); err == nil && st.IsDir() {
				r.bases = append(r.bases, filepath.Join(dir, "hark"))
			}
		}
	} else if own := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(own) && isOwn(own) {
		r.bases = append(r.bases, filepath.Join(own, "hark"))
	}
	r.bases = append(r.bases, fmt.Sprintf("%s/hark-%d", strings.TrimSuffix(os.TempDir(), "/"), os.Geteuid()))
	return r
}

// Usual is the path that Make makes, unless another user occupies it.
func (r *Dir) Usual() string { return filepath.Join(r.bases[0], r.name) }

// isOwn reports whether a directory is ours: XDG_RUNTIME_DIR is root's where root started us and user= made us another.
func isOwn(dir string) bool {
	st, err := os.Stat(dir)
	if err != nil || !st.IsDir() {
		return false
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}

// Passable is the mode of run directories: the users of plugins pass through, but find nothing by listing.
const Passable = 0o711

// Make creates the directory, unless it exists, and returns its path. If another user has created the usual one first, as everybody can in a temporary folder, it
// is a new one.
func (r *Dir) Make() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path != "" && ownSubdir(filepath.Dir(r.path), filepath.Base(r.path)) == nil {
		return r.path, nil
	}
	for _, base := range r.bases {
		err := ownSubdir(filepath.Dir(base), filepath.Base(base))
		if err == nil {
			err = ownSubdir(base, r.name)
		}
		if err == nil {
			r.path = filepath.Join(base, r.name)
			return r.path, nil
		}
	}
	base, err := os.MkdirTemp("", filepath.Base(r.bases[len(r.bases)-1])+"-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(base, Passable); err != nil { //nolint:gosec // as above
		return "", err
	}
	if err := ownSubdir(base, r.name); err != nil {
		return "", err
	}
	r.path = filepath.Join(base, r.name)
	return r.path, nil
}

// ownSubdir makes a directory, unless it is there; the error is held.ErrUnsafe where it is not ours alone.
func ownSubdir(dir, name string) error {
	d, err := held.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close() //nolint:errcheck // only a descriptor
	sub, err := d.OpenSubdir(name, Passable)
	if err != nil {
		return err
	}
	return sub.Close()
}
