package spool

import (
	"context"
	"time"
)

// Offer appends all of some records, or none, that can come later: where others would have to be discarded for them, or while the disk fails, they
// are refused with ErrNoRoom. Other errors are Append's.
func (s *Spool) Offer(records ...Record) error {
	wake, err := s.offer(records)
	if wake {
		s.signal()
	}
	return err
}

func (s *Spool) offer(records []Record) (wake bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var size, memory int64
	for i := range records {
		if err := s.refuses(&records[i]); err != nil {
			return false, err
		}
		size, memory = size+frameLen(&records[i]), memory+records[i].memory()
	}
	// Nothing is discarded for them: segments that are partly finished take a quarter of MaxBytes each, and there are two of them at most, the one
	// that is read and the one that is written, if what waits fills no more than half.
	if s.trouble || s.queued+size > s.o.MaxBytes/2 || s.pending.bytes+s.batchSize+memory > s.o.QueueBytes {
		return false, ErrNoRoom
	}
	for i := range records {
		_, signal, err := s.append(records[i])
		if err != nil {
			return wake, err
		}
		wake = wake || signal
	}
	return wake, nil
}

// Settle waits until all records appended before are committed, or ctx has ended, whose error it then returns.
func (s *Spool) Settle(ctx context.Context) error {
	var last uint64
	s.locked(func() { last = s.next - 1 })
	look := time.NewTicker(s.o.CommitEvery)
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
