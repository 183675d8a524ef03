package nats

import (
	"bytes"
	"context"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
)

func newSink(c sinkConfig, i sdk.Instance) (sdk.LogSink, error) {
	p, err := newPublisher(c.connection, i)
	if err != nil {
		return nil, err
	}
	if c.Form == "chunk" {
		return &chunks{p: p, source: c.source(i.Daemon)}, nil
	}
	return lines.NewFeed(&backend{p: p, source: c.source(i.Daemon), log: i.Log}, c.MaxLine, c.Idle, c.Timeout), nil
}

// chunks publishes output as it was read.
type chunks struct {
	p      *publisher
	source stream.Source
	at     uint64 // the batch that done is about
	done   []bool // which of its records the stream has taken

	outcome.Last
}

// Write implements sdk.LogSink.
func (s *chunks) Write(ctx context.Context, b *sdk.LogBatch) error {
	if s.at != b.Seq || len(s.done) != len(b.Records) {
		s.at, s.done = b.Seq, make([]bool, len(b.Records))
	}
	err := s.p.publish(ctx, s.done, func(i int) *nats.Msg {
		r := &b.Records[i]
		return s.source.Output(&stream.Output{
			Group: r.Group, Process: r.Process, Pid: r.Pid, Channel: r.Channel, Time: r.Time, Offset: r.Offset, Data: r.Data,
		})
	})
	if err == nil || sdk.IsFinal(err) {
		s.at, s.done = 0, nil
	}
	return s.Note(err)
}

// Close implements sdk.Closer.
func (s *chunks) Close(context.Context) error {
	s.p.close()
	return nil
}

// backend publishes lines. It is lines.Backend.
type backend struct {
	p      *publisher
	source stream.Source
	log    hclog.Logger

	batch, ours held
}

// held is lines that are not published yet.
type held struct {
	lines []stream.Output
	done  []bool
}

// Take holds a line.
func (o *backend) Take(l *lines.Line, own bool) {
	to := &o.batch
	if own {
		to = &o.ours
	}
	to.lines = append(to.lines, stream.Output{
		Group: l.Group, Process: l.Process, Pid: l.Pid, Channel: l.Channel, Time: l.Time, Offset: l.Offset, Continued: l.Continued,
		Data: bytes.Clone(l.Data),
	})
	to.done = append(to.done, false)
}

// Send publishes what is held. A permanent refusal is final: the host counts the batch as lost; lost own lines are logged here.
func (o *backend) Send(ctx context.Context) error {
	err := o.send(ctx, &o.ours)
	if err != nil && sdk.IsFinal(err) {
		o.log.Error("lines are lost", "reason", err.Error())
		err = nil
	}
	if err == nil {
		err = o.send(ctx, &o.batch)
	}
	return err
}

func (o *backend) send(ctx context.Context, h *held) error {
	if len(h.lines) == 0 {
		return nil
	}
	err := o.p.publish(ctx, h.done, func(i int) *nats.Msg { return o.source.Output(&h.lines[i]) })
	if err == nil || sdk.IsFinal(err) {
		*h = held{}
	}
	return err
}

// Held counts lines.
func (o *backend) Held() (batch, own int) { return len(o.batch.lines), len(o.ours.lines) }

// Forget drops the batch.
func (o *backend) Forget() { o.batch = held{} }

// End closes the connection.
func (o *backend) End() { o.p.close() }
