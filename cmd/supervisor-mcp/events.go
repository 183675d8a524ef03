package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// defaultEvents and mostEvents are how many events the tool returns.
	defaultEvents = 50
	mostEvents    = 200
	// mostWait is how long the tool may wait for further events, in seconds.
	mostWait = 60
	// eventsQuiet ends the reading of past events: the daemon sends those that it has at once.
	eventsQuiet = time.Second
	// eventsBytes bounds what is kept of the events read, in bytes: the oldest go first.
	eventsBytes = 128 << 10
	// maxEvent bounds one event, in bytes.
	maxEvent = 16 << 20
)

// eventsAsked is a request for events that have happened, and for those of the next seconds.
type eventsAsked struct {
	call  call
	limit int
	wait  time.Duration
	since int
}

// seenEvents is the answer.
type seenEvents struct {
	Events  []json.RawMessage `json:"events"`
	Last    int               `json:"last"`    // number of the newest event: "since" of the next call
	Dropped int               `json:"dropped"` // older ones that the limit left out
}

// eventsCall checks what a client asks for.
func eventsCall(in eventsInput) (call, error) {
	q := eventsAsked{limit: in.Limit, wait: time.Duration(in.Wait) * time.Second, since: in.Since}
	switch {
	case in.Limit == 0:
		q.limit = defaultEvents
	case in.Limit < 0 || in.Limit > mostEvents:
		return call{}, fmt.Errorf("bad limit %d; accepted: 1 to %d", in.Limit, mostEvents)
	}
	if in.Wait < 0 || in.Wait > mostWait {
		return call{}, fmt.Errorf("bad wait_seconds %d; accepted: 0 to %d", in.Wait, mostWait)
	}
	if in.Since < 0 {
		return call{}, fmt.Errorf("bad since %d: it must be the number of an event", in.Since)
	}
	c, err := onThese("events", in.Types)
	if err != nil {
		return call{}, err
	}
	c.flags = []string{"--since", strconv.Itoa(in.Since)}
	if len(in.Programs) > 0 {
		if _, err := onThese("events", in.Programs); err != nil {
			return call{}, err
		}
		c.flags = append(c.flags, "--program", strings.Join(in.Programs, ","))
	}
	q.call = c
	c.run = q.run
	return c, nil
}

// run reads events until nothing has come for a moment, or the time to wait is over. A daemon keeps past events only while they
// are read and some minutes after, so that the first call may find none.
func (q eventsAsked) run(ctx context.Context, h *host) (answered, error) {
	reading, enough := context.WithCancel(ctx)
	defer enough()
	late := time.AfterFunc(max(eventsQuiet, q.wait), enough)
	defer late.Stop()
	var errs bounded
	cmd := h.action(reading, q.call, &errs)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answered{}, err
	}
	if err := cmd.Start(); err != nil {
		return answered{}, err
	}
	seen := seenEvents{Events: []json.RawMessage{}, Last: q.since}
	var said []string // what is not an event
	size := 0
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		var number struct {
			Seq *int `json:"seq"`
		}
		if json.Unmarshal(lines.Bytes(), &number) != nil || number.Seq == nil {
			if len(said) < 20 {
				said = append(said, lines.Text())
			}
			continue
		}
		if q.wait == 0 {
			late.Reset(eventsQuiet)
		}
		seen.Last = *number.Seq
		seen.Events = append(seen.Events, slices.Clone(lines.Bytes()))
		size += len(lines.Bytes())
		for len(seen.Events) > q.limit || size > eventsBytes {
			size -= len(seen.Events[0])
			seen.Events = seen.Events[1:]
			seen.Dropped++
		}
	}
	ended := cmd.Wait()
	if err := ctx.Err(); err != nil {
		return answered{}, err
	}
	a := answered{Hints: hints(errs.text())}
	if reading.Err() == nil && ended != nil { // it ended by itself: there is no stream
		a.Text = strings.Join(said, "\n")
		a.Status, err = statusOf(ctx, ended)
		return a, err
	}
	a.Result, err = json.Marshal(seen)
	return a, err
}
