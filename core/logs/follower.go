package logs

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// truncatedMark is sent to a reader of /logtail when the log was truncated
// (supervisor/http.py, tail_f_producer).
const truncatedMark = "==> File truncated <==\n"

const (
	// followChunk is how much Next returns at most.
	followChunk = 64 << 10
	// recheck is how long a Follower trusts that it would have been notified:
	// changes of a symbolic link on the way, or from another machine, are not.
	recheck = 5 * time.Second
)

// Follower reads a log as it grows, for /logtail and /mainlogtail
// (supervisor/http.py, tail_f_producer). When the log is rotated it returns the rest
// of the old file and then all of the next, through as many backups as there
// were rotations meanwhile, where Supervisor goes to the newest at once. It is used
// from one goroutine; between writes it sleeps (inotify on Linux, one stat a
// second elsewhere).
type Follower struct {
	path string
	f    *os.File
	pos  int64
	past int64
	buf  []byte
	w    *watch
}

// NewFollower opens a log, beginning at its last head bytes. A log that does not
// exist, or is not a regular file, is an error wrapping ErrNoFile or ErrFailed.
func NewFollower(path string, head int64) (*Follower, error) {
	f, err := openForReading(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, fmt.Errorf("%w: %q", ErrNoFile, path)
		}
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	w := newWatch(path)
	w.file(f)
	pos := max(size-max(head, 0), 0)
	return &Follower{path: path, f: f, pos: pos, past: size - pos, buf: make([]byte, followChunk), w: w}, nil
}

// Past returns how many bytes it began before the end that the log had at that time. So many of what Next returns first are the past,
// unless the log is truncated meanwhile.
func (l *Follower) Past() int64 { return l.past }

// Next returns the next bytes, valid until the following call, and waits for them
// until ctx ends. After a truncation it returns Supervisor's line "==> File
// truncated <==" and continues from the beginning. While the log is missing, as
// between a Clear and the next write, it waits for a new one. The error is ctx's,
// or that of a read.
func (l *Follower) Next(ctx context.Context) ([]byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if b, err := l.read(); len(b) > 0 || err != nil {
			return b, err
		}
		if truncated, err := l.truncated(); err != nil {
			return nil, err
		} else if truncated {
			l.pos = 0
			return []byte(truncatedMark), nil
		}
		next, found := l.successor()
		if next == nil {
			if err := l.w.wait(ctx, found, recheck); err != nil {
				return nil, err
			}
			continue
		}
		// The old file may have been written to between the read above and the
		// moment it was replaced; the successor is found again by the next call.
		if b, err := l.read(); len(b) > 0 || err != nil {
			_ = next.Close()
			return b, err
		}
		_ = l.f.Close()
		l.f, l.pos = next, 0
		l.w.file(next)
	}
}

// Close closes the files. No other method may be called after it.
func (l *Follower) Close() error {
	l.w.close()
	return l.f.Close()
}

func (l *Follower) read() ([]byte, error) {
	n, err := l.f.ReadAt(l.buf, l.pos)
	l.pos += int64(n)
	if n > 0 || err == io.EOF {
		return l.buf[:n], nil
	}
	return nil, fmt.Errorf("%w %q: %w", ErrFailed, l.path, err)
}

func (l *Follower) truncated() (bool, error) {
	st, err := l.f.Stat()
	if err != nil {
		return false, fmt.Errorf("%w %q: %w", ErrFailed, l.path, err)
	}
	return st.Size() < l.pos, nil
}

// successor opens the file that follows the open one, nil if there is none yet.
// found reports whether the path is the open file; where it isn't, one is expected.
func (l *Follower) successor() (next *os.File, found bool) {
	own, err := l.f.Stat()
	if err != nil {
		return nil, false
	}
	// A rotation may happen between the steps; after it they are tried again.
	const tries = 10
	for range tries {
		there, err := os.Stat(l.path)
		if err != nil {
			return nil, false
		}
		if os.SameFile(own, there) {
			return nil, true
		}
		behind := l.rotatedTo(own)
		name := l.path
		if behind > 1 {
			name = backup(l.path, behind-1)
		}
		next, err := openForReading(name)
		if err != nil {
			continue
		}
		if behind == 0 || isFile(backup(l.path, behind), own) {
			return next, true
		}
		_ = next.Close()
	}
	return nil, false
}

// rotatedTo finds the backup that the open file has become, 0 if it is gone.
func (l *Follower) rotatedTo(own os.FileInfo) int {
	// A missing number may be a rotation under way; two in a row are the end.
	for n, missed := 1, 0; missed < 2; n++ {
		st, err := os.Stat(backup(l.path, n))
		switch {
		case err != nil:
			missed++
		case os.SameFile(own, st):
			return n
		default:
			missed = 0
		}
	}
	return 0
}

func isFile(path string, own os.FileInfo) bool {
	st, err := os.Stat(path)
	return err == nil && os.SameFile(own, st)
}
