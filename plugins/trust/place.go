package trust

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// openTrusted opens a file that nobody but root and the daemon's user can have put there or changed. Symbolic
// links on the way are followed only where they and the directories that hold them pass the same test.
func (p *Policy) openTrusted(path string) (*os.File, error) {
	real, err := p.walk(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, unwrapped(err))
	}
	f, err := os.OpenFile(real, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", path, unwrapped(err))
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = refuse(path, "is no regular file")
	}
	if err == nil {
		err = p.check(real, st)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// checkDirs checks a directory and all above it. The error of one that is not there is os.ErrNotExist.
func (p *Policy) checkDirs(dir string) error {
	real, err := p.walk(dir)
	if err != nil {
		return fmt.Errorf("cannot use the directory %s: %w", dir, unwrapped(err))
	}
	if st, err := os.Lstat(real); err != nil || !st.IsDir() {
		return refuse(dir, "is no directory")
	}
	return nil
}

// maxLinks is how many symbolic links a path may lead over.
const maxLinks = 40

// walk follows a path step by step and gives it without symbolic links. All that decides where it leads is checked: each directory, and
// each link. What is at its end is the caller's to check, unless it is a directory.
func (p *Policy) walk(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	at, links := "/", 0
	rest := strings.Split(path, "/")
	for len(rest) > 0 {
		next := filepath.Join(at, rest[0]) // at has no links, so .. is what it seems
		rest = rest[1:]
		st, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		switch {
		case st.Mode()&os.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", syscall.ELOOP
			}
			if err := p.checkOwner(next, st); err != nil {
				return "", err
			}
			target, err := os.Readlink(next)
			if err != nil {
				return "", err
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
			continue
		case st.IsDir():
			if err := p.check(next, st); err != nil {
				return "", err
			}
		case len(rest) > 0:
			return "", syscall.ENOTDIR
		}
		at = next
	}
	return at, nil
}

// check refuses what others own or can write. A sticky directory such as /tmp may be written by all: what is in it
// still belongs to whom it belongs.
func (p *Policy) check(path string, st os.FileInfo) error {
	if err := p.checkOwner(path, st); err != nil {
		return err
	}
	sys, _ := st.Sys().(*syscall.Stat_t)
	sticky := st.IsDir() && st.Mode()&os.ModeSticky != 0
	mode := st.Mode().Perm()
	switch {
	case mode&0o002 != 0 && !sticky:
		return refuse(path, "can be written by everybody (mode %04o); run: chmod o-w %s", mode, path)
	case mode&0o020 != 0 && sys.Gid != 0 && p.UID == 0 && !sticky:
		return refuse(path, "can be written by group %d (mode %04o), and supervisord runs as root; run: chmod g-w %s", sys.Gid, mode, path)
	}
	return nil
}

func (p *Policy) checkOwner(path string, st os.FileInfo) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("cannot tell the owner of %s", path)
	}
	if sys.Uid != 0 && int(sys.Uid) != p.UID {
		return refuse(path, "belongs to uid %d, not to root or to the user of supervisord; run: chown root %s", sys.Uid, path)
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
