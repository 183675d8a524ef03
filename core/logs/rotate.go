package logs

import (
	"errors"
	"io"
	"math"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// rotateAgain is how many bytes a log grows, at most, before a rotation that
// failed is tried again.
const rotateAgain = 1 << 20

// askEvery is how many bytes are written, at most, before the kernel is asked again how large the log is: so much later it may be rotated
// where another process writes to it too.
const askEvery = 64 << 10

// Room returns how many bytes may still be written before the log is rotated: the
// write that reaches or passes it is the last in this file.
func (f *File) Room() int64 {
	if f.o.MaxBytes <= 0 || f.fixed || f.d.fd < 0 {
		return math.MaxInt64
	}
	return max(max(f.o.MaxBytes, f.rotateAt)-f.position(), 0)
}

// position is where the last write ended. It is asked of the kernel, as
// Supervisor's tell() does, because another process may have appended to the same
// file or truncated it.
func (f *File) position() int64 {
	n, err := unix.Seek(f.d.fd, 0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return n
}

// due reports whether the log has reached its size.
func (f *File) due() bool {
	return f.o.MaxBytes > 0 && !f.fixed && f.position() >= max(f.o.MaxBytes, f.rotateAt)
}

// rotateIfDue rotates a log that has reached its size and reports, once, that it
// cannot. The size is only requested when the written bytes may have reached it: a listener's answer is a few bytes, for which that
// would cost as much as the write.
func (f *File) rotateIfDue() error {
	if f.written >= f.askAt {
		room := f.Room()
		if room == 0 {
			_ = f.rotate()
		}
		f.askAt = f.written + min(room, askEvery)
	}
	if f.rotateErr == nil || f.toldRotate {
		return nil
	}
	f.toldRotate = true
	return &Trouble{Kind: NotRotated, Path: f.path, Err: f.rotateErr}
}

// rotate is doRollover of supervisor/loggers.py: path.N-1 becomes path.N and so
// on, path becomes path.1, and a new file begins; without backups the log is
// truncated. Unlike in Supervisor, the old file stays open until the new one is, so that
// a failure loses nothing, and a log that was moved away and recreated by
// another process is reopened instead of being rotated.
func (f *File) rotate() error {
	err := f.rollOver()
	f.rotateErr = err
	if err != nil {
		f.rotateAt = f.position() + min(f.o.MaxBytes, rotateAgain)
		return err
	}
	f.rotateAt, f.toldRotate = 0, false
	return nil
}

func (f *File) rollOver() error {
	p, err := held.Locate(f.path, false)
	if err != nil {
		return err
	}
	defer p.Close()
	switch here := f.inPlace(p); {
	case here == elsewhere:
		return f.startNew()
	case here == mine && f.o.Backups <= 0:
		if err := unix.Ftruncate(f.d.fd, 0); err != nil {
			return err
		}
		if _, err := unix.Seek(f.d.fd, 0, io.SeekStart); err != nil {
			return err
		}
		f.rotations++
		return nil
	}
	for i := f.o.Backups - 1; i > 0; i-- {
		if err := shift(p, backup(p.Name, i), backup(p.Name, i+1)); err != nil {
			return err
		}
	}
	if f.o.Backups > 0 {
		if err := shift(p, p.Name, backup(p.Name, 1)); err != nil {
			return err
		}
	}
	if err := f.startNew(); err != nil {
		// Back to its place, so that the next try finds it there.
		if f.o.Backups > 0 {
			_ = p.Rename(backup(p.Name, 1), p.Name)
		}
		return err
	}
	f.rotations++
	return nil
}

// presence reports what is at a log's path.
type presence int

const (
	missing   presence = iota // nothing: rotation makes a new file, as Supervisor does
	mine                      // the open file
	elsewhere                 // another file
)

func (f *File) inPlace(p held.Place) presence {
	var own unix.Stat_t
	if unix.Fstat(f.d.fd, &own) != nil {
		return missing
	}
	there, err := p.Stat(p.Name)
	if err != nil {
		return missing
	}
	if own.Dev == there.Dev && own.Ino == there.Ino {
		return mine
	}
	return elsewhere
}

// startNew opens the path and closes the old file.
func (f *File) startNew() error {
	d, fixed, err := openLog(f.path, f.o.Mode)
	if err != nil {
		return err
	}
	f.swap(d, fixed)
	return nil
}

// shift renames from to to if from is there. to is removed first: renaming to
// another link of the same file would do nothing.
func shift(p held.Place, from, to string) error {
	if _, err := p.Stat(from); err != nil {
		return nil //nolint:nilerr // what is not there needs no place
	}
	if err := p.Unlink(to); err != nil {
		return err
	}
	if err := p.Rename(from, to); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

func backup(name string, n int) string { return name + "." + strconv.Itoa(n) }
