package spool

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"syscall"

	"github.com/hark-supervisor/hark/core/held"
)

// DirName is the name of a spool's own directory in Options.Dir.
func DirName(name string) string { return url.PathEscape(name) + ".spool" }

// openPlace opens the spool's own directory, making it where it is not there. Its name survives loss of power; durable: an error reports where that cannot be.
func openPlace(d disk, dir, name string, durable bool) (*os.Root, error) {
	above, err := held.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer above.Close() //nolint:errcheck // only a descriptor
	parent, err := above.Root()
	if err != nil {
		return nil, err
	}
	defer func() { _ = parent.Close() }()
	sub := DirName(name)
	if err := d.mkdir(parent, sub); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	own, err := above.OpenSubdir(sub, 0o700)
	if err != nil {
		return nil, err
	}
	defer own.Close() //nolint:errcheck // as above
	root, err := own.Root()
	if err != nil {
		return nil, err
	}
	if _, lost := root.Lstat(numbersName); durable || lost != nil { // before the first number is given
		if failed := d.syncDir(parent); durable && failed != nil {
			_ = root.Close()
			return nil, failed
		}
	}
	return root, nil
}

// intact reports whether the open file still has a name and at least size bytes.
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
