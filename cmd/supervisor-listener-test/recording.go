package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// A recording is text, a line for each thing that happened:
//
//	# listener recording 1
//	4711 0.000000 start "3.0 bytes max_in_flight=1 payload=supervisor"
//	4711 0.052110 --> "READY\n"
//	4711 4.998012 <-- "ver:3.0 server:supervisor serial:0 … len:15\nwhen:1700000000"
//	4711 4.999870 --> "RESULT 2\nOKREADY\n"
//	4711 9.500000 <--|
//	4711 9.501000 --|
//	4711 9.502000 end "exit status 0"
//
// First the listener's process id, which keeps apart the lives and the processes of a
// pool that share a file, then the seconds since its start. --> is what it wrote, <-- what it was
// sent, one read each; with | behind it, that stream's end. Texts are in quotes as in Go: UTF-8 stands as it is,
// other bytes as \xNN. Empty lines and those that begin with # are skipped. It is appended to, never rewritten.
const recordingHead = "# listener recording 1\n"

// The kinds of lines.
const (
	lineStart  = "start" // text: SUPERVISOR_EVENT_PROTOCOL, "" where there was none
	lineWrote  = "-->"
	lineSent   = "<--"
	lineNoOut  = "--|"
	lineNoIn   = "<--|"
	lineEnd    = "end" // text: how the process ended
	longestRow = 1 << 20
)

// row is one line of a recording.
type row struct {
	pid  int
	at   time.Duration // microseconds
	kind string
	text []byte
}

func (r row) hasText() bool { return r.kind != lineNoOut && r.kind != lineNoIn }

func appendRow(dst []byte, r row) []byte {
	dst = strconv.AppendInt(dst, int64(r.pid), 10)
	dst = fmt.Appendf(dst, " %d.%06d ", r.at/time.Second, r.at%time.Second/time.Microsecond)
	dst = append(dst, r.kind...)
	if r.hasText() {
		dst = append(dst, ' ')
		dst = strconv.AppendQuote(dst, string(r.text))
	}
	return append(dst, '\n')
}

// parseRow reads a line; false where it holds nothing.
func parseRow(line string) (r row, ok bool, err error) {
	if line == "" || line[0] == '#' {
		return r, false, nil
	}
	fields := strings.SplitN(line, " ", 4)
	if len(fields) < 3 {
		return r, false, errors.New("it is not PID SECONDS KIND")
	}
	if r.pid, err = strconv.Atoi(fields[0]); err != nil || r.pid < 0 {
		return r, false, fmt.Errorf("%q is not a process id", fields[0])
	}
	at, err := strconv.ParseFloat(fields[1], 64)
	const longest = 100 * 365 * 24 * 60 * 60
	if err != nil || !(at >= 0 && at <= longest) {
		return r, false, fmt.Errorf("%q is not a number of seconds", fields[1])
	}
	r.at = time.Duration(math.Round(at*1e6)) * time.Microsecond
	switch r.kind = fields[2]; r.kind {
	case lineStart, lineWrote, lineSent, lineNoOut, lineNoIn, lineEnd:
	default:
		return r, false, fmt.Errorf("%q is not a kind of line", r.kind)
	}
	if r.hasText() != (len(fields) == 4) {
		return r, false, fmt.Errorf("a text after %s is missing, or one too many", r.kind)
	}
	if r.hasText() {
		if !strings.HasPrefix(fields[3], `"`) {
			return r, false, fmt.Errorf("the text %.20q is not in quotes", fields[3])
		}
		text, err := strconv.Unquote(fields[3])
		if err != nil {
			return r, false, fmt.Errorf("the text %.20q is not in quotes", fields[3])
		}
		r.text = []byte(text)
	}
	return r, true, nil
}

// parseRecording reads all lines.
func parseRecording(in io.Reader) ([]row, error) {
	var rows []row
	scan := bufio.NewScanner(in)
	scan.Buffer(nil, longestRow)
	for n := 1; scan.Scan(); n++ {
		r, ok, err := parseRow(scan.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if ok {
			rows = append(rows, r)
		}
	}
	return rows, scan.Err()
}

// life is one process of a recording.
type life struct {
	pid      int
	protocol string
	events   []recordedEvent
	cut      int    // bytes behind the last whole event
	left     string // what is wrong with its answers from some point on
}

// recordedEvent is an event as it came, in pieces, and its answer; "" where there is none.
type recordedEvent struct {
	header eventlistener.Header
	pieces [][]byte
	answer string
}

// lives are those of a recording, in the order in which they began.
func lives(rows []row) ([]life, error) {
	var all []*struct {
		life
		sent  [][]byte
		wrote []byte
	}
	current := map[int]int{}
	for _, r := range rows {
		if r.kind == lineStart {
			current[r.pid] = len(all)
			all = append(all, &struct {
				life
				sent  [][]byte
				wrote []byte
			}{life: life{pid: r.pid, protocol: string(r.text)}})
			continue
		}
		i, ok := current[r.pid]
		if !ok {
			return nil, fmt.Errorf("there is no start of process %d before its %s", r.pid, r.kind)
		}
		switch r.kind {
		case lineSent:
			all[i].sent = append(all[i].sent, r.text)
		case lineWrote:
			all[i].wrote = append(all[i].wrote, r.text...)
		}
	}
	result := make([]life, 0, len(all))
	for _, l := range all {
		if err := l.fill(l.sent, l.wrote); err != nil {
			return nil, fmt.Errorf("the input of process %d is not a sequence of events: %w", l.pid, err)
		}
		result = append(result, l.life)
	}
	return result, nil
}

// fill splits what was sent into events and finds their answers.
func (l *life) fill(sent [][]byte, wrote []byte) error {
	stream := bytes.Join(sent, nil)
	source := bytes.NewReader(stream)
	in := bufio.NewReader(source)
	for begin := 0; begin < len(stream); {
		h, _, err := eventlistener.ReadEvent(in)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			l.cut = len(stream) - begin
			break
		}
		if err != nil {
			return err
		}
		end := len(stream) - source.Len() - in.Buffered()
		l.events = append(l.events, recordedEvent{header: h, pieces: piecesOf(sent, begin, end)})
		begin = end
	}
	for i := 0; i < len(l.events); {
		m, n, err := parseMessage(wrote)
		if err != nil {
			l.left = err.Error()
			break
		}
		if n == 0 {
			break
		}
		wrote = wrote[n:]
		if !m.ready {
			l.events[i].answer = m.result
			i++
		}
	}
	return nil
}

// piecesOf is the part of a stream from begin to end, cut as the stream was.
func piecesOf(chunks [][]byte, begin, end int) [][]byte {
	var pieces [][]byte
	at := 0
	for _, c := range chunks {
		from, to := max(begin-at, 0), min(end-at, len(c))
		if from < to {
			pieces = append(pieces, c[from:to])
		}
		at += len(c)
	}
	return pieces
}
