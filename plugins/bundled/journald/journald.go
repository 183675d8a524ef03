// Package journald is the plugin that writes what programs write, and events, to systemd's journal, by its native protocol: each line is an
// entry with fields that journalctl can select by. README.md has the keys and the fields.
package journald

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/sdk"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "journald", Version: version, Doc: "Writes programs' output, and events, to systemd's journal, with fields to select by.",
		Kinds: []sdk.Kind{
			sdk.LogSinkOf(sinkDefaults(), func(_ context.Context, c sinkConfig, i sdk.Instance) (sdk.LogSink, error) { return newSink(c, i), nil }),
			sdk.NotifierOf(notifierDefaults(), func(_ context.Context, c notifierConfig, i sdk.Instance) (sdk.Notifier, error) {
				return newNotifier(c, i), nil
			}),
		},
	}
}

// newSink makes a sink. Nothing is connected to yet: the journal may come later.
func newSink(c sinkConfig, i sdk.Instance) *lines.Feed {
	out := &backend{
		c: c, i: i, o: outbox{path: c.Socket, timeout: c.Timeout}, fixed: c.fixed(i.Daemon.Identifier),
		priority: map[string]int64{"stdout": priority(c.StdoutPriority), "stderr": priority(c.StderrPriority)},
	}
	return lines.NewFeed(out, c.MaxLine, c.Idle, c.Timeout)
}

func priority(name string) int64 { return int64(slices.Index(priorities(), name)) }

// backend is a lines.Backend.
type backend struct {
	c        sinkConfig
	i        sdk.Instance
	o        outbox
	fixed    []byte           // fields of every entry
	priority map[string]int64 // by channel
	rest     lines.Queue      // of the host's batch
	ours     lines.Queue
	entry    []byte // scratch
}

// Take renders a line.
func (s *backend) Take(l *lines.Line, own bool) {
	if len(l.Data) == 0 {
		return // journald leaves out empty lines, too
	}
	b := appendField(s.entry[:0], "MESSAGE", string(l.Data))
	b = appendNumber(b, "PRIORITY", s.priority[l.Channel])
	b = appendField(b, "SYSLOG_IDENTIFIER", s.identifier(l))
	b = appendNumber(b, "SYSLOG_PID", int64(l.Pid))
	b = appendNumber(b, "OBJECT_PID", int64(l.Pid))
	b = appendField(b, "HARK_GROUP", l.Group)
	b = appendField(b, "HARK_PROCESS", l.Process)
	b = appendField(b, "HARK_CHANNEL", l.Channel)
	b = appendNumber(b, "HARK_OFFSET", int64(l.Offset))
	b = appendNumber(b, "HARK_TIMESTAMP", l.Time.UnixMicro())
	if l.Continued {
		b = appendNumber(b, "HARK_CONTINUED", 1)
	}
	s.entry = append(b, s.fixed...)
	q := &s.rest
	if own {
		q = &s.ours
	}
	q.Add(s.entry)
}

func (s *backend) identifier(l *lines.Line) string {
	switch s.c.Identifier {
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

// Held counts entries.
func (s *backend) Held() (batch, own int) { return s.rest.Len(), s.ours.Len() }

// Forget drops the batch.
func (s *backend) Forget() { s.rest.Clear() }

// End closes the socket.
func (s *backend) End() { s.o.close() }
