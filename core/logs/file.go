package logs

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// DefaultKeep is how many bytes a File keeps of what it cannot write: enough for
// several full pipes, little enough for a thousand logs on one full disk.
const DefaultKeep = 1 << 20

// Policy says what happens to output that a full disk does not take.
type Policy int

// The policies of stdout_on_full and stderr_on_full.
const (
	// Drop keeps up to Options.Keep bytes and drops, and counts, what follows.
	Drop Policy = iota
	// Block makes File.Full true at the first failure, so that the caller leaves
	// the child's pipe alone and the child waits.
	Block
)

// Options are the settings of a log file.
type Options struct {
	// MaxBytes: size in bytes at which the log is rotated; 0 or less: never.
	MaxBytes int64
	// Backups: how many rotated files are kept as path.1 (newest) to path.N;
	// 0 truncates the log instead.
	Backups int
	// Mode: permissions of a new file before the umask; 0 means 0666, as Python's open.
	Mode os.FileMode
	// OnFull: what to do with output that cannot be written; default Drop.
	OnFull Policy
	// Keep: how many bytes that cannot be written are kept for later; 0 means DefaultKeep.
	Keep int
	// Episode is shared by Files of the same log that follow one another; nil: one of its own.
	Episode *Episode
}

func (o *Options) complete() {
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.Episode == nil {
		o.Episode = &Episode{}
	}
}

// File is an append-only log file, rotated as Supervisor's RotatingFileHandler
// does (supervisor/loggers.py). All methods are called from one thread. Pipes,
// terminals, sockets, devices and the standard descriptors under any of their
// names are never rotated, truncated nor removed, and a reader that does not read
// them makes the log Full whatever its policy: Supervisor would wait for it.
type File struct {
	path   string
	o      Options
	d      descriptor
	fixed  bool // never rotated, truncated or removed
	noName bool // made of a descriptor: path is only for messages

	kept     []byte // what could not be written yet
	keptOff  int    // how much of kept is written since
	failing  bool   // something is kept, or was dropped behind what was
	dropping bool   // nothing more is kept until all that is kept is written
	cause    error

	rotateErr  error // why the last rotation failed; nil when it worked
	toldRotate bool
	rotateAt   int64 // size at which a failed rotation is tried again
	askAt      int64 // how much is written when the log's size is asked for next

	written, lost int64
	rotations     int
}

// Open opens path for appending and creates it if need be, without ever blocking.
// As root it refuses, with ErrUnsafe, a path through a symbolic link in a
// directory that another user can write.
func Open(path string, o Options) (*File, error) {
	if o.Mode == 0 {
		o.Mode = 0o666
	}
	o.complete()
	d, fixed, err := openLog(path, o.Mode)
	if err != nil {
		return nil, fmt.Errorf("cannot open log file %q: %w", path, err)
	}
	return &File{path: path, o: o, d: d, fixed: fixed}, nil
}

// OpenDescriptor makes a File of a duplicate of an open descriptor, such as the
// daemon's own stdout; it is never rotated, truncated nor removed, and Reopen
// leaves it as it is. name is for messages.
func OpenDescriptor(fd int, name string, o Options) (*File, error) {
	o.complete()
	d, err := borrow(fd)
	if err != nil {
		return nil, fmt.Errorf("cannot open log file %q: %w", name, err)
	}
	return &File{path: name, o: o, d: d, fixed: true, noName: true}, nil
}

// Write writes all of b in one piece, then rotates if the log has grown to
// MaxBytes, so that a write is never split between two files. What cannot be
// written is kept and tried again by the next Write or Retry, in order; beyond
// Options.Keep it is dropped. It returns how many bytes of b were dropped. The
// error, when there is something to announce, is a *Trouble, or ErrClosed. b is
// not kept.
func (f *File) Write(b []byte) (dropped int, err error) {
	if f.d.fd < 0 {
		return len(b), ErrClosed
	}
	if f.failing {
		return f.writeBehind(b)
	}
	n, err := f.d.write(b, stallLimit)
	f.written += int64(n)
	if err == nil {
		return 0, f.rotateIfDue()
	}
	// A log that is due all the same may make room by dropping its oldest backup.
	if f.due() && f.rotate() == nil {
		b = b[n:]
		n, err = f.d.write(b, stallLimit)
		f.written += int64(n)
		if err == nil {
			return 0, f.rotateIfDue()
		}
	}
	f.failing, f.cause = true, err
	return f.keep(b[n:])
}

// Retry tries to write what is kept, without waiting. If Full was true, it reports
// afterwards whether the caller may continue. The error is as Write's. While Unsettled, call it: every second or so
// for a disk, every 10 ms or so for a pipe that is Full, whose reader may only be slow.
func (f *File) Retry() error {
	if f.d.fd < 0 {
		return nil
	}
	if !f.failing {
		return f.o.Episode.Settle(f.path)
	}
	if !f.flush() {
		return nil
	}
	return f.recover()
}

// Unsettled reports whether Retry is to be called: something is kept, the log is Full, or the end of an episode is still
// to be reported.
func (f *File) Unsettled() bool { return f.Pending() > 0 || f.Full() || f.o.Episode.Unsettled() }

