package spool

import (
	"context"
	"time"
)

// Offer is Append for a record that can come later: where others would have to be discarded for it, or while the disk fails, it is refused with
// ErrNoRoom.
func (s *Spool) Offer(r Record) (pos uint64, err error) { return s.append(r, true) }

// hasRoom reports whether nothing is discarded for r. Segments of which a part is done with take a quarter of MaxBytes each; there
// are two of them at most, the one that is read and the one that is written, where what waits fills no more than half.
func (s *Spool) hasRoom(r *Record) bool {
	return !s.trouble && s.queued+frameLen(r) <= s.o.MaxBytes/2 && s.pending.bytes+s.batchSize+r.memory() <= s.o.QueueBytes
}

// Settle waits until all that was appended before is committed, or ctx is done, whose error it then returns.
func (s *Spool) Settle(ctx context.Context) error {
	s.mu.Lock()
	last, every := s.next-1, s.o.CommitEvery
	s.mu.Unlock()
	look := time.NewTicker(every)
	defer look.Stop()
	for s.Committed() < last {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
