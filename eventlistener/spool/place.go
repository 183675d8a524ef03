package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// DirName is the name of a spool's own directory in Options.Dir.
func DirName(name string) string { return url.PathEscape(name) + ".spool" }

// openPlace opens the spool's own directory, making it where it is not there. Its name survives loss of power; durable: an error tells where that cannot be.
func openPlace(d disk, dir, name string, durable bool) (*os.Root, error) {
	parent, err := openParent(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = parent.Close() }()
	sub := DirName(name)
	if err := d.mkdir(parent, sub); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	root, err := step(parent, sub)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err == nil && (info.Mode().Perm()&0o022 != 0 || owner(info) != os.Geteuid()) {
		err = fmt.Errorf("%q has mode %#o and owner %d: %w", filepath.Join(dir, sub), info.Mode().Perm(), owner(info), ErrUnsafe)
	}
	if _, lost := root.Lstat(numbersName); err == nil && (durable || lost != nil) { // before the first number is given
		if failed := d.syncDir(parent); durable {
			err = failed
		}
	}
	if err != nil {
		_ = root.Close()
		return nil, err
	}
	return root, nil
}

// openParent opens a directory. As root it walks the path itself and refuses
// links of a directory that others can write, unless root made the link.
func openParent(dir string) (*os.Root, error) {
	if os.Geteuid() != 0 {
		return os.OpenRoot(dir)
	}
	if !filepath.IsAbs(dir) {
		wd, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		dir = wd + "/" + dir // not cleaned: ".." behind a link leads elsewhere
	}
	return walk(dir)
}

// maxLinks is how many symbolic links a path may have, as in the kernel.
const maxLinks = 40

func walk(abs string) (*os.Root, error) {
	at, err := os.OpenRoot("/")
	if err != nil {
		return nil, err
	}
	// Opened directories from / to here: a link may lead up again.
	path := []*os.Root{at}
	defer func() {
		for _, r := range path {
			_ = r.Close()
		}
	}()
	up := func(to int) {
		for _, r := range path[to:] {
			_ = r.Close()
		}
		path = path[:to]
	}
	rest, links := strings.Split(abs, "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		here := path[len(path)-1]
		switch name {
		case "", ".":
			continue
		case "..":
			up(max(len(path)-1, 1))
			continue
		}
		info, err := here.Lstat(name)
		if err != nil {
			return nil, err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			next, err := step(here, name)
			if err != nil {
				return nil, err
			}
			path = append(path, next)
			continue
		}
		parent, err := here.Stat(".")
		if err != nil {
			return nil, err
		}
		if owner(info) != 0 && (owner(parent) != 0 || parent.Mode().Perm()&0o022 != 0) {
			return nil, fmt.Errorf("%q goes through the symbolic link %q: %w", abs, name, ErrUnsafe)
		}
		if links++; links > maxLinks {
			return nil, syscall.ELOOP
		}
		target, err := here.Readlink(name)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(target, "/") {
			up(1)
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	end := path[len(path)-1]
	path = path[:len(path)-1]
	return end, nil
}

// step opens the directory name in r. What Lstat saw must be what was opened, so
// that it can't be exchanged for a link in between.
func step(r *os.Root, name string) (*os.Root, error) {
	seen, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !seen.IsDir() {
		if seen.Mode()&fs.ModeSymlink != 0 {
			return nil, fmt.Errorf("%q is a symbolic link: %w", name, ErrUnsafe)
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	next, err := r.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	opened, err := next.Stat(".")
	if err == nil && !os.SameFile(seen, opened) {
		err = fmt.Errorf("%q was exchanged: %w", name, ErrUnsafe)
	}
	if err != nil {
		_ = next.Close()
		return nil, err
	}
	return next, nil
}

func owner(info fs.FileInfo) int {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// intact tells whether the open file still has a name and at least size bytes.
func intact(f *os.File, size int64) bool {
	info, err := f.Stat()
	if err != nil || info.Size() < size {
		return false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink > 0
}

// lockPlace takes the spool for this process.
func lockPlace(root *os.Root) (*os.File, error) {
	f, err := root.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lockFile(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
