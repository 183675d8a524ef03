// Package loki is the plugin that pushes what programs write to Grafana Loki, or to what speaks its push API. README.md has the keys.
package loki

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// version is the plugin's own.
	version = "1.0.0"
	// maxPush is how many bytes of lines go into one push: Loki's receivers take 4 MB and more.
	maxPush = 1 << 20
)

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "loki", Version: version, Doc: "Pushes programs' output to Grafana Loki.",
		Kinds: []sdk.Kind{sdk.LogSinkOf(defaults(), func(_ context.Context, c config, i sdk.Instance) (sdk.LogSink, error) {
			return newSink(c, i)
		})},
	}
}

func newSink(c config, i sdk.Instance) (*lines.Feed, error) {
	target, err := remote.URL(c.URL)
	if err != nil {
		return nil, err
	}
	client, err := c.HTTP.Client(target.Hostname())
	if err != nil {
		return nil, err
	}
	host := i.Daemon.Hostname
	if host == "" {
		host, _ = os.Hostname()
	}
	out := &backend{c: c, i: i, host: host, target: target, client: client, clock: lines.NewClock(1)}
	return lines.NewFeed(out, c.MaxLine, c.Idle, c.Timeout), nil
}

// backend is a lines.Backend.
type backend struct {
	c      config
	i      sdk.Instance
	host   string
	target *url.URL
	client *http.Client
	clock  *lines.Clock // Loki shows lines of the same time in any order

	batch, ours []entry
}

// Take holds a line.
func (o *backend) Take(l *lines.Line, own bool) {
	if len(l.Data) == 0 && !o.c.EmptyLines {
		return
	}
	if own {
		o.ours = append(o.ours, o.entry(l))
		return
	}
	o.batch = append(o.batch, o.entry(l))
}

// Send pushes what is held. A permanent refusal is final: the host counts the batch as lost; lost own lines are logged here.
func (o *backend) Send(ctx context.Context) error {
	err := o.pushAll(ctx, &o.ours)
	if err != nil && sdk.IsFinal(err) {
		o.i.Log.Error("lines are lost", "lines", len(o.ours), "reason", err.Error())
		o.ours, err = nil, nil
	}
	if err == nil {
		err = o.pushAll(ctx, &o.batch)
	}
	return err
}

// Held counts lines.
func (o *backend) Held() (batch, own int) { return len(o.batch), len(o.ours) }

// Forget drops the batch.
func (o *backend) Forget() { o.batch = nil }

// End closes the connections.
func (o *backend) End() { o.client.CloseIdleConnections() }

func (o *backend) pushAll(ctx context.Context, entries *[]entry) error {
	for len(*entries) > 0 {
		n, size := 0, 0
		for n < len(*entries) && (n == 0 || size+len((*entries)[n].line) <= maxPush) {
			size += len((*entries)[n].line)
			n++
		}
		if err := o.push(ctx, (*entries)[:n]); err != nil {
			return err
		}
		*entries = (*entries)[n:]
	}
	*entries = nil
	return nil
}

func (o *backend) push(ctx context.Context, entries []entry) error {
	body, err := o.c.encode(o.c.body(o.host, entries))
	if err != nil {
		return sdk.Final(fmt.Errorf("cannot make a push of it: %w", err))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.target.String(), bytes.NewReader(body))
	if err != nil {
		return sdk.Final(remote.Failure(o.target, err))
	}
	r.Header.Set("User-Agent", "hark-loki/"+version)
	switch {
	case o.c.Encoding == "protobuf": // Snappy is part of this form and has no header
		r.Header.Set("Content-Type", "application/x-protobuf")
	case o.c.Gzip:
		r.Header.Set("Content-Encoding", "gzip")
		fallthrough
	default:
		r.Header.Set("Content-Type", "application/json")
	}
	if o.c.Tenant != "" {
		r.Header.Set("X-Scope-OrgID", o.c.Tenant)
	}
	switch {
	case o.c.BearerToken != "":
		r.Header.Set("Authorization", "Bearer "+o.c.BearerToken)
	case o.c.Username != "":
		r.SetBasicAuth(o.c.Username, o.c.Password)
	}
	answer, err := remote.Do(o.client, r)
	if err == nil && bytes.HasPrefix(bytes.TrimSpace(answer), []byte("<")) {
		return fmt.Errorf("%s answered with an HTML page, so it is not Loki", o.target.Host) // of a proxy that requires a login, for example
	}
	return err
}

// encode makes the bytes of a push.
func (c *config) encode(p *push) ([]byte, error) {
	if c.Encoding == "protobuf" {
		return p.protobuf(), nil
	}
	body, err := json.Marshal(p)
	if err != nil || !c.Gzip {
		return body, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err = z.Write(body); err == nil {
		err = z.Close()
	}
	return b.Bytes(), err
}
