package journald

import (
	"context"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/sdk"
)

// notifier writes events, an entry each.
type notifier struct {
	c     notifierConfig
	o     outbox
	fixed []byte
	rest  lines.Queue
	id    string // of the notification that rest is of

	outcome.Last
}

func newNotifier(c notifierConfig, i sdk.Instance) *notifier {
	return &notifier{c: c, o: outbox{path: c.Socket, timeout: c.Timeout}, fixed: c.fixed(i.Daemon.Identifier)}
}

// Notify is sdk.Notifier's. What has gone out at a try before does not go again.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	if n.rest.Len() == 0 || n.id != m.ID {
		n.rest.Clear()
		n.id = m.ID
		for i := range m.Events {
			n.rest.Add(n.entry(m, &m.Events[i]))
		}
	}
	err := n.o.send(ctx, &n.rest)
	return n.Note(err)
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.o.close()
	return nil
}

func (n *notifier) entry(m *sdk.Notification, e *sdk.Event) []byte {
	text := strings.TrimSpace(m.Title)
	if len(m.Events) > 1 || text == "" { // the title is about all of them
		text = strings.TrimSpace(e.Type + " " + string(e.Payload))
	}
	b := appendField(nil, "MESSAGE", text)
	b = appendNumber(b, "PRIORITY", level(m.Severity))
	b = appendField(b, "SYSLOG_IDENTIFIER", n.c.Identifier)
	b = appendField(b, "HARK_EVENT", e.Type)
	b = appendNumber(b, "HARK_SEQ", int64(e.Seq))
	b = appendField(b, "HARK_NOTIFICATION", m.ID)
	b = appendNumber(b, "HARK_TIMESTAMP", e.Time.UnixMicro())
	for _, f := range []struct{ name, value string }{{"HARK_GROUP", e.Group}, {"HARK_PROCESS", e.Process}, {"HARK_FROM_STATE", e.From}} {
		if f.value != "" {
			b = appendField(b, f.name, f.value)
		}
	}
	if e.Pid > 0 {
		b = appendNumber(b, "OBJECT_PID", int64(e.Pid))
	}
	if e.Exit != nil {
		b = appendNumber(b, "HARK_EXIT_STATUS", int64(e.Exit.Status))
		if e.Exit.Signal > 0 {
			b = appendNumber(b, "HARK_EXIT_SIGNAL", int64(e.Exit.Signal))
		}
	}
	if len(e.Payload) > 0 {
		b = appendField(b, "HARK_PAYLOAD", string(e.Payload))
	}
	return append(b, n.fixed...)
}

// level is a severity in the words of syslog.
func level(s sdk.Severity) int64 {
	switch s {
	case sdk.Warning:
		return priority("warning")
	case sdk.Error:
		return priority("err")
	case sdk.Critical:
		return priority("crit")
	}
	return priority("info")
}
