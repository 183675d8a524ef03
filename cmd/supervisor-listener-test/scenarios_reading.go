package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/eventlistener"
)

// playPieces cuts an event everywhere: once at each byte of it, and once into single
// bytes.
func playPieces(t *trial) error {
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	e := t.plain()
	for _, at := range boundaries(s.wire(e)) {
		b := s.wire(e)
		if at >= len(b) { // a serial has grown by a digit, never shrunk
			continue
		}
		if err := s.cut(pace, b, at); err != nil {
			return err
		}
	}
	for _, e := range t.baits() {
		b := s.wire(e)
		payload := bytes.IndexByte(b, '\n') + 1
		middle := payload + len(strings.TrimSuffix(e.payload, bait))/2
		for _, at := range []int{payload, middle, len(b) - 1} {
			if err := s.cut(shortRead, s.wire(e), at); err != nil {
				return err
			}
		}
	}
	var bytewise [][]byte
	for _, c := range s.wire(e) {
		bytewise = append(bytewise, []byte{c})
	}
	if err := s.sendPieces(bytewise...); err != nil {
		return noted(err, "byte by byte")
	}
	if err := s.awaitAnswers(); err != nil {
		return noted(err, "byte by byte")
	}
	return s.awaitReady()
}

// cut sends an event in two writes, the first held back so long.
func (s *session) cut(hold time.Duration, b []byte, at int) error {
	err := s.sendHeld(hold, b[:at], b[at:])
	if err == nil {
		err = s.awaitAnswers()
	}
	if err == nil && hold > pace {
		err = s.awaitReady()
	}
	if err == nil && hold > pace {
		err = s.quiet() // an answer to what it took for an event
	}
	return noted(err, fmt.Sprintf("cut after %q", b[max(0, at-12):at]))
}

// boundaries are the places at which an event is cut: around each colon, space and
// line feed, and in the middle of each word.
func boundaries(b []byte) []int {
	seen := map[int]bool{}
	var at []int
	add := func(i int) {
		if i > 0 && i < len(b) && !seen[i] {
			seen[i] = true
			at = append(at, i)
		}
	}
	begin := 0
	for i, c := range b {
		if c == ':' || c == ' ' || c == '\n' {
			add(begin + (i-begin)/2)
			add(i)
			add(i + 1)
			begin = i + 1
		}
	}
	add(begin + (len(b)-begin)/2)
	add(len(b) - 1)
	return at
}

// noted says when a rule was broken, once.
func noted(err error, when string) error {
	if b, ok := err.(*breach); ok && b.rule == "" && !strings.Contains(b.what, when) { //nolint:errorlint // breaches are not wrapped
		b.what += " (" + when + ")"
	}
	return err
}

func playEmpty(t *trial) error {
	var empty []sample
	for _, typ := range t.types {
		if typ.Is(eventlistener.SupervisorStateChange) {
			empty = append(empty, sampleOf(typ, "web", ""))
		}
	}
	if len(empty) == 0 {
		return notApplicable("none of its types has an empty payload")
	}
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for range 2 {
		if err := s.exchangeAll(append(empty, t.plain())...); err != nil {
			return err
		}
	}
	return nil
}

// playWide tries each of the locales that a daemon may give.
func playWide(t *trial) error {
	if len(t.wide()) == 0 {
		return notApplicable("its types are always ASCII")
	}
	for _, locale := range t.locales() {
		t.locale = locale
		when := "without a locale"
		if locale != nil {
			when = "with " + strings.Join(locale, " ")
		}
		if err := t.playWideOnce(); err != nil {
			return noted(err, when)
		}
	}
	return nil
}

func (t *trial) playWideOnce() error {
	wide := t.wide()
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for _, e := range wide {
		if err := s.exchangeAll(e, t.plain()); err != nil {
			return noted(err, e.String())
		}
	}
	// Cut within a character.
	b := s.wire(wide[0])
	at := bytes.IndexFunc(b, func(c rune) bool { return c >= utf8.RuneSelf }) + 1
	if err := s.sendPieces(b[:at], b[at:]); err != nil {
		return noted(err, "cut within a character")
	}
	if err := s.awaitAnswers(); err != nil {
		return noted(err, "cut within a character")
	}
	return s.exchangeAll(t.plain())
}

func playBig(t *trial) error {
	var big []sample
	for _, typ := range t.types {
		size, note := bigPayload, "1 MB"
		if typ.Is(eventlistener.ProcessLog) {
			size, note = logChunk, "128 KiB"
		}
		if typ.HasText() {
			e := sampleOf(typ, "web", strings.Repeat("0123456789abcde\n", size/16))
			e.note = note
			big = append(big, e)
		}
	}
	if len(big) == 0 {
		return notApplicable("none of its types has a big payload")
	}
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for _, e := range big {
		b := s.wire(e) // larger than a pipe, so that it is read in parts whatever is done
		if err := s.sendHeld(shortRead, b[:len(b)-1], b[len(b)-1:]); err != nil {
			return noted(err, e.String())
		}
		if err := s.awaitAnswers(); err != nil {
			return noted(err, e.String())
		}
		if err := s.exchangeAll(t.plain()); err != nil {
			return noted(err, "after "+e.String())
		}
	}
	return nil
}

func playOdd(t *trial) error {
	odd := t.odd()
	if len(odd) == 0 {
		return notApplicable("none of its types has free text")
	}
	s, err := t.startReady(classicProtocol)
	if err != nil {
		return err
	}
	for _, e := range odd {
		if err := s.exchangeAll(e, t.plain()); err != nil {
			return noted(err, e.String())
		}
	}
	return nil
}
