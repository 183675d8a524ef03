package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/streams"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Publisher lists the subscribers of events; *core.Supervisor is one.
type Publisher interface {
	Subscribers(ctx context.Context) ([]core.SubscriberInfo, error)
}

// Streams are the streams of events for clients; *streams.Hub is one.
type Streams interface {
	Open(ctx context.Context, r streams.Request) (*streams.Stream, error)
}

const (
	// keepAlive is how often a quiet stream says that it is still there: well below
	// the minute after which proxies give up.
	keepAlive = 25 * time.Second
	// reconnect is how long a client should wait before it comes back.
	reconnect = 2 * time.Second
)

// events serves a stream of events as server-sent events:
// /events?types=A,B&programs=web:*,db. Each has its number as id and the JSON form as
// data. With Last-Event-ID it continues after that event. What is not an event is sent
// as "event: notice".
func (h *handler) events(w http.ResponseWriter, r *http.Request, access Access) {
	if r.Method != http.MethodGet {
		errorPage(w, http.StatusBadRequest)
		return
	}
	if h.refuseOtherSite(w, r) {
		return
	}
	request, err := streamRequest(r.URL.Query(), r.Header.Get("Last-Event-ID"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ctx, end, ok := h.server.stay(h.server.open, r, access)
	if !ok {
		tooMany(w)
		return
	}
	defer end()
	claim := &clientOf(r).claim
	if claim.add(ctx, streamPiece) != nil {
		tooMany(w)
		return
	}
	request.Budget = &streamBudget{claim: claim}
	stream, err := h.server.streams.Open(ctx, request)
	if err != nil {
		if errors.Is(err, streams.ErrTooMany) {
			w.Header().Set("Retry-After", "10")
		}
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer stream.Close()
	past := 0
	for _, e := range stream.Past {
		past += e.Size()
	}
	if !request.Budget.Take(past) {
		tooMany(w)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no") // nginx would keep it to itself
	control := http.NewResponseController(w)
	if r.ContentLength == 0 {
		_ = control.SetReadDeadline(time.Time{})
	}
	buf := fmt.Appendf(nil, "retry: %d\n\n", reconnect.Milliseconds())
	if r.URL.Query().Has("announce") {
		buf = fmt.Appendf(buf, "event: notice\ndata: {\"notice\":\"stream\",\"name\":%q}\n\n", stream.Name())
	}
	if stream.Gap {
		buf = fmt.Appendf(buf, "event: notice\ndata: {\"notice\":\"gap\",\"after\":%d,\"last\":%d}\n\n", request.After, stream.Last)
	}
	out := &eventWriter{w: w, control: control, buf: buf}
	if !out.write(stream.Past) {
		return
	}
	stream.Past = nil
	request.Budget.Give(past)
	alive := time.NewTimer(keepAlive)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alive.C:
			out.buf = append(out.buf, ":\n\n"...)
			if !out.write(nil) {
				return
			}
		case <-stream.Ready():
			events, end := stream.Take()
			if errors.Is(end, eventlistener.ErrStreamSlow) {
				counters, _, _ := stream.Status()
				out.buf = fmt.Appendf(out.buf, "event: notice\ndata: {\"notice\":\"slow\",\"discarded\":%d}\n\n", counters.Discarded)
			}
			if !out.write(events) || end != nil {
				return
			}
		}
		alive.Reset(keepAlive)
	}
}

// streamPiece is about how many bytes of a stream are encoded before they are written.
const streamPiece = 32 << 10

// eventWriter writes events, each a block of server-sent events.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     []byte // what goes before the next
}

// write writes events, in pieces of about streamPiece, and reports whether the client takes them. The JSON form has no line feeds.
func (o *eventWriter) write(events []*eventlistener.Event) bool {
	for _, e := range events {
		data, _ := e.PayloadIn(eventlistener.JSONForm)
		o.buf = strconv.AppendUint(append(o.buf, "id: "...), e.Seq(), 10)
		o.buf = append(append(o.buf, "\ndata: "...), data...)
		if o.buf = append(o.buf, "\n\n"...); len(o.buf) >= streamPiece && !o.flush() {
			return false
		}
	}
	return len(o.buf) == 0 || o.flush()
}

func (o *eventWriter) flush() bool {
	_, err := o.w.Write(o.buf) //nolint:gosec // JSON in text/event-stream is not a page
	if o.buf = o.buf[:0]; cap(o.buf) > 2*streamPiece {
		o.buf = nil
	}
	return err == nil && o.control.Flush() == nil
}

// freeStream is how many bytes wait for each stream uncounted.
const freeStream = 64 << 10

// streamBudget counts what waits for a stream, beyond freeStream, to its request.
type streamBudget struct {
	claim *portion

	mu   sync.Mutex
	kept int
}

// Take implements eventlistener.Budget.
func (b *streamBudget) Take(bytes int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if counted := max(b.kept+bytes-freeStream, 0) - max(b.kept-freeStream, 0); counted > 0 && !b.claim.try(int64(counted)) {
		return false
	}
	b.kept += bytes
	return true
}

// Give implements eventlistener.Budget.
func (b *streamBudget) Give(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if counted := max(b.kept-freeStream, 0) - max(b.kept-bytes-freeStream, 0); counted > 0 {
		b.claim.try(-int64(counted))
	}
	b.kept -= bytes
}

// streamRequest reads what a stream is to carry. last_event_id in the URL is for
// clients that cannot set headers.
func streamRequest(query url.Values, last string) (r streams.Request, err error) {
	for _, name := range commaList(query["types"]) {
		t, ok := eventlistener.ParseType(strings.ToUpper(name))
		if !ok {
			return r, fmt.Errorf("there is no event type %q", name)
		}
		r.Types = append(r.Types, t)
	}
	if patterns := commaList(query["programs"]); len(patterns) > 0 {
		if r.Programs, err = eventlistener.ParsePrograms(patterns); err != nil {
			return r, err
		}
	}
	if last == "" {
		last = query.Get("last_event_id")
	}
	if last != "" {
		r.Resume = true
		if r.After, err = strconv.ParseUint(last, 10, 64); err != nil {
			return r, fmt.Errorf("cannot resume after event %q: not a number", last)
		}
	}
	return r, nil
}

// commaList splits values at commas, without what is empty.
func commaList(values []string) (all []string) {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}
