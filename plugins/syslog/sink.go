package syslog

import (
	"context"
	"strconv"

	"github.com/hark-supervisor/hark/plugins/internal/lines"
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
	out := &outlet{c: c, i: i, f: f, o: o, channels: map[string]channel{
		"stdout": of(c.StdoutFacility, c.StdoutSeverity), "stderr": of(c.StderrFacility, c.StderrSeverity),
	}}
	return &sink{lines.NewFeed(out, f.max, c.Idle, c.Timeout), o}, nil
}

// outlet is lines.Outlet.
type outlet struct {
	c        sinkConfig
	i        sdk.Instance
	f        *form
	o        *outbox
	channels map[string]channel
	seq      uint64      // messages so far
	rest     lines.Queue // of the host's batch
	ours     lines.Queue
}

// channel is what is different between standard output and error.
type channel struct{ facility, severity int }

// Take renders a line.
func (s *outlet) Take(l *lines.Line, own bool) {
	if len(l.Data) == 0 {
		return // an empty line tells nothing
	}
	b := &s.rest
	if own {
		b = &s.ours
	}
	s.seq++
	c := s.channels[l.Channel]
	pid := strconv.Itoa(l.Pid)
	m := message{
		facility: c.facility, severity: c.severity, time: l.Time, app: s.app(l), proc: pid, id: l.Channel, text: string(l.Data),
		data: []param{
			{"group", l.Group}, {"process", l.Process}, {"pid", pid},
			{"seq", strconv.FormatUint(s.seq, 10)}, {"offset", strconv.FormatUint(l.Offset, 10)},
		},
	}
	if l.Continued {
		m.data = append(m.data, param{"continued", "1"})
	}
	s.f.render(&m, b.Add)
}

func (s *outlet) app(l *lines.Line) string {
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
func (s *outlet) Send(ctx context.Context) error {
	if err := s.o.send(ctx, &s.ours); err != nil {
		return err
	}
	return s.o.send(ctx, &s.rest)
}

// Held counts messages.
func (s *outlet) Held() (batch, own int) { return s.rest.Len(), s.ours.Len() }

// Forget drops the batch.
func (s *outlet) Forget() { s.rest.Clear() }

// End closes the connection.
func (s *outlet) End() { s.o.close() }
