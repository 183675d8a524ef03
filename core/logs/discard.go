package logs

import (
	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// Discard closes a log that was opened for nothing. A file that came into being by that, and has nothing in it, is removed.
func (f *File) Discard() error {
	var st unix.Stat_t
	unused := f.d.fd >= 0 && f.d.made && unix.Fstat(f.d.fd, &st) == nil && st.Size == 0
	if err := f.Close(); err != nil || !unused {
		return err
	}
	p, err := held.Locate(f.path, false)
	if err != nil {
		return err
	}
	defer p.Close()
	if now, err := p.Stat(p.Name); err == nil && now.Dev == st.Dev && now.Ino == st.Ino {
		return p.Unlink(p.Name)
	}
	return nil
}
