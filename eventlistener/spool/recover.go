package spool

import (
	"errors"
	"io"
	"math"
	"os"
	"syscall"
)

// recover finds out what is in the spool: it checks every record that may have to
// be handed out, sets bad ones aside, and continues the numbers. It fails only
// where the directory itself can't be used.
func (s *Spool) recover() error {
	mark, cursor, err := load(s, &s.cursorFile, CursorDamaged, parseSlot)
	if err != nil {
		return err
	}
	known, damaged := cursor.ok, cursor.damaged
	s.acks, s.written = mark.acks, mark.newest
	if !known {
		s.written = none()
	}
	reserved, numbers, err := load(s, &s.numbersFile, NumbersDamaged, parseReservation)
	if err != nil {
		return err
	}
	if numbers.damaged != nil {
		s.report(*numbers.damaged)
	}
	if reserved.exact { // what is reserved may not have reached the disk: the first record has it done again
		s.reserved = reserved
		s.written.include(reserved.Numbers)
		mark.newest.Pos = max(mark.newest.Pos, reserved.Pos) // known to have been committed
	}
	found, err := s.findSegments(known)
	if err != nil {
		return err
	}
	if !known {
		s.acks = acks{low: s.written.Pos + 1}
		if len(found) > 0 {
			s.acks.low = found[0].first
			if damaged == nil {
				damaged = &Report{Kind: CursorDamaged, File: cursorName, Err: errors.New("it is not there")}
			}
		}
	}
	if damaged != nil {
		s.report(*damaged)
	}
	for i, g := range found {
		if g.done > 0 {
			s.acks.add(g.first-g.done, g.first-1)
		}
		before := uint64(math.MaxUint64) // what follows is in the following segment and is not finished
		if i+1 < len(found) {
			before = found[i+1].first - found[i+1].done
		}
		if before <= s.acks.low { // for sweep
			g.next = before
			s.segments = append(s.segments, g)
			s.total += g.size
			continue
		}
		if err := s.check(g, before, mark.newest.Pos); err != nil {
			return err
		}
		if g.empty() {
			if !g.keepRest {
				_ = s.disk.remove(s.root, g.name)
			}
			continue
		}
		s.segments = append(s.segments, g)
		s.total += g.size
	}
	s.findHoles()
	s.goOnBehind(reserved, cursor, numbers)
	s.next = s.written.Pos + 1
	s.nextRead, s.nextWrite = s.acks.low, s.next
	for _, g := range s.segments {
		s.stats.Recovered += s.acks.open(g.first, g.last())
	}
	s.waiting = s.stats.Recovered
	if n := len(s.segments); n > 0 && s.segments[n-1].next == s.next && !s.segments[n-1].keepRest {
		s.resume(s.segments[n-1])
	}
	return nil
}

// syncFound makes all that was found survive loss of power, before any of it is handed out: what was killed may have written it and not
// waited for the disk.
func (s *Spool) syncFound() error {
	for _, g := range s.segments {
		f, err := s.disk.open(s.root, g.name, os.O_RDWR)
		if err != nil {
			return err
		}
		err = s.disk.sync(f)
		_ = f.Close()
		if err != nil {
			return err
		}
	}
	return s.disk.syncDir(s.root)
}

// resume continues to write to a segment; if that is not possible, a new one is begun.
func (s *Spool) resume(g *segment) {
	f, err := s.disk.open(s.root, g.name, os.O_RDWR)
	if err != nil {
		return
	}
	if err := s.disk.truncate(f, g.size); err != nil {
		_ = f.Close()
		return
	}
	s.active, s.activeFile = g, f
}

// findSegments lists the segments, oldest first, whose header is valid. The
// numbers in them are recorded; bad ones are set aside. known: the cursor file
// was good.
func (s *Spool) findSegments(known bool) (found []*segment, err error) {
	names, err := s.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		first, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		g := &segment{name: name, first: first, next: first}
		info, err := s.root.Lstat(name)
		if err == nil && info.Mode().IsRegular() {
			if g.size = info.Size(); g.size == 0 {
				_ = s.disk.remove(s.root, name) // killed between making it and writing the header
				continue
			}
			var before Numbers
			if before, err = s.readHeader(g); err == nil {
				s.written.include(before)
				found = append(found, g)
				continue
			}
			if passing(err) {
				return nil, err
			}
		} else if err == nil {
			err = errors.New("not a regular file")
		}
		r := Report{Kind: Damaged, File: name, Err: err}
		g.size = 0
		r.Aside, r.Bytes = s.setAside(g)
		s.report(r) // findHoles counts what was in it
		if !known { // its name is all that reports how far positions went
			s.written.Pos = max(s.written.Pos, first)
		}
	}
	return found, nil
}

// passing reports whether an error is about this process or its rights, and says
// nothing about what is on disk.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (s *Spool) readHeader(g *segment) (Numbers, error) {
	f, err := s.root.Open(g.name)
	if err != nil {
		return Numbers{}, err
	}
	defer func() { _ = f.Close() }()
	b := make([]byte, segmentHeader)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Numbers{}, err
	}
	before, done, err := parseSegmentHeader(b[:n], g.first)
	g.done = done
	return before, err
}

// check reads a segment through and ends it at the first bad record, or where the
// following segment begins.
func (s *Spool) check(g *segment, before, newest uint64) error {
	f, err := s.root.Open(g.name)
	in := frames{pos: g.first, off: segmentHeader, end: g.size}
	if err == nil {
		defer func() { _ = f.Close() }()
		in.file = f
		for in.pos < before {
			var r Record
			if r, err = in.next(); err != nil {
				break
			}
			s.written.include(r.numbers())
			if !s.acks.has(r.Pos) {
				s.queued += frameLen(&r)
			}
		}
	}
	if passing(err) {
		return err
	}
	bytes := g.size - in.off
	g.next, g.size = in.pos, in.off
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		return nil // the rest was written again in the following segment after a failed fsync
	}
	r := Report{Kind: Damaged, File: g.name, Offset: in.off, Bytes: bytes, Err: err}
	last := newest // what is known to have been committed
	if before != math.MaxUint64 {
		last = before - 1
	}
	if last >= in.pos {
		r.Records = s.acks.open(in.pos, last)
		s.stats.LostBefore += r.Records
		s.acks.add(in.pos, last)
		s.written.Pos = max(s.written.Pos, last)
	}
	r.torn = before == math.MaxUint64 && r.Records == 0 && last < in.pos && errors.Is(err, errShort)
	r.Aside, _ = s.setAside(g)
	s.report(r)
	return nil
}

// findHoles reports positions that are in no segment although nothing says that
// they are finished.
func (s *Spool) findHoles() {
	expected := s.acks.low
	missing := func(first, last uint64) {
		if n := s.acks.open(first, last); n > 0 {
			s.stats.LostBefore += n
			s.acks.add(first, last)
			s.report(Report{Kind: Missing, Records: n, Err: errors.New("files were removed, cut or never reached the disk")})
		}
	}
	for _, g := range s.segments {
		if g.first > expected {
			missing(expected, g.first-1)
		}
		expected = max(expected, g.next)
	}
	if s.written.Pos >= expected {
		missing(expected, s.written.Pos)
	}
}
