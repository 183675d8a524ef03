package main

import (
	"bytes"
	"fmt"
	"syscall"
	"time"
)

const (
	// stall is how long an event stops in its middle, far longer than a pause between
	// two writes.
	stall = 2 * time.Second
	// copies is how often an event is delivered again.
	copies = 20
)

// playKilled kills a life at one point of an event and sends the event to the next.
func playKilled(t *trial) error {
	e := t.plain()
	for _, point := range []string{"within the header", "within the payload", "before its answer"} {
		s, err := t.startReady(classicProtocol)
		if err != nil {
			return err
		}
		b := s.wire(e)
		line := bytes.IndexByte(b, '\n') + 1
		switch point {
		case "within the header":
			b = b[:line/2]
		case "within the payload":
			b = b[:line+(len(b)-line)/2]
		}
		if err := s.sendPieces(b); err != nil {
			return err
		}
		<-time.After(settle) // it has read that by now, most likely
		s.signal(syscall.SIGKILL)
		s.end()
		if s, err = t.startReady(classicProtocol); err != nil {
			return noted(err, "in the life after it was killed "+point)
		}
		if err := s.exchangeAll(e); err != nil {
			return noted(err, "in the life after it was killed "+point)
		}
	}
	return nil
}

func playDuplicates(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for i := range copies {
		s.serial = 0
		if err := s.exchangeAll(t.plain()); err != nil {
			return noted(err, fmt.Sprintf("copy %d", i))
		}
	}
	return nil
}

func playStalls(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for _, point := range []string{"within the header", "after the header", "within the payload"} {
		b := s.wire(t.plain())
		line := bytes.IndexByte(b, '\n') + 1
		at := map[string]int{"within the header": line / 2, "after the header": line, "within the payload": line + (len(b)-line)/2}[point]
		if err := s.sendPieces(b[:at]); err != nil {
			return err
		}
		m, err := s.next(stall)
		if err == nil {
			return broken("answered %q to an event that had stopped %s", m.result, point)
		}
		if err != errSilent { //nolint:errorlint // not wrapped
			if err == errGone { //nolint:errorlint // not wrapped
				return broken("%s when an event stopped %s for %v%s", s.ending(), point, stall, s.says())
			}
			return err
		}
		if err := s.write(b[at:]); err != nil {
			return noted(err, "an event stopped "+point)
		}
		if err := s.awaitAnswers(); err != nil {
			return noted(err, "an event stopped "+point)
		}
	}
	return s.awaitReady()
}

// playReaderGone closes the reading end of its output, as the end of a daemon does,
// and leaves its input open: the answer cannot be written.
func playReaderGone(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	s.out.close()
	s.stopped = true
	if err := s.send(t.plain()); err != nil {
		return err
	}
	return s.awaitExit()
}

func playCutOff(t *trial) error {
	for _, point := range []string{"within the header", "after the header", "within the payload"} {
		s, err := t.startReady(classicProtocol)
		if err != nil {
			return err
		}
		b := s.wire(t.plain())
		line := bytes.IndexByte(b, '\n') + 1
		at := map[string]int{"within the header": line / 2, "after the header": line, "within the payload": line + (len(b)-line)/2}[point]
		if err := s.sendPieces(b[:at]); err != nil {
			return err
		}
		_ = s.in.Close()
		if err := s.awaitEnd(); err != nil {
			return noted(err, "its input ended "+point)
		}
		if len(s.answers) > 0 {
			return broken("answered %q to half an event (its input ended %s)", s.answers[0], point)
		}
	}
	return nil
}

func playGarbage(t *trial) error {
	for _, line := range []string{"this is no header\n", "\n", "ver:3.0 eventname:TICK_5\n", "ver:3.0 eventname:TICK_5 len:many\n", "\x00\xff\xfe\n"} {
		s, err := t.startReady(classicProtocol)
		if err != nil {
			return err
		}
		s.credits--
		s.unanswered++
		if err := s.write([]byte(line)); err != nil {
			return err
		}
		_ = s.in.Close() // so that it does not wait for more
		s.stopped = true
		for {
			m, err := s.next(s.stopWait)
			if err == errGone || err == errSilent { //nolint:errorlint // not wrapped
				break
			}
			if err != nil {
				return err
			}
			if !m.ready {
				return broken("answered %q to the line %q", m.result, line)
			}
		}
	}
	return nil
}
