package eventlistener

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHeaderLines(t *testing.T) {
	for name, c := range map[string]struct {
		h    Header
		want string
	}{
		"an ASCII payload's header is Supervisor's": {
			Header{"supervisor", 21, "listener", 10, "PROCESS_COMMUNICATION_STDOUT", 54, 54},
			"ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:PROCESS_COMMUNICATION_STDOUT len:54\n"},
		"bytes comes last": {
			Header{"s", 0, "p", 1, "TICK_5", 3, 5},
			"ver:3.0 server:s serial:0 pool:p poolserial:1 eventname:TICK_5 len:3 bytes:5\n"},
		"an identifier may hold spaces": {
			Header{"my  host ", 0, "p", 1, "TICK_5", 0, 0},
			"ver:3.0 server:my  host  serial:0 pool:p poolserial:1 eventname:TICK_5 len:0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(AppendHeader(nil, c.h)); got != c.want {
				t.Errorf("encoded %q, want %q", got, c.want)
			}
			if got, err := ParseHeader([]byte(c.want)); err != nil || got != c.h {
				t.Errorf("decoded %+v, %v, want %+v", got, err, c.h)
			}
		})
	}
}

func TestParseHeaderAccepts(t *testing.T) {
	for name, line := range map[string]string{
		"unknown keys":               "ver:3.0 eventname:TICK_5 len:3 new:a:b c:",
		"any order, repeated keys":   "len:9 len:3 eventname:TICK_5 ver:3.0",
		"a line without its newline": "ver:3.0 eventname:TICK_5 len:3",
	} {
		t.Run(name, func(t *testing.T) {
			h, err := ParseHeader([]byte(line))
			if err != nil || h.Len != 3 || h.Bytes != 3 || h.EventName != "TICK_5" {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

func TestParseHeaderRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"nothing":               "",
		"a word without colon":  "hello",
		"another version":       "ver:4.0 eventname:A len:1",
		"no version":            "eventname:A len:1",
		"no event name":         "ver:3.0 len:1",
		"no length":             "ver:3.0 eventname:A",
		"a negative length":     "ver:3.0 eventname:A len:-1",
		"a signed length":       "ver:3.0 eventname:A len:+1",
		"an enormous length":    "ver:3.0 eventname:A len:99999999999999999999",
		"an empty serial":       "ver:3.0 eventname:A len:1 serial:",
		"a serial in letters":   "ver:3.0 eventname:A len:1 serial:x",
		"bytes in letters":      "ver:3.0 eventname:A len:1 bytes:x",
		"a leading white space": " ver:3.0 eventname:A len:1",
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := ParseHeader([]byte(line)); err == nil {
				t.Errorf("read as %+v", h)
			}
		})
	}
}

func TestReadEvent(t *testing.T) {
	stream := "ver:3.0 eventname:A len:3\nabc" +
		"ver:3.0 eventname:B len:3 bytes:6\näöü" +
		"ver:3.0 eventname:C len:4\nä€\U0001F600x" + // Python's supervisor: characters only
		"ver:3.0 eventname:D len:2\nx\U0001F600" +
		"ver:3.0 eventname:E len:0\n" +
		"ver:3.0 eventname:F len:1\nz"
	for name, reader := range map[string]io.Reader{
		"at once":       strings.NewReader(stream),
		"byte by byte":  iotest.OneByteReader(strings.NewReader(stream)),
		"data with EOF": iotest.DataErrReader(strings.NewReader(stream)),
	} {
		t.Run(name, func(t *testing.T) {
			r := bufio.NewReaderSize(reader, 16)
			for _, want := range []string{"A abc", "B äöü", "C ä€\U0001F600x", "D x\U0001F600", "E ", "F z"} {
				h, payload, err := ReadEvent(r)
				if got := h.EventName + " " + string(payload); err != nil || got != want || h.Bytes != len(payload) {
					t.Fatalf("%q, %+v, %v, want %q", got, h, err, want)
				}
			}
			if _, _, err := ReadEvent(r); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		})
	}
}

func TestReadEventRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   error
	}{
		"a cut header":          {"ver:3.0 eve", io.ErrUnexpectedEOF},
		"a missing payload":     {"ver:3.0 eventname:A len:3\n", io.ErrUnexpectedEOF},
		"a cut payload":         {"ver:3.0 eventname:A len:3\nab", io.ErrUnexpectedEOF},
		"a cut character":       {"ver:3.0 eventname:A len:1\n\xe2\x82", io.ErrUnexpectedEOF},
		"a cut bytes payload":   {"ver:3.0 eventname:A len:2 bytes:3\nab", io.ErrUnexpectedEOF},
		"an unlikely length":    {"ver:3.0 eventname:A len:9223372036854775807\nab", io.ErrUnexpectedEOF},
		"a header without end":  {strings.Repeat("x", maxHeader+2), nil},
		"a header that is none": {"hello\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := ReadEvent(bufio.NewReader(strings.NewReader(c.stream)))
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestAResultIsHeardByTheListener(t *testing.T) {
	for result, want := range map[string]Kind{ResultOK: Processed, ResultFail: Rejected, "OK\n": Rejected, strings.Repeat("x", 100_000): Rejected} {
		l := NewListener("l")
		l.Feed([]byte(ReadyToken))
		l.Sent()
		got := l.Feed(AppendResult(nil, result))
		if len(got) != 1 || got[0].Kind != want {
			t.Errorf("%.20q: %v", result, got)
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add("supervisor", int64(1), "pool", int64(2), "TICK_5", 3, 4)
	f.Add("my host", int64(0), "p", int64(0), "E", 0, 0)
	f.Fuzz(func(t *testing.T, server string, serial int64, pool string, poolserial int64, name string, length, size int) {
		h := Header{server, serial, pool, poolserial, name, length, size}
		line := AppendHeader(nil, h)
		got, err := ParseHeader(line)
		sane := serial >= 0 && poolserial >= 0 && length >= 0 && size >= 0
		for _, s := range []string{server, pool, name} {
			sane = sane && !strings.ContainsAny(s, " \n")
		}
		if sane && (err != nil || got != h) {
			t.Fatalf("%q read as %+v, %v, want %+v", line, got, err, h)
		}
	})
}

func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:TICK_5 len:54 bytes:60\n"))
	f.Add([]byte("len:9 ver:3.0  x eventname:A:B : len:3"))
	f.Fuzz(func(t *testing.T, line []byte) {
		h, err := ParseHeader(line)
		if err != nil {
			return
		}
		again := AppendHeader(nil, h)
		if got, err := ParseHeader(again); err != nil || got != h {
			t.Fatalf("%q read as %+v, written as %q, read as %+v, %v", line, h, again, got, err)
		}
	})
}

func FuzzReadEvent(f *testing.F) {
	f.Add("grüße €\U0001F600", true)
	f.Fuzz(func(t *testing.T, text string, announced bool) {
		e := NewRemoteCommunication("k", text)
		h := Header{EventName: "REMOTE_COMMUNICATION", Len: e.CharLen(), Bytes: len(e.Payload())}
		if !announced {
			h.Bytes = h.Len // as Python's supervisor
		}
		stream := append(AppendHeader(nil, h), e.Payload()...)
		stream = append(stream, "next"...)
		r := bufio.NewReaderSize(strings.NewReader(string(stream)), 16)
		_, payload, err := ReadEvent(r)
		if err != nil || string(payload) != string(e.Payload()) {
			t.Fatalf("%q, %v, want %q", payload, err, e.Payload())
		}
		if rest, err := io.ReadAll(r); string(rest) != "next" {
			t.Fatalf("the stream goes on with %q, %v", rest, err)
		}
	})
}