// Full reports whether the caller should not write for now (policy Block, or a
// stalled reader). A child's last output may still be written, within Options.Keep.
func (f *File) Full() bool {
	return f.failing && (f.o.OnFull == Block || errors.Is(f.cause, ErrStalled))
}

// Pending returns how many bytes are kept for a later try.
func (f *File) Pending() int { return len(f.kept) - f.keptOff }

// Written returns how many bytes were written since Open.
func (f *File) Written() int64 { return f.written }

// Lost returns how many bytes were dropped since Open.
func (f *File) Lost() int64 { return f.lost }

// Rotations returns how often the log was rotated since Open.
func (f *File) Rotations() int { return f.rotations }

// Path returns the path by which the log was opened.
func (f *File) Path() string { return f.path }

// Reopen opens the path again, for a log that was moved away. If that fails the
// log stays with the old file. What is kept is written to the new file.
func (f *File) Reopen() error {
	if f.noName || f.fixed && f.d.fd >= 0 && f.d.kind != stream {
		return nil // it would be the same descriptor
	}
	d, fixed, err := openLog(f.path, f.o.Mode)
	if err != nil {
		return fmt.Errorf("cannot reopen log file %q: %w", f.path, err)
	}
	f.swap(d, fixed)
	return nil
}

// Clear removes the log and begins a new one, as clearProcessLogs does
// (supervisor/dispatchers.py, removelogs); backups stay. What is kept belongs to
// what is cleared and is forgotten. A log that isn't a regular file is left alone.
func (f *File) Clear() error {
	if f.fixed {
		return nil
	}
	if err := f.unlink(); err != nil {
		return fmt.Errorf("cannot clear log file %q: %w", f.path, err)
	}
	d, fixed, err := openLog(f.path, f.o.Mode)
	if err != nil {
		return fmt.Errorf("cannot clear log file %q: %w", f.path, err)
	}
	f.forget()
	f.swap(d, fixed)
	return nil
}

// Remove closes the log and removes its file; backups stay. What is kept is
// forgotten. A log that isn't a regular file is only closed.
func (f *File) Remove() error {
	f.forget()
	if err := f.Close(); err != nil {
		return err
	}
	if f.fixed {
		return nil
	}
	if err := f.unlink(); err != nil {
		return fmt.Errorf("cannot remove log file %q: %w", f.path, err)
	}
	return nil
}

// Close tries once more to write what is kept and closes the log. If bytes were
// lost by that, the error is a *Trouble. Closing twice is harmless.
func (f *File) Close() error {
	if f.d.fd < 0 {
		return nil
	}
	var trouble error
	if f.failing && !f.flush() {
		n := int64(f.Pending())
		f.lost += n
		trouble = f.o.Episode.abandoned(f.path, f.cause, n)
	} else if f.failing {
		f.o.Episode.written()
	}
	f.forget()
	f.failing = false
	err := unix.Close(f.d.fd)
	f.d.fd = -1
	if trouble != nil {
		return trouble
	}
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("cannot close log file %q: %w", f.path, err)
	}
	return nil
}

// writeBehind writes in an episode: what is kept goes first.
func (f *File) writeBehind(b []byte) (int, error) {
	if f.flush() {
		n, err := f.d.write(b, 0)
		f.written += int64(n)
		if err == nil {
			return 0, f.recover()
		}
		b, f.cause = b[n:], err
	}
	return f.keep(b)
}

// flush writes what is kept and reports whether all of it is written.
func (f *File) flush() bool {
	for range 2 {
		n, err := f.d.write(f.kept[f.keptOff:], 0)
		f.written += int64(n)
		f.keptOff += n
		if err == nil {
			f.forget()
			return true
		}
		f.cause = err
		if !f.due() || f.rotate() != nil {
			return false
		}
	}
	return false
}

// keep takes what could not be written, up to the bound and then to the end of a
// line, and reports what of the episode is new.
func (f *File) keep(b []byte) (int, error) {
	rest := b
	if !f.dropping {
		if f.keptOff > len(f.kept)/2 {
			f.kept = f.kept[:copy(f.kept, f.kept[f.keptOff:])]
			f.keptOff = 0
		}
		n := len(b)
		if room := f.o.Keep - f.Pending(); n > room {
			n = max(room, 0)
			if end := bytes.LastIndexByte(b[:n], '\n'); end >= 0 {
				n = end + 1
			}
			f.dropping = true
		}
		f.kept = append(f.kept, b[:n]...)
		rest = b[n:]
	}
	f.lost += int64(len(rest))
	if t := f.o.Episode.failed(f.path, f.cause, int64(len(rest)), int64(f.Pending())); t != nil {
		return len(rest), t
	}
	return len(rest), nil
}

// recover notes that all that was kept is written.
func (f *File) recover() error {
	f.failing, f.cause = false, nil
	f.o.Episode.written()
	return f.rotateIfDue()
}

// forget drops what is kept.
func (f *File) forget() {
	f.kept, f.keptOff, f.dropping = nil, 0, false
}

func (f *File) swap(d descriptor, fixed bool) {
	if f.d.fd >= 0 {
		_ = unix.Close(f.d.fd)
	}
	f.d, f.fixed = d, fixed
	f.rotateAt, f.askAt = 0, 0
}

func (f *File) unlink() error {
	p, err := held.Locate(f.path, false)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Unlink(p.Name)
}
