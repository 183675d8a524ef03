// Package held opens, makes, replaces and removes files by their names, as a daemon must that runs as root and
// works in directories of other users: the sockets, pidfile, logs, run directories and records of plugins.
//
// A path is followed once, name by name, and its directory is held open from then on (Dir). All further calls use
// an entry of that directory, never a path, so an exchange on the way has no effect. A file that needs an
// owner or a mode gets them in a private directory that no other user can reach, and is moved to its name when complete.
// As root no symbolic link is followed that another user may have made; for other users nothing is refused: they can
// reach only what is theirs anyway.
package held

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrUnsafe is the cause when another user can have put there what would be followed or used.
var ErrUnsafe = errors.New("another user can write there")

// Dir is a directory held open. Its methods take the name of an entry, never a path, and follow no link; their errors are *fs.PathError.
type Dir struct {
	fd   int
	path string // for messages
}

// OpenDir opens a directory. As root its path is walked, with ErrUnsafe for a link that another user may have made.
func OpenDir(path string) (*Dir, error) {
	at, err := Place{dir: unix.AT_FDCWD, Name: path, Special: true}, error(nil)
	if os.Geteuid() == 0 {
		at, err = locate(path, walker{directory: true})
	}
	fd := at.dir
	if err == nil && at.Special {
		fd, err = openat(at.dir, at.Name, directoryFlags, 0)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return &Dir{fd: fd, path: path}, nil
}

// OpenParent opens the directory of a path, and returns the name in it.
func OpenParent(path string) (*Dir, string, error) {
	name := filepath.Base(path)
	if name == "." || name == ".." || name == "/" {
		return nil, "", &fs.PathError{Op: "open", Path: path, Err: unix.EISDIR}
	}
	d, err := OpenDir(filepath.Dir(path))
	return d, name, err
}

// Close closes the directory.
func (d *Dir) Close() error { return unix.Close(d.fd) }

func (d *Dir) fail(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: filepath.Join(d.path, name), Err: err}
}

// Stat is the entry itself, even if it is a link.
func (d *Dir) Stat(name string) (st unix.Stat_t, err error) {
	return st, d.fail("stat", name, unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW))
}

// OpenFile opens an entry, and follows no link; flags are unix.O_*. As root it refuses with ErrUnsafe a file with several names in a directory that
// others can write: one of them may have linked what is not theirs.
func (d *Dir) OpenFile(name string, flags int, mode os.FileMode) (*os.File, error) {
	fd, err := openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY, uint32(mode.Perm()))
	if err != nil {
		return nil, d.fail("open", name, err)
	}
	f := os.NewFile(uintptr(fd), filepath.Join(d.path, name)) //nolint:gosec // a descriptor
	if os.Geteuid() != 0 {
		return f, nil
	}
	var st, dir unix.Stat_t
	if err = errors.Join(unix.Fstat(fd, &st), unix.Fstat(d.fd, &dir)); err == nil {
		err = linkedByOthers(&st, &dir)
	}
	if err != nil {
		_ = f.Close()
		return nil, d.fail("open", name, err)
	}
	return f, nil
}

// Rename renames an entry within the directory, replacing an existing one of that name.
func (d *Dir) Rename(from, to string) error {
	return d.fail("rename", from, unix.Renameat(d.fd, from, d.fd, to))
}

// Sync waits until the names are on the disk. Some file systems have no such thing for directories.
func (d *Dir) Sync() error { return d.fail("sync", "", unix.Fsync(d.fd)) }

// Remove removes an entry that is not a directory.
func (d *Dir) Remove(name string) error {
	return d.fail("remove", name, unix.Unlinkat(d.fd, name, 0))
}

// RemoveSame removes an entry if it is still the file that st was of, and reports whether it was there. Only users who may
// write to the directory can exchange it in between.
func (d *Dir) RemoveSame(name string, st *unix.Stat_t) bool {
	now, err := d.Stat(name)
	if err != nil || now.Dev != st.Dev || now.Ino != st.Ino {
		return false
	}
	return d.Remove(name) == nil
}

// Names returns the names of the entries, in no particular order.
func (d *Dir) Names() ([]string, error) {
	fd, err := openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, d.fail("open", "", err)
	}
	f := os.NewFile(uintptr(fd), d.path) //nolint:gosec // a descriptor
	defer f.Close()                      //nolint:errcheck // only read from
	return f.Readdirnames(-1)
}

// maxNames is how many random names are tried.
const maxNames = 100

