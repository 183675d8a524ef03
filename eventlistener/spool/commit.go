package spool

import (
	"errors"
	"fmt"
	"time"

	"github.com/hark-supervisor/hark/internal/backoff"
)

const (
	// batchBytes is about how much one write takes. Bytes on disk.
	batchBytes = 256 << 10
	// retryMax is the longest pause between attempts to write to a failing disk;
	// the first is 100 ms, and each is twice the one before.
	retryMax = 5 * time.Second
)

// run is the committing goroutine.
func (s *Spool) run() {
	defer close(s.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	timer.Reset(s.work(false))
	for {
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.stop:
			s.work(true)
			s.finish()
			return
		}
		timer.Reset(s.work(false))
	}
}

// work writes what is due, reads ahead and calls back. It reports how long nothing
// is due.
func (s *Spool) work(closing bool) time.Duration {
	if s.due(closing) {
		s.settle(s.commit())
	}
	wait := s.readAhead()
	s.callBack()
	return s.schedule(wait)
}

// due takes it on to write what is due, and reports whether anything is.
func (s *Spool) due(closing bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A consumer that waits for just this is not made to wait for company.
	awaited := s.starved && !s.trouble && s.pending.n > 0 && s.nextRead >= s.nextWrite
	due := s.dirty && (closing || awaited || !time.Now().Before(s.notBefore))
	if due {
		s.dirty = false
	}
	return due
}

// schedule is how long to wait, at most so long: what came meanwhile is due earlier.
func (s *Spool) schedule(wait time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scheduled = s.dirty
	if s.dirty {
		wait = min(wait, max(time.Until(s.notBefore), 0))
	}
	return wait
}

// settle draws the consequences of a commit.
func (s *Spool) settle(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Bytes = s.total
	s.closeErr = err
	if err == nil {
		s.stats.Commits++
		s.notBefore = time.Now().Add(s.o.CommitEvery)
		if s.trouble {
			s.trouble, s.failed = false, 0
			s.report(Report{Kind: DiskRecovered})
		}
		return
	}
	s.stats.Failures++
	s.dirty = true
	s.failed++
	s.notBefore = time.Now().Add(backoff.After(s.failed, s.retryMin, retryMax))
	if !s.trouble {
		s.trouble = true
		s.report(Report{Kind: DiskFailed, Err: err})
	}
}

// callBack delivers the collected reports and notifies a consumer that found
// nothing that there is something again.
func (s *Spool) callBack() {
	reports, ready := s.news()
	if s.o.Report != nil {
		for _, r := range reports {
			s.o.Report(r)
		}
	}
	if ready && s.o.Ready != nil {
		s.o.Ready()
	}
}

// news takes the collected reports, and returns whether a consumer is to be notified that there is something again.
func (s *Spool) news() (reports []Report, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overflow.Records > 0 {
		s.overflow.Kind = Overflowed
		s.report(s.overflow)
		s.overflow = Report{}
	}
	reports, s.reports = s.reports, nil
	if ready = s.starved && s.head() != nil; ready {
		s.starved = false
	}
	return reports, ready
}

// commit writes all that waits, then the cursor file, then removes the segments
// that according to it are finished: in this order, so that after a kill no acked record
// looks missing.
func (s *Spool) commit() error {
	saved := false
	for {
		wrote, err := s.writeBatch()
		if !wrote && !saved { // with a batch it was
			err = errors.Join(err, s.saveCursor())
		}
		if !wrote || err != nil {
			s.sweep(err == nil)
			return err
		}
		saved = true
	}
}

