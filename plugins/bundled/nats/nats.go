// Package nats is the plugin that puts events, and what programs write, into a stream of NATS JetStream: those of many machines into one.
// README.md has the keys, the subjects and the headers.
package nats

import (
	"context"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/nats-io/nats.go"
)

// version is the plugin's own.
const version = "1.0.0"

// testID begins the ids of notifications that hark.testNotifier sends.
const testID = "test-"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "nats", Version: version, Doc: "Puts events and programs' output into a stream of NATS JetStream.",
		Kinds: []sdk.Kind{
			sdk.NotifierOf(defaults(), func(_ context.Context, c connection, i sdk.Instance) (sdk.Notifier, error) { return newNotifier(c, i) }),
			sdk.LogSinkOf(sinkDefaults(), func(_ context.Context, c sinkConfig, i sdk.Instance) (sdk.LogSink, error) { return newSink(c, i) }),
		},
	}
}

func newPublisher(c connection, i sdk.Instance) (*publisher, error) {
	servers, err := c.servers("hark " + c.source(i.Daemon).Identifier + " " + i.Name)
	if err != nil {
		return nil, err
	}
	return &publisher{c: c, servers: servers}, nil
}

// notifier publishes events.
type notifier struct {
	p      *publisher
	source stream.Source
	id     string // of the notification that done is about
	done   []bool // which of its events the stream has taken

	outcome.Last
}

func newNotifier(c connection, i sdk.Instance) (*notifier, error) {
	p, err := newPublisher(c, i)
	if err != nil {
		return nil, err
	}
	return &notifier{p: p, source: c.source(i.Daemon)}, nil
}

// Notify is sdk.Notifier's: a message for each event. What the stream has acknowledged at a try before does not go again.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	if n.id != m.ID || len(n.done) != len(m.Events) {
		n.id, n.done = m.ID, make([]bool, len(m.Events))
	}
	err := n.p.publish(ctx, n.done, func(i int) *nats.Msg {
		msg := n.source.Event(event(&m.Events[i]))
		if strings.HasPrefix(m.ID, testID) {
			msg.Header.Set(stream.HeaderTest, "true")
		}
		return msg
	})
	if err == nil || sdk.IsFinal(err) {
		n.id, n.done = "", nil
	}
	return n.Note(err)
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.p.close()
	return nil
}

func event(e *sdk.Event) *stream.Published {
	made := &stream.Published{
		Seq: e.Seq, Type: e.Type, Time: e.Time, Group: e.Group, Process: e.Process, Pid: e.Pid,
		From: e.From, Tries: e.Tries, Expected: e.Expected, Payload: e.Payload,
	}
	if x := e.Exit; x != nil {
		made.Exit = &stream.End{Status: x.Status, Signal: x.Signal, CoreDumped: x.CoreDumped, Uptime: x.Uptime}
	}
	return made
}
