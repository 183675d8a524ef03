package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/backoff"
)

// send sends an event in one write, once there is a credit.
func (s *session) send(e sample) error { return s.sendPieces(s.wire(e)) }

// sendPieces sends an event in several writes: each when the one before has been
// read, and a moment later.
func (s *session) sendPieces(pieces ...[]byte) error { return s.sendHeld(pace, pieces...) }

// sendHeld does so with a longer moment. What is said before the last piece is a
// breach: whoever answers has taken a short read for the whole.
func (s *session) sendHeld(hold time.Duration, pieces ...[]byte) error {
	if err := s.awaitReady(); err != nil {
		return err
	}
	if err := s.surplus(); err != nil {
		return err
	}
	s.credits--
	s.unanswered++
	whole := 0
	for _, piece := range pieces {
		whole += len(piece)
	}
	unsent := whole
	for _, piece := range pieces {
		err := s.write(piece)
		unsent -= len(piece)
		if err == nil && unsent == 0 {
			return nil
		}
		missing := fmt.Sprintf("%d of the %d bytes of the event had not been sent", unsent, whole)
		if early := s.early(hold, missing, err != nil); early != nil {
			return early
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// surplus looks at all that the listener has said so far, so that it counts for the
// event it came with.
func (s *session) surplus() error {
	s.out.drain()
	for {
		m, whole, _, err := s.out.take()
		if err != nil || !whole {
			return err
		}
		if err := s.count(m); err != nil {
			return err
		}
	}
}

// early looks for what is said while an event is not there whole. Where it could not
// be written, only what was said already is looked at.
func (s *session) early(hold time.Duration, missing string, failed bool) error {
	if failed {
		hold = 0
	} else {
		s.awaitRead()
	}
	for {
		m, err := s.next(hold)
		switch {
		case err == nil && !m.ready:
			return broken("answered %s when %s", m.result, missing)
		case errors.Is(err, errSilent), errors.Is(err, errGone) && failed:
			return nil
		case errors.Is(err, errGone):
			return broken("%s when %s%s", s.ending(), missing, s.says())
		case err != nil:
			return err
		}
	}
}

// awaitRead waits until all that was written has been read, so that what follows takes
// another read; for the event's sake also until something is said or the time is up.
func (s *session) awaitRead() {
	const most = 2 * time.Millisecond
	deadline := time.Now().Add(s.timeout)
	for looks := 1; unread(s.in) > 0 && !s.out.said() && time.Now().Before(deadline); looks++ {
		<-time.After(backoff.After(looks, most/16, most))
	}
}

func (s *session) write(b []byte) error {
	_ = s.in.SetWriteDeadline(time.Now().Add(s.timeout))
	n, err := s.in.Write(b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return broken("did not read its input within %v: %d of %d bytes were left%s", s.timeout, len(b)-n, len(b), s.says())
	case err != nil:
		return broken("%s where it was to read%s", s.inputEnding(), s.says())
	}
	return nil
}

func (s *session) inputEnding() string {
	if e := s.ending(); e != "closed its standard output" {
		return e
	}
	return "closed its standard input"
}

// exchange sends an event and waits for its answer.
func (s *session) exchange(e sample) error {
	if err := s.send(e); err != nil {
		return err
	}
	return s.awaitAnswers()
}

// exchangeAll does so with several, and waits for READY at the end.
func (s *session) exchangeAll(events ...sample) error {
	for _, e := range events {
		if err := s.exchange(e); err != nil {
			var b *breach
			if errors.As(err, &b) && b.rule == "" {
				b.what += " (" + e.String() + ")"
			}
			return err
		}
	}
	return s.awaitReady()
}

// wire is an event as the daemon would send it, with the next serial.
func (s *session) wire(e sample) []byte {
	h := e.header(s.serial)
	s.serial++
	return append(eventlistener.AppendHeader(nil, h), e.payload...)
}
