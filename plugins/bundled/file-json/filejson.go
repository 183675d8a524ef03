// Package filejson is the plugin that writes what programs write, and events, to files as lines of JSON, with rotation by size and by
// time. README.md has the keys. The plugin is called file-json.
package filejson

import (
	"context"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/document"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/outcome"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// version is the plugin's own.
	version = "1.0.0"
	// flushTimeout bounds the writing of lines that nothing has followed.
	flushTimeout = 10 * time.Second
)

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "file-json", Version: version, Doc: "Writes programs' output, and events, to files as lines of JSON, rotated and compressed.",
		Kinds: []sdk.Kind{
			sdk.LogSinkOf(sinkDefaults(), func(_ context.Context, c sinkConfig, i sdk.Instance) (sdk.LogSink, error) { return newSink(c, i) }),
			sdk.NotifierOf(notifierConfig{defaultPlace()}, func(_ context.Context, c notifierConfig, i sdk.Instance) (sdk.Notifier, error) {
				return newNotifier(c, i)
			}),
		},
	}
}

func (p *place) open(i sdk.Instance) (*file, error) {
	f, err := newFile(*p, i.Log)
	if err != nil {
		return nil, &sdk.ConfigError{Key: "path", Text: err.Error()}
	}
	return f, nil
}

func newSink(c sinkConfig, i sdk.Instance) (*lines.Feed, error) {
	f, err := c.open(i)
	if err != nil {
		return nil, err
	}
	return lines.NewFeed(&backend{f: f, clock: lines.NewClock(1)}, c.MaxLine, c.Idle, flushTimeout), nil
}

// line is a line of output. Members are only added.
type line struct {
	Time      time.Time `json:"time"`
	Group     string    `json:"group"`
	Process   string    `json:"process"`
	Pid       int       `json:"pid"`
	Channel   string    `json:"channel"`
	Offset    uint64    `json:"offset"` // bytes of the channel before the line
	Text      string    `json:"text"`
	Continued bool      `json:"continued,omitempty"` // a further piece of a long line
}

// backend is a lines.Backend.
type backend struct {
	f           *file
	clock       *lines.Clock
	batch, ours []byte
	nBatch, own int
}

// Take renders a line.
func (o *backend) Take(l *lines.Line, own bool) {
	doc, err := document.Compact(line{
		Time: o.clock.Of(l).UTC(), Group: l.Group, Process: l.Process, Pid: l.Pid, Channel: l.Channel, Offset: l.Offset,
		Text: strings.ToValidUTF8(string(l.Data), "\uFFFD"), Continued: l.Continued,
	})
	if err != nil {
		return // no value of these types fails, except a time after the year 9999
	}
	doc = append(doc, '\n')
	if own {
		o.ours = append(o.ours, doc...)
		o.own++
		return
	}
	o.batch = append(o.batch, doc...)
	o.nBatch++
}

// Send writes what is held.
func (o *backend) Send(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.own > 0 {
		if err := o.f.write(ctx, o.ours); err != nil {
			return err
		}
		o.ours, o.own = o.ours[:0], 0
	}
	if o.nBatch > 0 {
		if err := o.f.write(ctx, o.batch); err != nil {
			return err
		}
		o.Forget()
	}
	return nil
}

// Held counts lines.
func (o *backend) Held() (batch, own int) { return o.nBatch, o.own }

// Forget drops the batch.
func (o *backend) Forget() { o.batch, o.nBatch = o.batch[:0], 0 }

// End closes the file.
func (o *backend) End() { o.f.end() }

// notifier writes notifications, a line each.
type notifier struct {
	f *file

	outcome.Last
}

func newNotifier(c notifierConfig, i sdk.Instance) (*notifier, error) {
	f, err := c.open(i)
	if err != nil {
		return nil, err
	}
	return &notifier{f: f}, nil
}

// Notify implements sdk.Notifier.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	doc, err := document.Compact(document.Of(m))
	if err != nil {
		return sdk.Final(err)
	}
	if err = ctx.Err(); err == nil {
		err = n.f.write(ctx, append(doc, '\n'))
	}
	return n.Note(err)
}

// Close implements sdk.Closer.
func (n *notifier) Close(context.Context) error {
	n.f.end()
	return nil
}