// gather fills the batch from the queue: records with contiguous positions. What
// was acked already, in memory while the disk failed, is not written any more.
func (s *Spool) gather() []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	done := func(r *Record) bool {
		if !s.acks.has(r.Pos) {
			return false
		}
		s.written.include(r.numbers())
		s.nextWrite = r.Pos + 1
		return true
	}
	for len(s.batch) > 0 && done(&s.batch[0]) {
		s.batchSize -= s.batch[0].memory()
		s.batch = s.batch[1:]
	}
	if len(s.batch) > 0 {
		return s.batch // a retry
	}
	for s.pending.n > 0 && done(s.pending.at(0)) {
		s.pending.pop()
	}
	most := min(batchBytes, s.o.SegmentBytes-segmentHeader)
	s.batch = s.batch[:0]
	for size := int64(0); s.pending.n > 0; {
		r := s.pending.at(0)
		size += frameLen(r)
		full := size > most || s.batchSize+r.memory() > s.o.QueueBytes/4 // most of the queue stays for shed
		if n := len(s.batch); n > 0 && (full || r.Pos != s.batch[n-1].Pos+1) {
			break
		}
		s.batchSize += r.memory()
		s.batch = append(s.batch, s.pending.pop())
	}
	return s.batch
}

// writeBatch commits one batch, has the cursor file know its numbers, and hands it on to the cursor if that has read
// all before it. A number that was seen is then in two files.
func (s *Spool) writeBatch() (wrote bool, err error) {
	batch := s.gather()
	if len(batch) == 0 {
		return false, nil
	}
	numbers := none()
	for i := range batch {
		numbers.include(batch[i].numbers())
	}
	if err := s.reserve(numbers); err != nil {
		return false, err
	}
	s.buf = s.buf[:0]
	for i := range batch {
		s.buf = appendFrame(s.buf, &batch[i])
	}
	n := int64(len(s.buf))
	if err := s.prepare(batch[0].Pos, n); err != nil {
		return false, err
	}
	g := s.active
	if _, err := s.disk.writeAt(s.activeFile, s.buf, g.size); err != nil {
		return false, err // tried again at the same place
	}
	if s.o.Sync {
		if err := s.disk.sync(s.activeFile); err != nil {
			// The kernel may have dropped the pages and call them clean now: only
			// writing again elsewhere is sure.
			s.seal()
			return false, err
		}
	}
	if cap(s.buf) > 4*batchBytes {
		s.buf = nil // one large record does not stay in memory
	}
	s.locked(func() { s.written.include(numbers) })
	if err := s.saveCursor(); err != nil {
		return false, err // the batch is written again
	}
	off := g.size
	g.size += n
	g.next = batch[len(batch)-1].Pos + 1
	s.total += n
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.nextRead >= s.nextWrite {
		s.handOn(g, batch, off)
	}
	s.nextWrite = g.next
	clear(batch)
	s.batch, s.batchSize = batch[:0], 0
	return true, nil
}

// handOn puts records just written at off into the window, as many as it holds;
// reading continues after them.
func (s *Spool) handOn(g *segment, batch []Record, off int64) {
	s.stopReading()
	pos := batch[0].Pos
	for i := range batch {
		if r := &batch[i]; r.Pos >= s.nextRead { // otherwise it was handed out while the disk failed
			if s.ahead.bytes >= aheadBytes {
				break
			}
			s.ahead.push(*r)
			s.nextRead = r.Pos + 1
		}
		off += frameLen(&batch[i])
		pos++
	}
	s.reading.segment = g
	s.reading.frames.pos, s.reading.frames.off = pos, off
}

// prepare sees to it that the active segment takes n bytes more, beginning with
// the record at pos, and that MaxBytes is kept.
func (s *Spool) prepare(pos uint64, n int64) error {
	if g := s.active; g != nil {
		switch {
		case g.next != pos, !g.empty() && g.size+n > s.o.SegmentBytes:
			s.seal()
		case !intact(s.activeFile, g.size):
			// Somebody cut or removed it. What is new goes elsewhere; what is lost
			// turns out when it is read.
			s.seal()
			s.locked(func() {
				s.report(Report{Kind: Damaged, File: g.name, Offset: g.size, Err: errors.New("it was cut or removed while in use")})
			})
		}
	}
	room := s.o.MaxBytes - n
	if s.active == nil {
		room -= segmentHeader
	}
	for s.total > room && len(s.segments) > 0 && s.segments[0] != s.active {
		s.discard(s.segments[0])
	}
	if s.active != nil {
		return nil
	}
	g, f, err := s.createSegment(pos)
	if err != nil {
		return err
	}
	s.active, s.activeFile = g, f
	s.segments = append(s.segments, g)
	s.total += g.size
	return nil
}

