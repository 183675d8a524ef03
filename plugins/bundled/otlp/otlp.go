// Package otlp is the plugin that sends what programs write, and events, as OpenTelemetry log records over OTLP, by the official exporters.
// README.md has the keys and what arrives.
//
// The exporters are called one request at a time, without the SDK's batches and without their own retries: a batch counts as written when the
// receiver has said so, and what it has not taken is the host's to keep, in order, and to send again.
package otlp

import (
	"context"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "otlp", Version: version, Doc: "Sends programs' output, and events, as OpenTelemetry log records over OTLP: HTTP or gRPC.",
		Kinds: []sdk.Kind{
			sdk.LogSinkOf(sinkDefaults(), func(_ context.Context, c sinkConfig, i sdk.Instance) (sdk.LogSink, error) { return newSink(c, i) }),
			sdk.NotifierOf(notifierConfig{defaultReceiver()}, func(_ context.Context, c notifierConfig, i sdk.Instance) (sdk.Notifier, error) {
				return newNotifier(c, i)
			}),
		},
	}
}

func newSink(c sinkConfig, i sdk.Instance) (*lines.Feed, error) {
	s, err := newSender(&c.receiver, i)
	if err != nil {
		return nil, err
	}
	out := &backend{i: i, s: s, clock: lines.NewClock(1), severity: map[string]log.Severity{"stdout": severity(c.StdoutSeverity), "stderr": severity(c.StderrSeverity)}}
	return lines.NewFeed(out, c.MaxLine, c.Idle, c.Timeout), nil
}

// entry is a line that is not sent yet.
type entry struct {
	lines.Line
	text string
	at   time.Time // Line.Time, but later than that of the line before
}

// backend is a lines.Backend.
type backend struct {
	i           sdk.Instance
	s           *sender
	severity    map[string]log.Severity // by channel
	clock       *lines.Clock
	batch, ours []entry
}

// Take holds a line.
func (o *backend) Take(l *lines.Line, own bool) {
	if len(l.Data) == 0 {
		return // an empty line is not worth a record
	}
	e := entry{*l, text(l.Data), o.clock.Of(l)}
	e.Data = nil // it is only good until we return
	if own {
		o.ours = append(o.ours, e)
		return
	}
	o.batch = append(o.batch, e)
}

// Send sends what is held. A permanent refusal is final: the host counts the batch as lost; lost own lines are logged here.
func (o *backend) Send(ctx context.Context) error {
	err := o.sendAll(ctx, &o.ours)
	if err != nil && sdk.IsFinal(err) {
		o.i.Log.Error("lines are lost", "lines", len(o.ours), "reason", err.Error())
		o.ours, err = nil, nil
	}
	if err == nil {
		err = o.sendAll(ctx, &o.batch)
	}
	return err
}

func (o *backend) sendAll(ctx context.Context, entries *[]entry) error {
	for len(*entries) > 0 {
		n, size := 0, 0
		for n < len(*entries) && n < maxRecords && (n == 0 || size+len((*entries)[n].text) <= maxRequest) {
			size += len((*entries)[n].text)
			n++
		}
		if err := o.s.send(ctx, n, func(i int) log.Record { return o.record(&(*entries)[i]) }); err != nil {
			return err
		}
		*entries = (*entries)[n:]
	}
	*entries = nil
	return nil
}

// Held counts lines.
func (o *backend) Held() (batch, own int) { return len(o.batch), len(o.ours) }

// Forget drops the batch.
func (o *backend) Forget() { o.batch = nil }

// End closes the connections.
func (o *backend) End() { o.s.close() }

// record makes a record of a line. Attributes have the names of OpenTelemetry's conventions where there are such.
func (o *backend) record(e *entry) log.Record {
	var r log.Record
	r.SetTimestamp(e.at)
	r.SetObservedTimestamp(e.Time)
	level := o.severity[e.Channel]
	r.SetSeverity(level)
	r.SetSeverityText(level.String())
	r.SetBody(attribute.StringValue(e.text))
	r.AddAttributes(
		attribute.String("log.iostream", e.Channel), attribute.Int("process.pid", e.Pid),
		attribute.String("hark.group", text(e.Group)), attribute.String("hark.process", text(e.Process)), attribute.Int64("hark.offset", int64(e.Offset)),
	)
	if e.Continued {
		r.AddAttributes(attribute.Bool("hark.continued", true))
	}
	return r
}

// text is what protobuf takes as a string.
func text[T string | []byte](s T) string { return strings.ToValidUTF8(string(s), "\uFFFD") }
