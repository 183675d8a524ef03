package rpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/eventlistener"
)

// Events is what concerns events and those who get them; *core.Supervisor is one.
type Events interface {
	Subscribers(ctx context.Context) ([]core.SubscriberInfo, error)
	OpenStream(ctx context.Context, r core.StreamRequest) (*core.EventStream, error)
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
// data. With Last-Event-ID it goes on behind that event. What is not an event comes
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
	stream, err := h.server.events.OpenStream(ctx, request)
	if err != nil {
		if errors.Is(err, core.ErrTooManyStreams) {
			w.Header().Set("Retry-After", "10")
		}
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer stream.Close()
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
	if stream.Gap {
		buf = fmt.Appendf(buf, "event: notice\ndata: {\"notice\":\"gap\",\"after\":%d,\"last\":%d}\n\n", request.After, stream.Last)
	}
	buf = appendEvents(buf, stream.Past)
	stream.Past = nil
	alive := time.NewTimer(keepAlive)
	defer alive.Stop()
	for {
		if len(buf) > 0 {
			if _, err := w.Write(buf); err != nil { //nolint:gosec // JSON in text/event-stream is no page
				return
			}
			if err := control.Flush(); err != nil {
				return
			}
			alive.Reset(keepAlive)
			if buf = buf[:0]; cap(buf) > keptBuffer {
				buf = nil
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-alive.C:
			buf = append(buf, ":\n\n"...)
		case <-stream.Ready():
			events, end := stream.Take()
			buf = appendEvents(buf, events)
			if end == nil {
				continue
			}
			if errors.Is(end, eventlistener.ErrStreamSlow) {
				counters, _, _ := stream.Status()
				buf = fmt.Appendf(buf, "event: notice\ndata: {\"notice\":\"slow\",\"discarded\":%d}\n\n", counters.Discarded)
			}
			_, _ = w.Write(buf) //nolint:gosec // as above
			_ = control.Flush()
			return
		}
	}
}

// appendEvents appends events, each a block of server-sent events. The JSON form
// has no line feeds.
func appendEvents(dst []byte, events []*eventlistener.Event) []byte {
	for _, e := range events {
		data, _ := e.PayloadIn(eventlistener.JSONForm)
		dst = strconv.AppendUint(append(dst, "id: "...), e.Seq(), 10)
		dst = append(append(dst, "\ndata: "...), data...)
		dst = append(dst, "\n\n"...)
	}
	return dst
}

// streamRequest reads what a stream is to carry. last_event_id in the URL is for
// clients that cannot set headers.
func streamRequest(query url.Values, last string) (r core.StreamRequest, err error) {
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
