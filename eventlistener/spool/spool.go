package spool

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"
)

// Spool is an open spool. Its methods may be called from any goroutine; only
// Open and Close waits for the disk.
type Spool struct {
	o    Options
	root *os.Root // the spool's directory
	lock *os.File
	disk disk

	wake chan struct{} // there is work for the committing goroutine
	stop chan struct{} // closed by Close
	done chan struct{} // closed when the goroutine has ended

	mu        sync.Mutex // never held while the disk is used
	next      uint64     // position of the next record
	newest    Numbers    // of all records
	written   Numbers    // of those committed
	pending   queue      // appended, not yet taken to be written
	batch     []Record   // being written
	batchSize int64      // its bytes in memory
	nextWrite uint64     // all before it is committed, or finished
	ahead     queue      // committed, to be handed out next
	nextRead  uint64     // the position that enters ahead next
	out       map[uint64]Record
	back      []Record // returned, ascending by position
	acks      acks
	waiting   uint64 // records not acked
	queued    int64  // bytes of those among them that are not handed out, as on disk
	stats     Stats
	overflow  Report // what Append discarded since the last report
	reports   []Report
	dirty     bool // something must be written
	scheduled bool // the goroutine will see to it without being woken
	trouble   bool // the last commit failed
	starved   bool // Next had nothing
	closed    bool

	// The rest belongs to the committing goroutine.
	segments    []*segment // by position
	total       int64      // their sizes together
	active      *segment   // the one that is written; nil: the next write makes one
	activeFile  *os.File
	cursorFile  slots
	saved       acks // what it says
	numbersFile slots
	reserved    reservation // what that says
	boot        [16]byte    // of reservations made now
	reading     struct {
		segment  *segment // nil: where nextRead is has to be looked up
		frames   frames
		file     *os.File // nil: not opened yet
		failures int      // in a row
	}
	notBefore time.Time // of the next commit
	failed    int       // commits, in a row
	retryMin  time.Duration
	buf       []byte
	closeErr  error
}

// Stats are a spool's figures at one moment. At any time
//
//	Recovered + Appended = Acked + Discarded + Lost + Queued + InFlight
type Stats struct {
	Queued   uint64    // records to be handed out, returned ones among them
	InFlight uint64    // handed out, neither acked nor returned
	Waiting  int64     // bytes of the queued ones, about; 0 where there are none
	Oldest   time.Time // of the oldest record not acked that is in memory; zero if none

	Bytes     int64  `rpc:"bytes" doc:"size of its files"`
	Memory    int64  `rpc:"memory_bytes" doc:"memory, about, that those take which are not on disk yet"`
	Last      uint64 `rpc:"last" doc:"position of the newest; positions begin at 1 and continue over restarts"`
	Durable   uint64 `rpc:"committed" doc:"position up to which all are on disk; what is between this and last is about to be written"`
	Discarded uint64 `rpc:"discarded" doc:"discarded to make room for new ones, before they were handed out"`
	Lost      uint64 `rpc:"damaged" doc:"turned out to be damaged or missing on disk"`
	// LostBefore are committed records that Open found so.
	LostBefore uint64 `rpc:"damaged_before" doc:"the same, found when it was opened; not included in the counters above"`
	Commits    uint64 `rpc:"commits" doc:"writes that succeeded"`
	Failures   uint64 `rpc:"failures" doc:"writes that failed"`

	Recovered uint64 // records found by Open, not acked
	Appended  uint64 // since Open, as all that follow
	Refused   uint64 // too large
	Acked     uint64
	Returned  uint64
}

// Status is what there is on disk for a pool, a notifier or a log sink with overflow=spool. Its numbers count from when
// it was opened.
type Status struct {
	Path     string `rpc:"path" doc:"its directory"`
	Fault    string `rpc:"fault" doc:"why it is kept in memory at the moment; empty if it is not"`
	MaxBytes int64  `rpc:"max_bytes" doc:"spool_maxbytes"`
	Sync     bool   `rpc:"sync" doc:"spool_sync"`
	Stats
}

// Open opens the spool, recovers what is in it, and starts its goroutine. It
// reads all that may have to be handed out: up to MaxBytes. Damage is reported by
// Options.Report and is not an error. Errors wrap ErrLocked, ErrUnsafe or the system's.
func Open(o Options) (*Spool, error) {
	return open(o, realDisk(), 100*time.Millisecond)
}

func open(o Options, d disk, retryMin time.Duration) (*Spool, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("cannot open spool %q: %w", o.Name, err)
	}
	s := &Spool{
		o: o, disk: d, retryMin: retryMin, cursorFile: slots{name: cursorName}, numbersFile: slots{name: numbersName},
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		out: map[uint64]Record{},
	}
	if err := s.start(); err != nil {
		return nil, fmt.Errorf("cannot open spool %q in %q: %w", o.Name, o.Dir, err)
	}
	return s, nil
}

func (s *Spool) start() (err error) {
	if !s.o.Sync { // otherwise a number is on the disk before it is given
		s.boot = s.disk.boot()
	}
	if s.root, err = openPlace(s.disk, s.o.Dir, s.o.Name, s.o.Sync); err != nil {
		return err
	}
	if s.lock, err = lockPlace(s.root); err != nil {
		_ = s.root.Close()
		return err
	}
	if err = s.recover(); err == nil && s.o.Sync {
		err = s.syncFound()
	}
	if err != nil {
		s.release()
		return err
	}
	s.newest = s.written
	s.stats.Bytes = s.total
	s.dirty = true // the cursor file says what is known now
	s.work(false)
	go s.run()
	return nil
}

