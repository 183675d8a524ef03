package main

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	serverName = "supervisor"
	poolName   = "listener"
	logChunk   = 128 << 10 // the most that one log event carries, in bytes
	bigPayload = 1 << 20   // of a capture block or a remote communication, in bytes
)

// sample is a made-up event.
type sample struct {
	name    string // its type
	payload string
	note    string // what is special about it, for reports
}

func (e sample) String() string {
	if e.note != "" {
		return e.name + ", " + e.note
	}
	return e.name
}

func (e sample) header(serial int64) eventlistener.Header {
	return eventlistener.Header{
		Server: serverName, Serial: serial, Pool: poolName, PoolSerial: serial, EventName: e.name,
		Len: utf8.RuneCountInString(e.payload), Bytes: len(e.payload),
	}
}

// event makes one of a type, about a process of this name, with this text where the type has free text.
func event(t eventlistener.Type, name, text string) *eventlistener.Event {
	if !t.HasText() {
		text = ""
	}
	return eventlistener.Sample(t, eventlistener.Process{Name: name, Group: name, Pid: 4711}, text)
}

func sampleOf(t eventlistener.Type, name, text string) sample {
	return sample{name: t.String(), payload: string(event(t, name, text).Payload())}
}

// plain is an event that nothing is special about.
func (s settings) plain() sample {
	for _, t := range s.types {
		if e := sampleOf(t, "web", "some text"); e.payload != "" {
			return e
		}
	}
	return sampleOf(s.types[0], "web", "some text")
}

// texts are events with a free text, one for each type that has any.
func (s settings) texts(text, note string) []sample {
	var all []sample
	for _, t := range s.types {
		if t.HasText() {
			e := sampleOf(t, "web", text)
			e.note = note
			all = append(all, e)
		}
	}
	return all
}

// bait is a text that begins an event which never ends, for whoever reads it as a
// header.
const bait = "\nver:3.0 server:x serial:0 pool:x poolserial:0 eventname:TICK_5 len:100000000\n"

// baits returns an event whose payload has a bait at its end, if any type has free
// text: a listener that stops reading before is caught. Otherwise the plain one.
func (s settings) baits() []sample {
	if texts := s.texts("some text"+bait, "what looks like a header"); len(texts) > 0 {
		return texts[:1]
	}
	return []sample{s.plain()}
}

// wide are events that are not ASCII: by their text, or by a process's name. Whoever
// takes len for a number of bytes leaves the end of the payload unread, which begins
// an event that never ends; whoever takes bytes for a number of characters waits for
// more.
func (s settings) wide() []sample {
	const trap = bait
	var all []sample
	for _, c := range []string{"é", "世", "😀"} {
		extra := len(c) - 1 // bytes beyond the characters, of each
		text := strings.Repeat(c, (len(trap)+extra-1)/extra)
		text += strings.Repeat("x", (len(text)-utf8.RuneCountInString(text))-len(trap)) + trap
		all = append(all, s.texts(text, "text of "+c)...)
		all = append(all, s.texts("at the end "+c, c+" at the end")...)
	}
	all = append(all, s.texts("one\u2028two\u2029three\u0085four\ufeff", "separators of lines that are none")...)
	for _, t := range s.types {
		if e := sampleOf(t, "grüße-世", "x"); utf8.RuneCountInString(e.payload) != len(e.payload) {
			e.note = "a name that is not ASCII"
			all = append(all, e)
		}
	}
	return all
}

// odd are texts that readers stumble over.
func (s settings) odd() []sample {
	var all []sample
	for _, o := range []struct{ note, text string }{
		{"CR LF", "one\r\ntwo\r\n"},
		{"CR alone", "progress 1\rprogress 2\r"},
		{"empty lines", "\n\n\n"},
		{"no text", ""},
		{"a header in the text", "ver:3.0 server:x serial:9 pool:x poolserial:9 eventname:TICK_5 len:3\nabc"},
		{"READY and RESULT in the text", "READY\nRESULT 2\nOK"},
		{"spaces and tabs", "  \t a:b  :  c \t"},
		{"quotes and backslashes", `'"\n` + "`$HOME` $(x) \\ * ?"},
		{"NUL", "a\x00b"},
		{"control characters", "\x1b[31mred\x1b[0m\x7f\x04"},
	} {
		all = append(all, s.texts(o.text, o.note)...)
	}
	for _, t := range s.types {
		if t.Is(eventlistener.ProcessLog) || t.Is(eventlistener.ProcessCommunication) {
			e := sampleOf(t, "web", "caf\xe9 \xff\xfe")
			e.note = "bytes that are not UTF-8"
			all = append(all, e)
		}
	}
	return all
}

// inForm is an event of a type in one of Hark's forms of payloads.
func (s settings) inForm(f eventlistener.Form) []sample {
	bus := eventlistener.NewBus()
	bus.Now = func() time.Time { return time.Unix(1700000000, 250e6) }
	var all []sample
	for _, t := range s.types {
		e := event(t, "web", "some text")
		bus.Publish(e)
		payload, _ := e.PayloadIn(f)
		all = append(all, sample{name: t.String(), payload: string(payload), note: "payload=" + f.String()})
	}
	return all
}
