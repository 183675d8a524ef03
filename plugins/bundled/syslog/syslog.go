// Package syslog is the plugin that sends what programs write, and events, to syslog: over a socket of this host, UDP, TCP or TLS, in the form
// of RFC 5424 or RFC 3164. README.md has the keys.
//
// Hark's own stdout_syslog= (core/syslog) is something else: Supervisor's, to the local daemon, without facility, structure
// or a receiver elsewhere. The two do not know each other.
package syslog

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/sdk"
)

// version is the plugin's own.
const version = "1.0.0"

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "syslog", Version: version, Doc: "Sends programs' output, and events, to syslog: RFC 5424 or 3164, over a local socket, UDP, TCP or TLS.",
		Kinds: []sdk.Kind{
			sdk.LogSinkOf(sinkDefaults(), func(_ context.Context, c sinkConfig, i sdk.Instance) (sdk.LogSink, error) { return newSink(c, i) }),
			sdk.NotifierOf(notifierDefaults(), func(_ context.Context, c notifierConfig, i sdk.Instance) (sdk.Notifier, error) {
				return newNotifier(c, i)
			}),
		},
	}
}

// open makes the form and the outbox of a destination. Nothing is connected to yet: the receiver may come later.
func (d *destination) open(i sdk.Instance) (*form, *outbox, error) {
	to, err := d.target()
	if err != nil {
		return nil, nil, err
	}
	o := &outbox{to: to, timeout: d.Timeout, framing: d.Framing, doubt: to.network == "udp", wait: firstWait}
	if to.network == "tls" {
		if o.tls, err = d.TLS.Config(to.host); err != nil {
			return nil, nil, err
		}
	}
	if o.framing == "auto" {
		o.framing = "octet"
		if to.local() {
			o.framing = "newline"
		}
	}
	f := &form{old: d.Format == "rfc3164" || d.Format == "auto" && to.local(), max: d.MaxMessage, hostname: d.Hostname}
	if f.max == 0 {
		f.max = defaultMax
		if to.network == "udp" {
			f.max = defaultUDP
		}
	}
	if d.Structured {
		f.sd = d.SDID
	}
	if f.hostname == "" && !(f.old && to.local()) { // the old form leaves it out within a host
		f.hostname = i.Daemon.Hostname
		if f.hostname == "" {
			f.hostname, _ = os.Hostname()
		}
	}
	return f, o, nil
}

// notifier sends events.
type notifier struct {
	c   notifierConfig
	f   *form
	o   *outbox
	b   lines.Queue
	id  string // of the notification that b is the rest of
	seq uint64

	outcome.Last
}

func newNotifier(c notifierConfig, i sdk.Instance) (*notifier, error) {
	f, o, err := c.open(i)
	if err != nil {
		return nil, err
	}
	return &notifier{c: c, f: f, o: o}, nil
}

// Notify is sdk.Notifier's: a message for each event. What has gone out at a try before does not go again.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	if n.b.Len() == 0 || n.id != m.ID {
		n.b.Clear()
		n.id = m.ID
		for i := range m.Events {
			n.seq++
			msg := n.message(m, &m.Events[i])
			n.f.render(&msg, n.b.Add)
		}
	}
	return n.Note(n.o.send(ctx, &n.b))
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.o.close()
	return nil
}

func (n *notifier) message(m *sdk.Notification, e *sdk.Event) message {
	msg := message{
		facility: facility(n.c.Facility), severity: level(m.Severity), time: e.Time, app: n.c.AppName, id: e.Type,
		text: m.Title,
		data: []param{{"event", e.Type}, {"seq", fmt.Sprint(e.Seq)}, {"notification", m.ID}},
	}
	add := func(name, value string) {
		if value != "" && value != "0" {
			msg.data = append(msg.data, param{name, value})
		}
	}
	add("group", e.Group)
	add("process", e.Process)
	add("pid", fmt.Sprint(e.Pid))
	add("from", e.From)
	if e.Exit != nil {
		msg.data = append(msg.data, param{"status", fmt.Sprint(e.Exit.Status)})
		add("signal", fmt.Sprint(e.Exit.Signal))
	}
	if len(m.Events) > 1 || strings.TrimSpace(m.Title) == "" { // the title is about all of them
		msg.text = strings.TrimSpace(e.Type + " " + strings.ToValidUTF8(string(e.Payload), "\uFFFD"))
	}
	return msg
}

// level is a severity in the words of syslog.
func level(s sdk.Severity) int {
	switch s {
	case sdk.Warning:
		return severity("warning")
	case sdk.Error:
		return severity("err")
	case sdk.Critical:
		return severity("crit")
	}
	return severity("info")
}
