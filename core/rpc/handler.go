package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// quotedRequest is how much of a bad request the activity log quotes, in bytes.
const quotedRequest = 512

// handler answers the requests of one socket.
type handler struct {
	server  *Server
	section string         // of the configuration
	auth    *authenticator // nil: everybody may do everything
}

type accessKey struct{}

// AccessOf reports to Options.Fallback what the sender of a request may do.
func AccessOf(r *http.Request) Access {
	access, _ := r.Context().Value(accessKey{}).(Access)
	return access
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer h.recover(w, r)
	c := clientOf(r)
	if r.ContentLength != 0 {
		// Whatever happens with the body, it isn't waited for longer.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(h.server.limits.bodyTime))
	}
	access, err := h.admit(r, c)
	if err != nil {
		c.enter(refused)
		refuse(w, err)
		return
	}
	c.claim.share = h.shareOf(c, access)
	defer c.claim.release()
	if c.claim.share == others {
		c.turn.begin()
		defer c.turn.end()
	}
	if r.ContentLength != 0 {
		c.enter(sending)
		defer c.enter(sending) // net/http reads now what is left unread of it
	}
	// By prefix and in this order, as Supervisor's handlers match.
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/RPC2"):
		h.call(w, r, access)
	case !c.turn.work(): // its client has gone
	case strings.HasPrefix(path, "/logtail"):
		h.logtail(w, r, access)
	case strings.HasPrefix(path, "/mainlogtail"):
		h.mainlogtail(w, r, access)
	case path == "/events" && h.server.streams != nil:
		h.events(w, r, access)
	case h.server.fallback != nil:
		h.page(w, r, access)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		errorPage(w, http.StatusBadRequest)
	default:
		errorPage(w, http.StatusNotFound)
	}
}

// shareOf is the share of the memory to which a request is counted. The owner is a client with the password that permits everything, or, if there is no password, root and
// the daemon's own user on a unix socket.
func (h *handler) shareOf(c *conn, access Access) share {
	switch {
	case access != Control:
		return others
	case h.auth != nil, c.ours:
		return owner
	}
	return others
}

// pageForm is what the body of a request that Options.Fallback answers counts, in bytes.
const pageForm = 64 << 10

// page has Options.Fallback answer.
func (h *handler) page(w http.ResponseWriter, r *http.Request, access Access) {
	s := h.server
	if r.ContentLength != 0 {
		r.Body = &awaited{r.Body, clientOf(r), int64(s.places.now())}
	}
	var ctx context.Context
	var end func()
	if r.Method == http.MethodPost || r.URL.RawQuery != "" && r.URL.Query().Has("action") { // it may wait for processes
		var ok bool
		if ctx, end, ok = s.stay(s.open, r, access); !ok {
			tooMany(w)
			return
		}
	} else {
		ctx, end = s.attend(s.open, r)
	}
	defer end()
	if r.Method == http.MethodPost {
		if err := clientOf(r).claim.add(ctx, pageForm); err != nil {
			tooMany(w)
			return
		}
	}
	s.fallback.ServeHTTP(w, r.WithContext(context.WithValue(ctx, accessKey{}, access)))
}

// tooMany answers a request that may last when too many do.
func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "10")
	errorPage(w, http.StatusServiceUnavailable)
}

// refuse answers a request that isn't let in, for an error of admit.
func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errMalformedAuth):
		errorPage(w, http.StatusBadRequest)
	case errors.Is(err, errTooMany):
		w.Header().Set("Connection", "close")
		w.Header().Set("Retry-After", "10")
		errorPage(w, http.StatusTooManyRequests)
	default:
		w.Header().Set("Connection", "close")
		w.Header().Set("WWW-Authenticate", `Basic realm="default"`)
		errorPage(w, http.StatusUnauthorized)
	}
}

// clientOf is the connection of a request.
func clientOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

// awaited is a request's body whose connection waits for its client while it is read.
type awaited struct {
	io.ReadCloser
	client *conn
	began  int64 // by the clock of places: a client that sends a byte now and then becomes no faster by that
}

func (a *awaited) Read(b []byte) (int, error) {
	a.client.enter(sending)
	a.client.since.Store(a.began)
	defer a.client.enter(working)
	if a.client.turn.rest() {
		defer a.client.turn.work()
	}
	return a.ReadCloser.Read(b)
}

// recover turns a panic into a 500, or ends the connection if an answer has
// begun, and logs it once.
func (h *handler) recover(w http.ResponseWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	h.server.activity(config.ERRO, fmt.Sprintf("Server Error: %s %s: %v\n%s", r.Method, pytext.Quote(r.URL.Path), p, debug.Stack()))
	if w.Header().Get("Content-Type") != "" {
		panic(http.ErrAbortHandler) // it may have begun
	}
	errorPage(w, http.StatusInternalServerError)
}

func quoted(b []byte) string {
	if len(b) > quotedRequest {
		return pytext.Quote(string(b[:quotedRequest])) + "..."
	}
	return pytext.Quote(string(b))
}

// ErrorPage answers a request with the page for an error that all of the servers have.
func ErrorPage(w http.ResponseWriter, code int) { errorPage(w, code) }

// errorPage answers with the page that Supervisor has for errors
// (medusa/http_server.py, DEFAULT_ERROR_MESSAGE), which tools have been seen to
// search.
func errorPage(w http.ResponseWriter, code int) {
	number := strconv.Itoa(code)
	page := strings.Join([]string{
		"<head>", "<title>Error response</title>", "</head>", "<body>", "<h1>Error response</h1>",
		"<p>Error code " + number + ".", "<p>Message: " + reason(code) + ".", "</body>", "",
	}, "\r\n")
	w.Header().Set("Content-Type", "text/html")
	w.Header().Set("Content-Length", strconv.Itoa(len(page)))
	w.WriteHeader(code)
	_, _ = io.WriteString(w, page)
}

// reason is medusa's text for a status.
func reason(code int) string {
	switch code {
	case http.StatusRequestTimeout:
		return "Request Time-out"
	}
	return http.StatusText(code)
}
