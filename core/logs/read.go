package logs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// What Read answers instead of bytes, named after Supervisor's faults.
var (
	ErrBadArguments = errors.New("bad arguments")
	ErrFailed       = errors.New("cannot read log file")
	ErrNoFile       = errors.New("no such log file")
)

// Slice is an open part of a log. It is of the size that was seen when it was opened: what is written later does not belong to it,
// and where the log was truncated since, less can be read. Close it.
type Slice struct {
	f    *os.File // nil: there is nothing
	at   int64
	size int64
}

// Size returns the length of the slice in bytes.
func (s *Slice) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt, with the first byte of the slice at 0. It blocks on the disk.
func (s *Slice) ReadAt(b []byte, at int64) (int, error) {
	if s.f == nil {
		return 0, io.EOF
	}
	return io.NewSectionReader(s.f, s.at, s.size).ReadAt(b, at)
}

// Close closes the file.
func (s *Slice) Close() error {
	if s.f == nil {
		return nil
	}
	return s.f.Close()
}

// OpenSlice opens a slice of a log, as readLog and readProcessStdoutLog read it
// (supervisor/options.py, readFile): length bytes from offset, all from there when
// length is 0, or with a negative offset, and length 0, the last -offset bytes. A
// UTF-8 character that the slice cuts at its edges is omitted. Errors are
// ErrNoFile, ErrFailed (wrapping the cause) and ErrBadArguments, checked in
// this order. It blocks on the disk.
func OpenSlice(path string, offset, length int64) (*Slice, error) {
	if path == "" {
		return nil, ErrNoFile
	}
	f, err := openForReading(path)
	if err != nil {
		// Where Supervisor checks the file first, with stat: a path that cannot
		// be reached is no file, one that may not be read has failed.
		if _, stat := os.Stat(path); stat != nil {
			return nil, ErrNoFile
		}
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	switch {
	case offset < 0 && length != 0, length < 0:
		_ = f.Close()
		return nil, ErrBadArguments
	case offset < 0:
		offset = max(size+offset, 0)
	}
	if length == 0 {
		length = math.MaxInt64
	}
	return slice(f, size, offset, length)
}

// OpenTail opens the end of a log, as tailProcessStdoutLog reads it (supervisor/options.py,
// tailFile): the last length bytes; offset only matters when the log has no more
// than offset+length bytes. newOffset is the log's size; overflow reports whether the
// log has grown beyond offset+length. For a log that does not exist the results are no data, 0 and false,
// for one that cannot be opened no data, offset and false, both without an error, as in Supervisor. The
// error, wrapping ErrFailed, is for a log that cannot be read after it was opened. A UTF-8 character that
// is cut at the edges is left out.
func OpenTail(path string, offset, length int64) (data *Slice, newOffset int64, overflow bool, err error) {
	if path == "" {
		return &Slice{}, 0, false, nil
	}
	f, err := openForReading(path)
	if err != nil {
		if _, stat := os.Stat(path); stat != nil {
			return &Slice{}, 0, false, nil
		}
		return &Slice{}, offset, false, nil
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		_ = f.Close()
		return &Slice{}, offset, false, nil //nolint:nilerr // a pipe: there is nothing to tail
	}
	if size > plus(offset, length) {
		overflow = true
		offset = size - 1
	}
	if plus(offset, length) > size {
		if offset > size-1 {
			length = 0
		}
		offset = plus(size, -max(length, -math.MaxInt64))
	}
	offset, length = max(offset, 0), max(length, 0)
	data, err = slice(f, size, offset, length)
	if err != nil {
		return nil, offset, false, err
	}
	return data, size, overflow, nil
}

// plus adds without overflow: what is too large stays the largest.
func plus(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// openForReading opens a log with the checks of held.Open. Only regular files are
// logs that can be read: a FIFO would wait for a writer, or take its bytes.
func openForReading(path string) (*os.File, error) {
	fd, _, err := held.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		_ = unix.Close(fd)
		return nil, errors.New("not a regular file")
	}
	return os.NewFile(uintptr(fd), path), nil //nolint:gosec // a descriptor is not negative
}

// edge is how far a slice reads beyond where it begins and before where it ends, for incomplete characters.
const edge = utf8.UTFMax

// slice is at most length bytes at offset, and never more than the size that
// was seen, without the incomplete characters at its edges. It owns f.
func slice(f *os.File, size, offset, length int64) (_ *Slice, err error) {
	s := &Slice{f: f, at: offset, size: min(length, size-offset)}
	if s.size <= 0 {
		_ = f.Close()
		return &Slice{}, nil
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			err = fmt.Errorf("%w %q: %w", ErrFailed, f.Name(), err)
		}
	}()
	var space [3 + 2*edge]byte
	// Up to three bytes before decide whether the first byte is within a character.
	before := min(offset, 3)
	head, err := part(f, space[:min(before+s.size, int64(len(space)))], offset-before)
	if err != nil {
		return nil, err
	}
	if int64(len(head)) <= before { // it was truncated
		s.size = 0
		return s, nil
	}
	skip := int64(firstWhole(head, int(before))) - before
	s.at, s.size = s.at+skip, s.size-skip
	tail, err := part(f, space[:min(s.size, edge)], s.at+s.size-min(s.size, edge))
	if err != nil {
		return nil, err
	}
	s.size -= int64(len(tail) - lastWhole(tail))
	return s, nil
}

// part reads what there is of b.
func part(f *os.File, b []byte, at int64) ([]byte, error) {
	n, err := f.ReadAt(b, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
