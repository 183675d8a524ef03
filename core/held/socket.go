package held

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrTooLong is the error for a path that no client could connect to (Python's words).
var ErrTooLong = errors.New("AF_UNIX path too long")

// Owner is the owner that a socket gets; -1 leaves one unchanged.
type Owner struct{ UID, GID int }

// Socket is the file of a unix socket. It comes into being in a private directory, where it gets its owner and mode, and then its name.
type Socket struct {
	dir     *Dir
	name    string
	private *Dir // nil once it has its name
	privy   string
	st      unix.Stat_t
}

// made is the socket's name in the private directory.
const made = "s"

// Bind has bind make a socket, bound to the address that it is given, for a path; its file gets mode (the nine bits) and owner, nil for ours. Nobody but us
// can reach it until Link or Replace. Errors of chmod and chown are *fs.PathError with that Op.
func Bind(path string, mode uint32, owner *Owner, bind func(address string) error) (_ *Socket, err error) {
	if len(path) >= len(unix.RawSockaddrUnix{}.Path) {
		return nil, fmt.Errorf("%w: %q has %d bytes, of at most %d", ErrTooLong, path, len(path), len(unix.RawSockaddrUnix{}.Path)-1)
	}
	dir, name, err := OpenParent(path)
	if err != nil {
		return nil, err
	}
	s := &Socket{dir: dir, name: name}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	dir.sweepPrivate()
	if s.private, s.privy, err = dir.private(); err != nil {
		return nil, err
	}
	// The short way by the descriptor, where the system has it: it leads to the private directory wherever that is moved.
	err = bind(filepath.Join(reach(s.private.fd), made))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
		err = bind(filepath.Join(s.private.path, made))
	}
	if err != nil {
		return nil, err
	}
	if s.st, err = s.private.Stat(made); err != nil {
		return nil, err // bound, but somewhere else
	}
	// By its name: no other user can exchange what is in there.
	if err = unix.Fchmodat(s.private.fd, made, mode&0o777, 0); err != nil {
		return nil, &fs.PathError{Op: "chmod", Path: path, Err: err}
	}
	if owner != nil {
		if err = unix.Fchownat(s.private.fd, made, owner.UID, owner.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return nil, &fs.PathError{Op: "chown", Path: path, Err: err}
		}
	}
	return s, nil
}

// Adopt is the file of a socket that has its name already.
func Adopt(path string) (*Socket, error) {
	dir, name, err := OpenParent(path)
	if err != nil {
		return nil, err
	}
	s := &Socket{dir: dir, name: name}
	if s.st, err = dir.Stat(name); err != nil {
		_ = dir.Close()
		return nil, err
	}
	return s, nil
}

// Occupant returns the file information of what has the socket's name. The error is fs.ErrNotExist if nothing has it.
func (s *Socket) Occupant() (unix.Stat_t, error) { return s.dir.Stat(s.name) }

// Address leads to what is at the socket's name, to connect to it.
func (s *Socket) Address() string {
	path := filepath.Join(reach(s.dir.fd), s.name)
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil {
		return filepath.Join(s.dir.path, s.name)
	}
	return path
}

// Link links the socket to its name. The error is fs.ErrExist if something has the name.
func (s *Socket) Link() error {
	err := link(s.private, made, s.dir, s.name)
	switch {
	case err == nil:
		_ = s.private.Remove(made)
		s.leave()
		return nil
	case errors.Is(err, unix.EEXIST):
		return s.dir.fail("link", s.name, err)
	}
	if _, stat := s.Occupant(); stat == nil {
		return s.dir.fail("link", s.name, unix.EEXIST)
	} else if !errors.Is(stat, fs.ErrNotExist) {
		return stat
	}
	// A file system without hard links: here two that begin at the same moment could both get the name.
	return s.Replace()
}

// Replace moves the socket to its name and replaces what has the name.
func (s *Socket) Replace() error {
	if err := unix.Renameat(s.private.fd, made, s.dir.fd, s.name); err != nil {
		return s.dir.fail("rename", s.name, err)
	}
	s.leave()
	return nil
}

// RemoveOccupant removes what has the name, if it is still what Occupant returned.
func (s *Socket) RemoveOccupant(st *unix.Stat_t) bool { return s.dir.RemoveSame(s.name, st) }

// Is reports whether st is of the socket's file.
func (s *Socket) Is(st *unix.Stat_t) bool { return st.Dev == s.st.Dev && st.Ino == s.st.Ino }

// Present reports whether the path still leads to this socket.
func (s *Socket) Present(path string) bool {
	dir, name, err := OpenParent(path)
	if err != nil {
		return false
	}
	defer dir.Close() //nolint:errcheck // only a descriptor
	st, err := dir.Stat(name)
	return err == nil && s.private == nil && s.Is(&st)
}

// leave removes the private directory.
func (s *Socket) leave() {
	_ = s.private.Close()
	s.dir.removeDir(s.privy)
	s.private = nil
}

// Close removes the socket's file, if it still has its name, and closes the directory. The socket itself stays open.
func (s *Socket) Close() error {
	if s.private != nil {
		_ = s.private.Remove(made)
		s.leave()
	} else if s.st.Ino != 0 {
		s.dir.RemoveSame(s.name, &s.st)
	}
	return s.dir.Close()
}

// Abandon closes the directory and leaves the file, which has its name.
func (s *Socket) Abandon() error { return s.dir.Close() }
