package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxEventLine bounds one line of a stream of events, in bytes: an event's payload is
// at most what a child wrote at once, and its JSON form a few times that.
const maxEventLine = 16 << 20

// streamEvent is one block of a stream of server-sent events.
type streamEvent struct {
	kind string // "" for an ordinary one
	id   string
	data string
}

// errEventTooLong: the server is not a supervisord.
var errEventTooLong = fmt.Errorf("cannot read events: a line has more than %d bytes", maxEventLine)

// readEvents passes each event of a stream to emit until the stream ends, which is
// not an error, or emit returns an error.
func readEvents(r io.Reader, emit func(streamEvent) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxEventLine)
	var e streamEvent
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if e.data != "" {
				if err := emit(e); err != nil {
					return err
				}
			}
			e = streamEvent{}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			if e.data != "" {
				e.data += "\n"
			}
			e.data += value
		default: // comments, which keep the connection alive, and retry
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return errEventTooLong
	} else if err != nil {
		return err
	}
	return nil
}
