package spool

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"time"
)

const (
	// aheadBytes is how much is kept in memory for the cursor. Bytes, about.
	aheadBytes = 1 << 20
	// readAtOnce is how much is decoded before it is handed on. Bytes.
	readAtOnce = 128 << 10
	// readAttempts: trouble with reading is taken for damage after so many attempts,
	// readPause apart.
	readAttempts = 5
	readPause    = 200 * time.Millisecond
	noWait       = time.Duration(math.MaxInt64)
)

// readAhead fills the cursor's window from the disk. It reports how long to wait
// before trying again after trouble.
func (s *Spool) readAhead() time.Duration {
	for {
		from, want := s.wanted()
		if !want {
			return noWait
		}
		err := s.readSome(from)
		if err == nil {
			s.reading.failures = 0
			continue
		}
		if s.reading.failures++; s.reading.failures < readAttempts {
			return readPause
		}
		s.reading.failures = 0
		s.spoiled(s.reading.segment, s.reading.frames.pos, s.reading.frames.off, err)
	}
}

// wanted is the position from which on to read, if there is anything to be read and room for it.
func (s *Spool) wanted() (from uint64, want bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextRead, s.nextRead < s.nextWrite && s.ahead.bytes < aheadBytes
}

// readSome reads records from position from on, up to the end of a segment. An
// error is trouble with the disk, not damage.
func (s *Spool) readSome(from uint64) error {
	g := s.seek(from)
	if g == nil {
		return nil
	}
	in := &s.reading.frames
	if s.reading.file == nil {
		f, err := s.root.Open(g.name)
		if errors.Is(err, fs.ErrNotExist) {
			s.spoiled(g, in.pos, in.off, err)
			return nil
		}
		if err != nil {
			return err
		}
		s.reading.file, in.file = f, f
	}
	in.end = g.size
	var got []Record
	var err error
	for start := in.off; in.off-start < readAtOnce; {
		var r Record
		if r, err = in.next(); err != nil {
			break
		}
		if r.Pos >= from {
			r.Data = bytes.Clone(r.Data)
			got = append(got, r)
		}
	}
	s.locked(func() {
		for _, r := range got {
			if !s.acks.has(r.Pos) {
				s.ahead.push(r)
			}
		}
		s.nextRead = max(s.nextRead, in.pos)
	})
	var trouble *readError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		s.stopReading()
		return nil
	case errors.As(err, &trouble):
		return err
	}
	s.spoiled(g, in.pos, in.off, err)
	return nil
}

// seek finds the segment that has from, or the first after it.
func (s *Spool) seek(from uint64) *segment {
	if g := s.reading.segment; g != nil && from < g.next {
		return g
	}
	s.stopReading()
	for _, g := range s.segments {
		if from < g.next {
			s.reading.segment = g
			s.reading.frames = frames{pos: g.first, off: segmentHeader}
			s.locked(func() { s.nextRead = max(s.nextRead, g.first) })
			return g
		}
	}
	s.locked(func() { s.nextRead = s.nextWrite }) // all that is left was finished
	return nil
}

// stopReading closes the file that is read.
func (s *Spool) stopReading() {
	if s.reading.file != nil {
		_ = s.reading.file.Close()
	}
	s.reading.segment, s.reading.file, s.reading.frames = nil, nil, frames{}
}
