package spool

import (
	"slices"
	"sort"
)

// Cursor is the one consumer's place in a spool. Records are handed out in order
// of position, returned ones first. Every record handed out is to be acked or
// returned; those that were not when the process ended are handed out again by
// the next. No method waits for the disk.
type Cursor struct{ s *Spool }

// Cursor returns the spool's cursor; every call returns the same one.
func (s *Spool) Cursor() *Cursor { return &Cursor{s} }

// Next hands out the next record. False means that there is none at the moment:
// Options.Ready reports when there is one.
func (c *Cursor) Next() (Record, bool) {
	next, ok, refill := c.s.handOut()
	if refill {
		c.s.signal()
	}
	return next, ok
}

// handOut is Next, and reports whether there is room for more to be read.
func (s *Spool) handOut() (next Record, ok, refill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.head()
	if r == nil {
		return Record{}, false, false
	}
	next = *r
	switch {
	case len(s.back) > 0:
		s.back = slices.Delete(s.back, 0, 1)
	case s.ahead.n > 0:
		s.ahead.pop()
	default:
		s.nextRead = next.Pos + 1
	}
	s.out[next.Pos] = next
	s.queued -= frameLen(&next)
	return next, true, s.ahead.bytes < aheadBytes/2 && s.nextRead < s.nextWrite
}

// Peek returns the record that Next would hand out, without handing it out.
func (c *Cursor) Peek() (Record, bool) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if r := c.s.head(); r != nil {
		return *r, true
	}
	return Record{}, false
}

// head is the record that is next, nil if there is none in memory.
func (s *Spool) head() *Record {
	switch {
	case s.closed:
		return nil
	case len(s.back) > 0:
		return &s.back[0]
	case s.ahead.n > 0:
		return s.ahead.at(0)
	case s.trouble && s.nextRead >= s.nextWrite:
		if r := s.unwritten(); r != nil {
			return r
		}
	}
	s.starved = true
	return nil
}

// unwritten is the first record not committed that was not handed out; nil if
// there is none.
func (s *Spool) unwritten() *Record {
	if n := len(s.batch); n > 0 && s.nextRead <= s.batch[n-1].Pos {
		return &s.batch[max(s.nextRead, s.batch[0].Pos)-s.batch[0].Pos]
	}
	i := sort.Search(s.pending.n, func(i int) bool { return s.pending.at(i).Pos >= s.nextRead })
	if i == s.pending.n {
		return nil
	}
	return s.pending.at(i)
}

// Ack records that the record at pos was processed. Records may be acked in any
// order. It returns false if the record was not handed out by this process, or was
// acked or returned since.
func (c *Cursor) Ack(pos uint64) bool {
	ok, wake := c.s.ack(pos)
	if wake {
		c.s.signal()
	}
	return ok
}

// ack is Ack, and reports whether the goroutine is to be woken for it.
func (s *Spool) ack(pos uint64) (ok, wake bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.out[pos]; !ok || s.closed {
		return false, false
	}
	delete(s.out, pos)
	s.acks.add(pos, pos)
	s.waiting--
	s.stats.Acked++
	s.dirty = true
	return true, !s.scheduled
}

// Return takes a record back that was handed out and not processed; Next hands it
// out again before any later one. False as in Ack.
func (c *Cursor) Return(pos uint64) bool {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.out[pos]
	if !ok || s.closed {
		return false
	}
	delete(s.out, pos)
	i := sort.Search(len(s.back), func(i int) bool { return s.back[i].Pos > pos })
	s.back = slices.Insert(s.back, i, r)
	s.queued += frameLen(&r)
	s.stats.Returned++
	return true
}

// ReturnAll takes every record back that was handed out and neither acked nor
// returned, as after the end of the consumer.
func (c *Cursor) ReturnAll() {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for pos, r := range s.out {
		s.back = append(s.back, r)
		s.queued += frameLen(&r)
		delete(s.out, pos)
		s.stats.Returned++
	}
	slices.SortFunc(s.back, func(a, b Record) int {
		if a.Pos < b.Pos {
			return -1
		}
		return 1
	})
}
