package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
)

const (
	segmentMagic  = "HARKSEG1"
	segmentHeader = 48 // bytes
	segmentSuffix = ".seg"
)

// segment is one file of records with the positions from first to next-1.
type segment struct {
	name        string
	first, next uint64
	size        int64  // of header and whole records; what follows counts for nothing
	done        uint64 // positions just before first that were finished when it was created, or that no record has
	keepRest    bool   // damage after size could not be set aside: never delete the file
}

func (g *segment) last() uint64 { return g.next - 1 }
func (g *segment) empty() bool  { return g.next == g.first }

// each is how many bytes a record takes on the average.
func (g *segment) each() int64 {
	if g.empty() {
		return 0
	}
	return (g.size - segmentHeader) / int64(g.next-g.first)
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }

// parseSegmentName reports whether name is a segment's.
func parseSegmentName(name string) (first uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 63)
	return first, err == nil && first > 0
}

// appendSegmentHeader appends the header of a segment that begins at first, after
// records with the numbers before, of which so many just before it are finished.
func appendSegmentHeader(b []byte, first uint64, before Numbers, done uint64) []byte {
	start := len(b)
	le := binary.LittleEndian
	b = append(b, segmentMagic...)
	b = le.AppendUint64(b, first)
	b = le.AppendUint64(b, before.Seq)
	b = le.AppendUint64(b, uint64(before.Serial))
	b = le.AppendUint64(b, uint64(before.PoolSerial))
	b = le.AppendUint32(b, uint32(min(done, math.MaxUint32)))
	return le.AppendUint32(b, castagnoli(0, b[start:]))
}

// parseSegmentHeader returns the numbers before the segment that begins at first, and how many positions just before it are finished.
func parseSegmentHeader(b []byte, first uint64) (before Numbers, done uint64, err error) {
	le := binary.LittleEndian
	switch {
	case len(b) < segmentHeader:
		return before, 0, errors.New("header is cut short")
	case string(b[:8]) != segmentMagic:
		return before, 0, fmt.Errorf("%q is not a segment's beginning", b[:8])
	case le.Uint32(b[44:]) != castagnoli(0, b[:44]):
		return before, 0, errors.New("header's checksum is wrong")
	case le.Uint64(b[8:]) != first:
		return before, 0, fmt.Errorf("begins at position %d, not as its name says", le.Uint64(b[8:]))
	}
	done = uint64(le.Uint32(b[40:]))
	if done >= first {
		return before, 0, errors.New("fields are impossible")
	}
	return Numbers{
		Pos: first - 1, Seq: le.Uint64(b[16:]),
		Serial: int64(le.Uint64(b[24:])), PoolSerial: int64(le.Uint64(b[32:])),
	}, done, nil
}

// readError is trouble with the disk, not with what is on it.
type readError struct{ err error }

func (e *readError) Error() string { return e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// frames reads the records of a segment one after another.
type frames struct {
	file io.ReaderAt
	pos  uint64 // of the next record
	off  int64  // where it is
	end  int64  // where the records end
	buf  []byte // bytes of the file
	at   int64  // where in the file buf begins
}

// readChunk is how much is read at once. Bytes.
const readChunk = 256 << 10

// next returns the next record, whose Data is valid until the next call, and io.EOF
// after the last. Any other error except a *readError is damage at off.
func (f *frames) next() (Record, error) {
	if f.off >= f.end {
		return Record{}, io.EOF
	}
	for {
		var have []byte
		if i := f.off - f.at; i >= 0 && i < int64(len(f.buf)) {
			have = f.buf[i:]
		}
		r, size, err := decodeFrame(have)
		switch {
		case errors.Is(err, errShort):
			if size > f.end-f.off {
				return r, err
			}
			if err := f.fill(size); err != nil {
				return r, err
			}
			continue
		case err != nil:
			return r, err
		case r.Pos != f.pos:
			return r, fmt.Errorf("position is %d, not %d", r.Pos, f.pos)
		}
		f.off += size
		f.pos++
		return r, nil
	}
}

// fill reads at least size bytes from off on.
func (f *frames) fill(size int64) error {
	n := min(max(size, readChunk), f.end-f.off)
	if int64(cap(f.buf)) < n {
		f.buf = make([]byte, n)
	}
	f.buf, f.at = f.buf[:n], f.off
	got, err := f.file.ReadAt(f.buf, f.off)
	f.buf = f.buf[:got]
	switch {
	case int64(got) >= size:
		return nil // an error would come again
	case err == nil || errors.Is(err, io.EOF):
		return errShort
	}
	return &readError{err}
}

// createSegment makes a segment file with its header.
func (s *Spool) createSegment(first uint64) (*segment, *os.File, error) {
	g := &segment{name: segmentName(first), first: first, next: first, size: segmentHeader}
	var before Numbers
	s.locked(func() { before, g.done = s.written, s.acks.justBefore(first) })
	const flags = os.O_RDWR | os.O_CREATE | os.O_EXCL
	f, err := s.disk.open(s.root, g.name, flags)
	if errors.Is(err, fs.ErrExist) {
		// An empty one that could not be removed: no position is used twice.
		if err := s.disk.remove(s.root, g.name); err != nil {
			return nil, nil, err
		}
		f, err = s.disk.open(s.root, g.name, flags)
	}
	if err != nil {
		return nil, nil, err
	}
	if _, err = s.disk.writeAt(f, appendSegmentHeader(nil, first, before, g.done), 0); err == nil && s.o.Sync {
		if err = s.disk.sync(f); err == nil {
			err = s.disk.syncDir(s.root)
		}
	}
	if err != nil {
		_ = f.Close()
		_ = s.disk.remove(s.root, g.name)
		return nil, nil, err
	}
	return g, f, nil
}
