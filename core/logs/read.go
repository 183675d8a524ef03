package logs

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/core/held"
)

// What Read answers instead of bytes, named after Supervisor's faults.
var (
	ErrBadArguments = errors.New("bad arguments")
	ErrFailed       = errors.New("cannot read log file")
	ErrNoFile       = errors.New("no such log file")
)

// Read gives a slice of a log, as readLog and readProcessStdoutLog do
// (supervisor/options.py, readFile): length bytes from offset, all from there when
// length is 0, or with a negative offset, and length 0, the last -offset bytes. A
// UTF-8 character that the slice cuts at its edges is left out. Errors are
// ErrNoFile, ErrFailed (wrapping the cause) and ErrBadArguments, looked for in
// this order. It blocks on the disk; memory is bounded by what the file holds.
func Read(path string, offset, length int64) ([]byte, error) {
	if path == "" {
		return nil, ErrNoFile
	}
	f, err := openForReading(path)
	if err != nil {
		// Where Supervisor looks for the file first, with stat: a path that cannot
		// be reached is no file, one that may not be read has failed.
		if _, stat := os.Stat(path); stat != nil {
			return nil, ErrNoFile
		}
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	switch {
	case offset < 0 && length != 0, length < 0:
		return nil, ErrBadArguments
	case offset < 0:
		offset = max(size+offset, 0)
	}
	if length == 0 {
		length = math.MaxInt64
	}
	b, err := slice(f, size, offset, length)
	if err != nil {
		return nil, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
	}
	return b, nil
}

// Tail gives the end of a log, as tailProcessStdoutLog does (supervisor/options.py,
// tailFile): the last length bytes; offset only matters when the log has no more
// than offset+length bytes. newOffset is the log's size; overflow tells that the
// log has grown beyond offset+length. A log that does not exist gives nothing,
// 0 and false, one that cannot be opened nothing, offset and false, both without
// an error, as in Supervisor; err, wrapping ErrFailed, is for one that cannot be read once
// it is open. A UTF-8 character that is cut at the edges is left out.
func Tail(path string, offset, length int64) (data []byte, newOffset int64, overflow bool, err error) {
	if path == "" {
		return nil, 0, false, nil
	}
	f, err := openForReading(path)
	if err != nil {
		if _, stat := os.Stat(path); stat != nil {
			return nil, 0, false, nil
		}
		return nil, offset, false, nil
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, offset, false, nil //nolint:nilerr // a pipe: there is nothing to tail
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
	if length > 0 {
		data, err = slice(f, size, offset, length)
		if err != nil {
			return nil, offset, false, fmt.Errorf("%w %q: %w", ErrFailed, path, err)
		}
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

// slice reads at most length bytes at offset, and never more than the size that
// was seen, without the parts of characters at its edges.
func slice(f *os.File, size, offset, length int64) ([]byte, error) {
	if offset >= size {
		return nil, nil
	}
	// Up to three bytes before tell whether the first byte is within a character.
	before := min(offset, 3)
	b := make([]byte, before+min(length, size-offset))
	n, err := f.ReadAt(b, offset-before)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	b = b[:n]
	if int64(n) <= before {
		return nil, nil
	}
	return whole(b, int(before)), nil
}
