package main

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

func playReady(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	return s.quiet()
}

func playAnswer(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	return s.exchange(t.plain())
}

func playExact(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	return s.exchange(t.plain())
}

// playQuiet leaves time for chatter before an event and after it.
func playQuiet(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err == nil {
		err = s.quiet()
	}
	if err == nil {
		err = s.exchange(t.plain())
	}
	if err == nil {
		err = s.quiet()
	}
	return err
}

func playReadyAgain(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for range 2 {
		if err := s.exchangeAll(t.plain()); err != nil {
			return err
		}
	}
	return s.quiet()
}

// playHeaders sends the plain event under other headers; % stands for what one has
// to begin with.
func playHeaders(t *trial, headers []string) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	e := t.plain()
	for _, form := range headers {
		h := e.header(s.serial)
		s.serial++
		line := strings.NewReplacer("SERIAL", fmt.Sprint(h.Serial), "NAME", h.EventName, "LEN", fmt.Sprint(h.Len)).Replace(form)
		if err := s.sendPieces([]byte(line + "\n" + e.payload)); err != nil {
			return noted(err, line)
		}
		if err := s.awaitAnswers(); err != nil {
			return noted(err, line)
		}
		if err := s.exchangeAll(e); err != nil {
			return noted(err, "after "+line)
		}
	}
	return nil
}

func playTokens(t *trial) error {
	return playHeaders(t, []string{
		"ver:3.0 server:supervisor serial:SERIAL pool:listener poolserial:SERIAL eventname:NAME len:LEN future:1",
		"ver:3.0 server:supervisor priority:high serial:SERIAL pool:listener poolserial:SERIAL lens:7 eventname:NAME len:LEN xlen:9",
		"ver:3.0 server:supervisor serial:SERIAL pool:listener poolserial:SERIAL eventname:NAME len:LEN empty:",
		"len:LEN eventname:NAME poolserial:SERIAL pool:listener serial:SERIAL server:supervisor ver:3.0",
		"eventname:NAME ver:3.0 len:LEN bytes:LEN server:supervisor pool:listener serial:SERIAL poolserial:SERIAL",
	})
}

func playValues(t *trial) error {
	return playHeaders(t, []string{
		"ver:3.0 server:my host serial:SERIAL pool:listener poolserial:SERIAL eventname:NAME len:LEN",
		"ver:3.0 server:host:9001 serial:SERIAL pool:listener poolserial:SERIAL eventname:NAME len:LEN",
		"ver:3.0 server:grüße serial:SERIAL pool:listener poolserial:SERIAL eventname:NAME len:LEN",
		"ver:3.0 server: serial:SERIAL pool:listener poolserial:SERIAL eventname:NAME len:LEN",
	})
}

func playTypes(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for _, typ := range t.types {
		e := sampleOf(typ, "web", "some text")
		if e.payload == "" {
			continue // R7
		}
		if err := s.exchangeAll(e); err != nil {
			return err
		}
	}
	return nil
}

func playUnknownType(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	return s.exchangeAll(
		sample{name: "PROCESS_STATE_SLEEPING", payload: "processname:web groupname:web from_state:RUNNING pid:4711"},
		t.plain(),
		sample{name: "SOMETHING_ELSE", payload: "no tokens here\nnor here"},
		t.plain())
}

func playMany(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	e := t.plain()
	for i := range t.count {
		if err := s.exchange(e); err != nil {
			return noted(err, fmt.Sprintf("event %d of %d", i+1, t.count))
		}
		if i+1 == rejectsAll && s.rejects() {
			return s.rejecting()
		}
	}
	return s.awaitReady()
}

func playAgain(t *trial) error {
	e := t.plain()
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	if err := s.exchangeAll(e); err != nil {
		return err
	}
	for range 3 { // the same numbers
		s.serial = 0
		if err := s.exchangeAll(e); err != nil {
			return noted(err, "again in the same life")
		}
	}
	s.end()
	if s, err = t.startReady(classicProtocol); err != nil {
		return err
	}
	return noted(s.exchangeAll(e), "again in the next life")
}

