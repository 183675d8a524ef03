package syslog

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/hark-supervisor/hark/plugins/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
)

// sink sends what programs write, a message for each line.
type sink struct {
	c        sinkConfig
	i        sdk.Instance
	f        *form
	o        *outbox
	channels map[string]channel
	state

	// what follows belongs to who holds turn
	turn   chan struct{}
	lines  *lines.Assembler
	seq    uint64 // messages so far
	at     uint64 // the batch that rest is left of
	rest   batch  // what is not sent of the host's last batch, which comes again
	ours   batch  // what is not sent of unfinished lines: of batches that the host has done with
	timer  *time.Timer
	closed bool
}

// channel is what is different between standard output and error.
type channel struct{ facility, severity int }

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
	s := &sink{
		c: c, i: i, f: f, o: o, turn: make(chan struct{}, 1), lines: lines.New(f.max),
		channels: map[string]channel{"stdout": of(c.StdoutFacility, c.StdoutSeverity), "stderr": of(c.StderrFacility, c.StderrSeverity)},
	}
	s.timer = time.AfterFunc(c.Idle, s.flushIdle)
	s.timer.Stop()
	return s, nil
}

// enter waits for the turn; leave gives it back.
func (s *sink) enter(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *sink) leave() { <-s.turn }

// Write is sdk.LogSink's. A batch that comes again after an error goes on where it stopped.
func (s *sink) Write(ctx context.Context, b *sdk.LogBatch) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	if s.rest.len() == 0 || s.at != b.Seq {
		s.rest.clear() // of a batch that the host has given up, and counted
		s.at = b.Seq
		now := time.Now()
		for i := range b.Records {
			s.lines.Add(&b.Records[i], now, s.into(&s.rest))
		}
	}
	err := s.o.send(ctx, &s.ours)
	if err == nil {
		err = s.o.send(ctx, &s.rest)
	}
	if s.lines.Held() > 0 || s.ours.len() > 0 {
		s.timer.Reset(s.c.Idle)
	}
	return s.note(err)
}

// into renders lines into a batch.
func (s *sink) into(b *batch) func(*lines.Line) {
	return func(l *lines.Line) {
		if len(l.Data) == 0 {
			return // an empty line tells nothing
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
		s.f.render(&m, b.add)
	}
}

func (s *sink) app(l *lines.Line) string {
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

// flushIdle sends lines that nothing has followed for long. It is the timer's function.
func (s *sink) flushIdle() {
	ctx, cancel := context.WithTimeout(context.Background(), s.c.Timeout)
	defer cancel()
	if s.enter(ctx) != nil {
		return // Write is at work, and sets the timer
	}
	defer s.leave()
	if s.closed {
		return
	}
	if s.ours.len() == 0 && s.rest.len() == 0 { // else the receiver is not there, and rest comes first
		s.lines.Flush(time.Now(), s.c.Idle, s.into(&s.ours))
	}
	_ = s.note(s.o.send(ctx, &s.ours))
	if s.lines.Held() > 0 || s.ours.len() > 0 {
		s.timer.Reset(s.c.Idle)
	}
}

// Close is sdk.Closer's: it sends what is held.
func (s *sink) Close(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return fmt.Errorf("cannot send what is held of unfinished lines: %w", err)
	}
	defer s.leave()
	s.closed = true
	s.timer.Stop()
	unsent := s.rest.len() // the host still has these
	err := s.o.send(ctx, &s.ours)
	if err == nil {
		err = s.o.send(ctx, &s.rest)
	}
	s.lines.Flush(time.Now(), 0, s.into(&s.ours))
	if err == nil {
		err = s.o.send(ctx, &s.ours)
	}
	if n := s.ours.len(); n > 0 {
		err = fmt.Errorf("%d messages of unfinished lines are lost: %w", n, err)
	} else if unsent > 0 && err != nil {
		err = fmt.Errorf("%d messages are not sent: %w", unsent, err)
	}
	s.o.close()
	return err
}