// CreateTemp creates an empty file whose name has this beginning and end, with eight characters between as Python's mkstemp has, and returns the name.
func (d *Dir) CreateTemp(prefix, suffix string, mode os.FileMode) (*os.File, string, error) {
	for range maxNames {
		name := prefix + random() + suffix
		fd, err := openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode.Perm()))
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), filepath.Join(d.path, name)), name, nil //nolint:gosec // a descriptor
		case !errors.Is(err, unix.EEXIST):
			return nil, "", d.fail("create", name, err)
		}
	}
	return nil, "", d.fail("create", prefix, unix.EEXIST)
}

// Random parts of names are eight characters of those that Python's tempfile uses.
const (
	randomLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	randomLength  = 8
)

func random() string {
	var b [randomLength]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = randomLetters[int(b[i])%len(randomLetters)]
	}
	return string(b[:])
}

// privatePrefix begins the names of private directories.
const privatePrefix = ".s"

// private makes a directory that only we can enter, and holds it, marked as in use. Whoever may write to d may move it away, but not
// reach what is in it.
func (d *Dir) private() (p *Dir, name string, err error) {
	for range maxNames {
		name = privatePrefix + random()
		if err = unix.Mkdirat(d.fd, name, 0o700); errors.Is(err, unix.EEXIST) {
			continue
		}
		if err != nil {
			return nil, "", d.fail("mkdir", name, err)
		}
		p, err = d.enterPrivate(name)
		if err == nil {
			return p, name, nil
		}
		d.removeDir(name)
		if !errors.Is(err, errSwept) {
			break
		}
	}
	return nil, "", d.fail("open", name, err)
}

func (d *Dir) enterPrivate(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		err = errSwept
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && !isPrivate(&st) {
		err = fmt.Errorf("it was exchanged: %w", ErrUnsafe)
	}
	if err == nil {
		err = mark(fd)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &Dir{fd: fd, path: filepath.Join(d.path, name)}, nil
}

func isPrivate(st *unix.Stat_t) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFDIR && int(st.Uid) == os.Geteuid() && st.Mode&0o077 == 0
}

// step opens a directory in this one.
func (d *Dir) step(name string) (*Dir, error) {
	fd, err := openat(d.fd, name, directoryFlags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &Dir{fd: fd, path: filepath.Join(d.path, name)}, nil
}

// removeDir removes an empty directory, as far as it is still there.
func (d *Dir) removeDir(name string) { _ = unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR) }

// OpenSubdir opens a directory in this one, made with that mode, whatever the umask, where it is not there. With ErrUnsafe it refuses one that
// is not ours alone: of another owner, or that others may write to.
func (d *Dir) OpenSubdir(name string, mode os.FileMode) (*Dir, error) {
	made := unix.Mkdirat(d.fd, name, uint32(mode.Perm()))
	if made != nil && !errors.Is(made, unix.EEXIST) {
		return nil, d.fail("mkdir", name, made)
	}
	sub, err := d.step(name)
	if err != nil {
		if st, stat := d.Stat(name); stat == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			err = fmt.Errorf("it is a symbolic link: %w", ErrUnsafe)
		}
		return nil, d.fail("open", name, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(sub.fd, &st); err == nil && (int(st.Uid) != os.Geteuid() || st.Mode&0o022 != 0) {
		err = fmt.Errorf("it has mode %#o and owner %d: %w", st.Mode&0o7777, st.Uid, ErrUnsafe)
	}
	if err == nil && made == nil && os.FileMode(st.Mode&0o777) != mode.Perm() {
		err = unix.Fchmodat(sub.fd, ".", uint32(mode.Perm()), 0)
	}
	if err != nil {
		_ = sub.Close()
		return nil, d.fail("open", name, err)
	}
	return sub, nil
}

// Root is the directory as an os.Root, which lives on by itself.
func (d *Dir) Root() (*os.Root, error) {
	var mine, its unix.Stat_t
	if err := unix.Fstat(d.fd, &mine); err != nil {
		return nil, d.fail("stat", "", err)
	}
	var failed error
	for _, path := range []string{d.path, reach(d.fd)} { // the second if the first is exchanged
		root, err := os.OpenRoot(path)
		if err != nil {
			failed = err
			continue
		}
		if f, err := root.Open("."); err == nil {
			err = unix.Fstat(int(f.Fd()), &its) //nolint:gosec // a descriptor
			_ = f.Close()
			if err == nil && its.Dev == mine.Dev && its.Ino == mine.Ino {
				return root, nil
			}
		}
		_ = root.Close()
		failed = d.fail("open", "", fmt.Errorf("it was exchanged: %w", ErrUnsafe))
	}
	return nil, failed
}

// reach is a path that leads to an open descriptor, where the system has such.
func reach(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// openat repeats what a signal has interrupted.
func openat(dir int, name string, flags int, mode uint32) (fd int, err error) {
	for {
		if fd, err = unix.Openat(dir, name, flags, mode); !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}