func playStopIdle(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	if err := s.exchangeAll(t.plain(), t.plain()); err != nil {
		return err
	}
	if err := s.quiet(); err != nil { // it waits for an event by now
		return err
	}
	s.signal(syscall.SIGTERM)
	return s.awaitEnd()
}

func (s *session) signal(sig syscall.Signal) {
	s.stopped = true
	_ = s.cmd.Process.Signal(sig) // one that has ended is what is wanted
}

// playStopBusy stops it with an event it has whole, and with one it has half of.
func playStopBusy(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	if err := s.send(t.plain()); err != nil {
		return err
	}
	s.signal(syscall.SIGTERM)
	if err := s.awaitEnd(); err != nil {
		return noted(err, "the event was there whole")
	}
	if s, err = t.startReady(classicProtocol); err != nil {
		return err
	}
	b := s.wire(t.plain())
	half := bytes.IndexByte(b, '\n') + 1 + (len(b)-bytes.IndexByte(b, '\n')-1)/2
	if err := s.sendPieces(b[:half]); err != nil {
		return err
	}
	<-time.After(settle)
	s.signal(syscall.SIGTERM)
	<-time.After(settle)
	_ = s.write(b[half:]) // it may have ended, which is as good
	return noted(s.awaitEnd(), "half the event was there")
}

func playEndOfInput(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	if err := s.exchangeAll(t.plain()); err != nil {
		return err
	}
	_ = s.in.Close()
	return s.awaitEnd()
}

func playClassic(t *trial) error {
	s, err := t.startReady("")
	if err == nil {
		err = s.quiet()
	}
	if err == nil {
		err = s.exchangeAll(t.plain(), t.plain(), t.plain())
	}
	if b, ok := err.(*breach); ok && b.rule == "R5" { //nolint:errorlint // breaches are not wrapped
		b.rule = "" // with the variable it says READY once
	}
	return err
}

// playCredits sends events as they are requested: one at a time, then as many as the
// listener takes.
func playCredits(t *trial) error {
	for _, limit := range []int{2, t.credits} {
		s, err := t.startReady(fmt.Sprintf("3.0 bytes max_in_flight=%d payload=supervisor", limit))
		if err != nil {
			return err
		}
		if err := s.quiet(); err != nil { // all READYs are here, one too many as well
			return err
		}
		e := t.plain()
		for sent := 0; sent < 20*limit; {
			if err := s.awaitReady(); err != nil {
				return err
			}
			var batch []byte // what waits together may come in one write
			for ; s.credits > 0; s.credits-- {
				batch = append(batch, s.wire(e)...)
				s.unanswered++
				sent++
			}
			if err := s.write(batch); err != nil {
				return err
			}
			if s.rejects() {
				break
			}
		}
		if err := s.awaitAnswers(); err != nil {
			return noted(err, fmt.Sprintf("max_in_flight=%d", limit))
		}
		if s.rejects() {
			return s.rejecting()
		}
		if err := s.quiet(); err != nil {
			return err
		}
	}
	return nil
}

func playWords(t *trial) error {
	s, err := t.startReady("3.0 shiny bytes max_in_flight=1 compression=none payload=supervisor later:2")
	if err != nil {
		return err
	}
	return s.exchangeAll(t.plain(), t.plain())
}

func playExtended(t *trial) error { return playForm(t, eventlistener.ExtendedForm) }

func playJSON(t *trial) error { return playForm(t, eventlistener.JSONForm) }

func playForm(t *trial, f eventlistener.Form) error {
	s, err := t.startReady("3.0 bytes max_in_flight=1 payload=" + f.String())
	if err != nil {
		return err
	}
	return s.exchangeAll(t.inForm(f)...)
}

func playStderr(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	if err := s.exchangeAll(t.plain()); err != nil {
		return err
	}
	select {
	case <-s.errEnd:
		return broken("closed its standard error, so its errors cannot be seen")
	case <-time.After(settle):
		return nil
	}
}
