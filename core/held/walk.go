package held

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may have, as in the kernel.
const maxLinks = 40

// Place is the place of a file: a name in an open directory.
type Place struct {
	dir  int // AT_FDCWD: Name is a path
	Name string
	// Special: the path leads into /proc or to /dev/stdout and its like, whose
	// links are not links to names; Name is then the path to open.
	Special bool

	path string // without links; "" where it was not walked
}

// Close closes the directory.
func (p Place) Close() {
	if p.dir != unix.AT_FDCWD {
		_ = unix.Close(p.dir)
	}
}

// Stat is what is at a name in the directory of the place. A link that a walk has
// left is followed, for other users than root.
func (p Place) Stat(name string) (st unix.Stat_t, err error) {
	return st, unix.Fstatat(p.dir, name, &st, 0)
}

// Unlink removes a name from the directory of the place. It is not an error if the name does not exist.
func (p Place) Unlink(name string) error {
	if err := unix.Unlinkat(p.dir, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// Rename renames within the directory of the place.
func (p Place) Rename(from, to string) error { return unix.Renameat(p.dir, from, p.dir, to) }

// Locate finds the directory of path. As root it walks the path itself and
// refuses with ErrUnsafe to follow a symbolic link in a directory that others can
// write. Followed are links that root made (the rule of Linux's protected_symlinks, by which an
// administrator's link in a group-writable /var/log still works), and those of a user to a directory of the
// same user, as deployments do with current -> releases/5. follow says whether a link at the path's end is followed too. The place
// must be closed.
func Locate(path string, follow bool) (Place, error) {
	if os.Geteuid() != 0 {
		return Place{dir: unix.AT_FDCWD, Name: path, Special: specialName(path)}, nil
	}
	return locate(path, walker{follow: follow})
}

// Rule decides whether a walk may continue: st is of a directory that it enters or of a link that it
// follows, path leads there without links.
type Rule func(path string, st *unix.Stat_t) error

// OpenChecked opens an existing file for reading, without waiting, and calls rule for each directory and link on the way. A link at the
// end is followed like the others. It also returns the path without links. The caller has to check what is opened.
func OpenChecked(path string, rule Rule) (f *os.File, real string, err error) {
	at, err := locate(path, walker{follow: true, rule: rule})
	if err != nil {
		return nil, "", err
	}
	defer at.Close()
	fd, err := openat(at.dir, at.Name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", err
	}
	return os.NewFile(uintptr(fd), path), at.path, nil //nolint:gosec // a descriptor
}

// CheckDir calls rule for a directory, each above it and each link on the way, and returns the path without links.
func CheckDir(path string, rule Rule) (real string, err error) {
	at, err := locate(path, walker{directory: true, rule: rule})
	if err != nil {
		return "", err
	}
	at.Close()
	return at.path, nil
}

func locate(path string, w walker) (Place, error) {
	if !filepath.IsAbs(path) {
		wd, err := os.Getwd()
		if err != nil {
			return Place{}, err
		}
		path = wd + "/" + path // not cleaned: ".." behind a link leads elsewhere
	}
	w.dir = unix.AT_FDCWD
	err := w.step("/", "/")
	at := Place{}
	if err == nil {
		at, err = w.walk(path)
	}
	if err != nil && w.dir >= 0 {
		_ = unix.Close(w.dir)
	}
	return at, err
}

// walker goes down an absolute path one name at a time, never letting the kernel
// follow a link, so that nothing can be exchanged between check and use.
type walker struct {
	follow    bool // a link at the end, too
	directory bool // the end is a directory, and the place is it
	rule      Rule // nil: the rule of Locate

	dir   int
	at    string // the path of dir, without links
	links int
	// The last link that was followed although another user has made it, in a directory that others can write, and its owner.
	theirs string
	who    uint32
}

func (w *walker) walk(path string) (Place, error) {
	rest := strings.Split(path, "/")
	if w.directory {
		rest = append(rest, ".")
	}
	for {
		for len(rest) > 1 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		name, last := rest[0], len(rest) == 1
		if last && w.directory {
			return Place{dir: w.dir, path: w.at}, w.arrived()
		}
		if last && (name == "" || name == "." || name == "..") {
			return Place{}, unix.EISDIR
		}
		here := filepath.Join(w.at, name)
		if whole := filepath.Join(here, filepath.Join(rest[1:]...)); w.rule == nil && specialName(whole) {
			_ = unix.Close(w.dir)
			return Place{dir: unix.AT_FDCWD, Name: whole, Special: true}, nil
		}
		target, st, isLink := readlinkat(w.dir, w.at, name)
		switch {
		case isLink && (!last || w.follow):
			if err := w.link(here, &st); err != nil {
				return Place{}, err
			}
			rest = append(strings.Split(target, "/"), rest[1:]...)
			if strings.HasPrefix(target, "/") {
				if err := w.step("/", "/"); err != nil {
					return Place{}, err
				}
			}
		case last:
			return Place{dir: w.dir, Name: name, path: here}, w.arrived()
		default:
			if err := w.step(name, here); err != nil {
				return Place{}, err
			}
			rest = rest[1:]
		}
	}
}

// step enters a directory.
func (w *walker) step(name, path string) error {
	next, err := openat(w.dir, name, directoryFlags|unix.O_NOFOLLOW, 0)
	if w.dir != unix.AT_FDCWD {
		_ = unix.Close(w.dir)
	}
	w.dir, w.at = next, path
	if err != nil || w.rule == nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(w.dir, &st); err != nil {
		return err
	}
	return w.rule(path, &st)
}

// link decides whether a link is followed. What it leads to is walked in its turn.
func (w *walker) link(path string, st *unix.Stat_t) error {
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	if w.rule != nil {
		return w.rule(path, st)
	}
	if st.Uid == 0 {
		return nil
	}
	var dir unix.Stat_t
	if err := unix.Fstat(w.dir, &dir); err != nil || !foreign(&dir) {
		return err
	}
	if w.theirs != "" && st.Uid != w.who {
		return unsafeLink(path)
	}
	w.theirs, w.who = path, st.Uid
	return nil
}

// arrived refuses a place to which another user's link has led, unless the directory is that user's, who needs no link to write there.
func (w *walker) arrived() error {
	if w.theirs == "" {
		return nil
	}
	var dir unix.Stat_t
	if err := unix.Fstat(w.dir, &dir); err != nil {
		return err
	}
	if dir.Uid != w.who {
		return unsafeLink(w.theirs)
	}
	return nil
}

func unsafeLink(path string) error {
	return fmt.Errorf("%q is a symbolic link: %w", path, ErrUnsafe)
}

// foreign reports whether others than root can make names in a directory.
func foreign(dir *unix.Stat_t) bool { return dir.Uid != 0 || dir.Mode&0o022 != 0 }

// specialName reports whether a clean path names one of a process's descriptors.
func specialName(path string) bool {
	switch path {
	case "/dev/stdin", "/dev/stdout", "/dev/stderr":
		return true
	}
	return strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/")
}
