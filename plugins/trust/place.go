package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// openTrusted opens a file that only root and the daemon's user can have put there or changed. Symbolic
// links on the way are followed only if they and the directories that hold them pass the same test.
func (p *Policy) openTrusted(path string) (*os.File, error) {
	f, real, err := held.OpenChecked(path, p.rule)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, unwrapped(err))
	}
	var st unix.Stat_t
	err = unix.Fstat(int(f.Fd()), &st) //nolint:gosec // a descriptor
	if err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = refuse(path, "is not a regular file")
	}
	if err == nil {
		err = p.check(real, &st)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// checkDirs checks a directory and all above it. The error of one that is not there is os.ErrNotExist.
func (p *Policy) checkDirs(dir string) error {
	if _, err := held.CheckDir(dir, p.rule); err != nil {
		if errors.Is(err, unix.ENOTDIR) {
			return refuse(dir, "is not a directory")
		}
		return fmt.Errorf("cannot use the directory %s: %w", dir, unwrapped(err))
	}
	return nil
}

// rule is what each directory and link on the way must be.
func (p *Policy) rule(path string, st *unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return p.checkOwner(path, st)
	}
	return p.check(path, st)
}

// check refuses what others own or can write. A sticky directory such as /tmp may be written by all: the files in it
// still belong to their owners.
func (p *Policy) check(path string, st *unix.Stat_t) error {
	if err := p.checkOwner(path, st); err != nil {
		return err
	}
	sticky := st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0
	mode := st.Mode & 0o777
	switch {
	case mode&0o002 != 0 && !sticky:
		return refuse(path, "can be written by everybody (mode %04o); run: chmod o-w %s", mode, path)
	case mode&0o020 != 0 && st.Gid != 0 && p.UID == 0 && !sticky:
		return refuse(path, "can be written by group %d (mode %04o), and supervisord runs as root; run: chmod g-w %s", st.Gid, mode, path)
	}
	return nil
}

func (p *Policy) checkOwner(path string, st *unix.Stat_t) error {
	if st.Uid != 0 && int(st.Uid) != p.UID {
		return refuse(path, "belongs to uid %d, not to root or to the user of supervisord; run: chown root %s", st.Uid, path)
	}
	return nil
}

// within refuses a file that a symbolic link has led out of its plugin directory.
func (p *Policy) within(dir, file string) error {
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("cannot use the directory %s: %w", dir, unwrapped(err))
	}
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", file, unwrapped(err))
	}
	if !strings.HasPrefix(real, strings.TrimSuffix(realDir, "/")+"/") {
		return refuse(file, "is a symbolic link that leads out of %s, to %s", dir, real)
	}
	return nil
}

// unwrapped is a path error without its path, which the message has already.
func unwrapped(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

// replaceFile writes a file in one step: whoever has the old one open keeps that.
func replaceFile(path string, content []byte, mode os.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, unwrapped(err))
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("cannot write %s: %w", path, unwrapped(err))
		}
	}()
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