// seal ends the active segment. What a failed write left behind its records is cut
// off.
func (s *Spool) seal() {
	g, f := s.active, s.activeFile
	if g == nil {
		return
	}
	if info, err := f.Stat(); err == nil && info.Size() > g.size {
		_ = s.disk.truncate(f, g.size) // a rest is recognized by Open
	}
	if g.empty() {
		s.remove(g)
		return
	}
	_ = f.Close()
	s.active, s.activeFile = nil, nil
}

// discard removes the oldest segment with all that is still to be handed out.
func (s *Spool) discard(g *segment) {
	s.forgetSegment(g)
	s.remove(g)
}

func (s *Spool) forgetSegment(g *segment) {
	r := Report{Kind: Discarded, File: g.name, Bytes: g.size}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.ahead.n > 0 && s.ahead.at(0).Pos < g.next {
		gone := s.ahead.pop()
		r.Records++
		s.waiting--
		s.queued -= frameLen(&gone)
	}
	r.Records += s.forget(max(s.nextRead, g.first), g.last(), g.each())
	s.nextRead = max(s.nextRead, g.next)
	s.acks.add(g.first, g.last()) // what the consumer has is in memory only now
	s.stats.Discarded += r.Records
	if r.Records > 0 {
		s.report(r)
	}
}

// sweep removes segments in which everything is finished according to the cursor file.
// The newest stays, for its numbers, unless it is large and can be replaced.
func (s *Spool) sweep(healthy bool) {
	var done []*segment
	for i, g := range s.segments {
		if i+1 < len(s.segments) && g != s.active && s.saved.open(g.first, g.last()) == 0 {
			done = append(done, g)
		}
	}
	// What is removed must not look lost after a loss of power.
	if len(done) > 0 && s.o.Sync && s.cursorFile.sync(s) != nil {
		return // the next time
	}
	for _, g := range done {
		s.remove(g)
	}
	g := s.active
	if g == nil || !healthy || g.size <= s.o.SegmentBytes/8 || s.saved.open(g.first, g.last()) > 0 {
		return
	}
	if s.o.Sync && s.cursorFile.sync(s) != nil {
		return // it is only about room
	}
	fresh, f, err := s.createSegment(g.next)
	if err != nil {
		return
	}
	_ = s.activeFile.Close()
	s.active, s.activeFile = fresh, f
	s.segments = append(s.segments, fresh)
	s.total += fresh.size
	s.remove(g)
}

// finish closes the files after the last commit.
func (s *Spool) finish() {
	var left int
	var given Numbers
	s.locked(func() { left, given = len(s.batch)+s.pending.n, s.newest })
	if s.o.Sync && s.closeErr == nil {
		s.closeErr = s.cursorFile.sync(s)
	}
	if s.closeErr != nil {
		s.closeErr = fmt.Errorf("cannot commit %d records of spool %q: %w", left, s.o.Name, s.closeErr)
	}
	if exact := (reservation{Numbers: given, exact: true}); given.Pos > 0 && s.reserved != exact {
		_ = s.saveNumbers(exact) // without it some are skipped at most
	}
	if s.active != nil {
		if info, err := s.activeFile.Stat(); err == nil && info.Size() > s.active.size {
			_ = s.disk.truncate(s.activeFile, s.active.size)
		}
	}
	s.release()
	s.locked(func() { s.pending, s.ahead, s.batch, s.back = queue{}, queue{}, nil, nil })
}
