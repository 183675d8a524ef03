package otlp

import (
	"context"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/sdk"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
)

// notifier sends events, a record each.
type notifier struct {
	s *sender

	// of the notification that is tried, "" for none: how many of its events are sent
	id   string
	done int

	outcome.Last
}

func newNotifier(c notifierConfig, i sdk.Instance) (*notifier, error) {
	s, err := newSender(&c.receiver, i)
	if err != nil {
		return nil, err
	}
	return &notifier{s: s}, nil
}

// Notify is sdk.Notifier's. What has gone out at a try before does not go again.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	if n.id != m.ID {
		n.id, n.done = m.ID, 0
	}
	var err error
	for err == nil && n.done < len(m.Events) {
		events := m.Events[n.done:]
		count, size := 0, 0
		for count < len(events) && count < maxRecords && (count == 0 || size+len(events[count].Payload) <= maxRequest) {
			size += len(events[count].Payload)
			count++
		}
		if err = n.s.send(ctx, count, func(i int) log.Record { return record(m, &events[i]) }); err == nil {
			n.done += count
		}
	}
	if err == nil || sdk.IsFinal(err) {
		n.id = "" // a notification with an id that was there before is another
	}
	return n.Note(err)
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.s.close()
	return nil
}

// record makes a record of an event. It has an event name, which makes it an event to OpenTelemetry, too.
func record(m *sdk.Notification, e *sdk.Event) log.Record {
	var r log.Record
	r.SetTimestamp(e.Time)
	r.SetObservedTimestamp(e.Time)
	r.SetEventName(text(e.Type))
	r.SetSeverity(level(m.Severity))
	r.SetSeverityText(strings.ToUpper(m.Severity.String()))
	body := strings.TrimSpace(m.Title)
	if len(m.Events) > 1 || body == "" { // the title is about all of them
		body = strings.TrimSpace(e.Type + " " + string(e.Payload))
	}
	r.SetBody(attribute.StringValue(text(body)))
	r.AddAttributes(attribute.Int64("hark.seq", int64(e.Seq)), attribute.String("hark.notification", text(m.ID)))
	for _, f := range []struct{ name, value string }{
		{"hark.group", e.Group}, {"hark.process", e.Process}, {"hark.from_state", e.From}, {"hark.payload", string(e.Payload)}, {"hark.data", string(e.Data)},
	} {
		if f.value != "" {
			r.AddAttributes(attribute.String(f.name, text(f.value)))
		}
	}
	if e.Pid > 0 {
		r.AddAttributes(attribute.Int("process.pid", e.Pid))
	}
	if e.Tries > 0 {
		r.AddAttributes(attribute.Int("hark.tries", e.Tries))
	}
	if e.Exit != nil {
		r.AddAttributes(
			attribute.Bool("hark.expected", e.Expected), attribute.Int("process.exit.code", e.Exit.Status), attribute.Float64("hark.uptime", e.Exit.Uptime.Seconds()),
		)
		if e.Exit.Signal > 0 {
			r.AddAttributes(attribute.Int("hark.exit.signal", e.Exit.Signal), attribute.Bool("hark.core_dumped", e.Exit.CoreDumped))
		}
	}
	return r
}

// level is a severity in OpenTelemetry's numbers.
func level(s sdk.Severity) log.Severity {
	switch s {
	case sdk.Warning:
		return log.SeverityWarn
	case sdk.Error:
		return log.SeverityError
	case sdk.Critical:
		return log.SeverityFatal
	}
	return log.SeverityInfo
}
