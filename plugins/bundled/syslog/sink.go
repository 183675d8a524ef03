package syslog

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
)

// sink sends what programs write, a message for each line.
type sink struct {
	*lines.Feed
	o *outbox
}

func newSink(c sinkConfig, i sdk.Instance) (*sink, error) {
	f, o, err := c.open(i)
	if err != nil {
		return nil, err
	}
	of := func(own, level string) channel {
		if own == "" {
			own = c.Facility
		}
		return channel{facility(own), severity(level)}
	}
	out := &backend{c: c, i: i, f: f, o: o, clock: lines.NewClock(time.Microsecond), channels: map[string]channel{
		"stdout": of(c.StdoutFacility, c.StdoutSeverity), "stderr": of(c.StderrFacility, c.StderrSeverity),
	}}
	return &sink{lines.NewFeedOf(out, lines.NewSized(out.room), c.Idle, c.Timeout), o}, nil
}

// backend is a lines.Backend.
type backend struct {
	c        sinkConfig
	i        sdk.Instance
	f        *form
	o        *outbox
	channels map[string]channel
	clock    *lines.Clock // receivers sort by time, of which a chunk has one
	seq      uint64       // messages so far
	rest     lines.Queue  // of the host's batch
	ours     lines.Queue
}

// channel is what is different between standard output and error.
type channel struct{ facility, severity int }

// Take renders a line.
func (s *backend) Take(l *lines.Line, own bool) {
	if len(l.Data) == 0 {
		return // an empty line is not worth a record
	}
	b := &s.rest
	if own {
		b = &s.ours
	}
	s.seq++
	m := s.message(l, s.seq)
	m.time = s.clock.Of(l)
	m.text = string(l.Data)
	s.f.render(m, b.Add)
}

// room is how much of a line goes into one message with the header that it will have, so that each piece of a long line is cut once.
func (s *backend) room(l *lines.Line) int {
	widest := *l
	widest.Offset, widest.Continued = math.MaxUint64, true
	return s.f.room(s.message(&widest, math.MaxUint64))
}

// message is that of a line, without time and text.
func (s *backend) message(l *lines.Line, seq uint64) *message {
	c := s.channels[l.Channel]
	pid := strconv.Itoa(l.Pid)
	m := &message{
		facility: c.facility, severity: c.severity, app: s.app(l), proc: pid, id: l.Channel,
		data: []param{
			{"group", l.Group}, {"process", l.Process}, {"pid", pid},
			{"seq", strconv.FormatUint(seq, 10)}, {"offset", strconv.FormatUint(l.Offset, 10)},
		},
	}
	if l.Continued {
		m.data = append(m.data, param{"continued", "1"})
	}
	return m
}

func (s *backend) app(l *lines.Line) string {
	switch s.c.AppName {
	case "namespec":
		return l.Namespec()
	case "group":
		return l.Group
	case "identifier":
		return s.i.Daemon.Identifier
	}
	return l.Process
}

// Send sends what is held.
func (s *backend) Send(ctx context.Context) error {
	if err := s.o.send(ctx, &s.ours); err != nil {
		return err
	}
	return s.o.send(ctx, &s.rest)
}

// Held counts messages.
func (s *backend) Held() (batch, own int) { return s.rest.Len(), s.ours.Len() }

// Forget drops the batch.
func (s *backend) Forget() { s.rest.Clear() }

// End closes the connection.
func (s *backend) End() { s.o.close() }