// release closes the files.
func (s *Spool) release() {
	s.stopReading()
	if s.activeFile != nil {
		_ = s.activeFile.Close()
	}
	s.cursorFile.close()
	s.numbersFile.close()
	unlockFile(s.lock)
	_ = s.lock.Close()
	_ = s.root.Close()
}

// Append puts r at the end of the spool and returns its position. It keeps r.Data
// without copying it. It does not wait for the disk: while that is slow or fails,
// records wait in memory up to Options.QueueBytes, then the oldest of these are
// discarded. Errors: ErrClosed; one that wraps ErrTooLarge, for a record larger
// than half of MaxBytes or than QueueBytes, or with a kind over 65535 bytes.
func (s *Spool) Append(r Record) (pos uint64, err error) {
	var wake bool
	s.locked(func() { pos, wake, err = s.append(r) })
	if wake {
		s.signal()
	}
	return pos, err
}

// append is Append under the lock; wake: the goroutine is to be signalled.
func (s *Spool) append(r Record) (pos uint64, wake bool, err error) {
	if err := s.refuses(&r); err != nil {
		return 0, false, err
	}
	r.Pos = s.next
	s.next++
	s.newest.include(r.numbers())
	s.pending.push(r)
	s.stats.Appended++
	s.waiting++
	s.queued += frameLen(&r)
	s.shed()
	s.dirty = true
	return r.Pos, !s.scheduled || s.starved, nil
}

// refuses returns why a record can never be accepted.
func (s *Spool) refuses(r *Record) error {
	switch size := frameLen(r); {
	case s.closed:
		return ErrClosed
	case size > s.o.maxRecord() || len(r.Kind) > maxKind:
		s.stats.Refused++
		return fmt.Errorf("cannot spool %d bytes of kind %.40q: %w", size, r.Kind, ErrTooLarge)
	}
	return nil
}

// locked calls f with the lock.
func (s *Spool) locked(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// shed discards the oldest records of the queue in memory beyond its bound.
func (s *Spool) shed() {
	for s.pending.n > 1 && s.pending.bytes+s.batchSize > s.o.QueueBytes {
		r := s.pending.pop()
		if s.acks.has(r.Pos) {
			continue
		}
		s.acks.add(r.Pos, r.Pos)
		if r.Pos >= s.nextRead { // otherwise the consumer has it
			s.waiting--
			s.queued -= frameLen(&r)
			s.stats.Discarded++
			s.overflow.Records++
			s.overflow.Bytes += frameLen(&r)
		}
	}
}

// forget records that the records from first to last, which were not handed
// out, never will be, and counts them. each is about how many bytes one takes on disk.
func (s *Spool) forget(first, last uint64, each int64) uint64 {
	n := s.acks.open(first, last)
	s.acks.add(first, last)
	s.waiting -= n
	s.queued -= int64(n) * each
	return n
}

func (s *Spool) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// report keeps r for the callback; s.mu must be held once the goroutine runs.
func (s *Spool) report(r Report) {
	r.Spool = s.o.Name
	s.reports = append(s.reports, r)
}

// Last returns the greatest numbers of all records ever appended, including those of earlier
// processes; false if there was none.
func (s *Spool) Last() (Numbers, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newest.Pos == 0 {
		return Numbers{}, false
	}
	return s.newest, true
}

// Committed is the position up to which every record is committed, or acked or
// discarded before it could be; 0 before the first.
func (s *Spool) Committed() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextWrite - 1
}

// Stats returns the current figures.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.InFlight = uint64(len(s.out))
	st.Queued = s.waiting - st.InFlight
	if st.Queued == 0 {
		s.queued = 0 // what was forgotten was only estimated
	}
	st.Waiting = max(s.queued, 0)
	st.Memory = s.pending.bytes + s.batchSize
	st.Oldest = s.oldest()
	st.Last, st.Durable = s.newest.Pos, s.nextWrite-1
	return st
}

func (s *Spool) oldest() time.Time {
	pos, at := uint64(maxPos), time.Time{}
	older := func(r *Record) {
		if r.Pos < pos {
			pos, at = r.Pos, r.Time
		}
	}
	for _, r := range s.out {
		older(&r)
	}
	switch {
	case len(s.back) > 0:
		older(&s.back[0])
	case s.ahead.n > 0:
		older(s.ahead.at(0))
	default:
		if r := s.unwritten(); r != nil && s.nextRead >= s.nextWrite {
			older(r)
		}
	}
	return at
}

// Close commits what is in memory, once, and closes the spool. It returns an
// error if that failed, with the number of records that are lost, or ctx's if
// the disk did not answer in time; the spool then stays locked until it does.
// Further calls wait too.
func (s *Spool) Close(ctx context.Context) error {
	first := false
	s.locked(func() { first, s.closed = !s.closed, true })
	if first {
		close(s.stop)
	}
	select {
	case <-s.done:
		return s.closeErr
	case <-ctx.Done():
		return fmt.Errorf("cannot close spool %q: %w", s.o.Name, ctx.Err())
	}
}
