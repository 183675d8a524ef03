package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

const (
	// keptBuffer is the largest buffer, in bytes, that is kept for the next call.
	keptBuffer = 64 << 10
	// quotedRequest is how much of a bad request the activity log quotes, in bytes.
	quotedRequest = 512
)

// handler answers the requests of one socket.
type handler struct {
	server  *Server
	section string         // of the configuration
	auth    *authenticator // nil: everybody may do everything
}

type accessKey struct{}

// AccessOf tells Options.Fallback what the sender of a request may do.
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
	if r.ContentLength != 0 {
		c.enter(sending)
		defer c.enter(sending) // what nobody has read of it net/http reads now
	}
	// By prefix and in this order, as Supervisor's handlers match.
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/RPC2"):
		h.call(w, r, access)
	case strings.HasPrefix(path, "/logtail"):
		h.logtail(w, r, access)
	case strings.HasPrefix(path, "/mainlogtail"):
		h.mainlogtail(w, r, access)
	case path == "/events" && h.server.events != nil:
		h.events(w, r, access)
	case h.server.fallback != nil:
		h.page(w, r, access)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		errorPage(w, http.StatusBadRequest)
	default:
		errorPage(w, http.StatusNotFound)
	}
}

// page has Options.Fallback answer.
func (h *handler) page(w http.ResponseWriter, r *http.Request, access Access) {
	s := h.server
	if r.ContentLength != 0 {
		r.Body = &awaited{r.Body, clientOf(r), time.Now().UnixNano()}
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
	began  int64 // Unix nanoseconds: a client that sends a byte now and then becomes no faster by that
}

func (a *awaited) Read(b []byte) (int, error) {
	a.client.enter(sending)
	a.client.since.Store(a.began)
	defer a.client.enter(working)
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
	h.server.activity(config.ERRO, fmt.Sprintf("Server Error: %s %s: %v\n%s", r.Method, quote(r.URL.Path), p, debug.Stack()))
	if w.Header().Get("Content-Type") != "" {
		panic(http.ErrAbortHandler) // it may have begun
	}
	errorPage(w, http.StatusInternalServerError)
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func (h *handler) call(w http.ResponseWriter, r *http.Request, access Access) {
	lim := &h.server.limits
	switch {
	case r.Method != http.MethodPost:
		errorPage(w, http.StatusBadRequest)
		return
	case fromOtherSite(r.Header, r.Host):
		h.server.activity(config.WARN, "XML-RPC request that a page of "+quoted([]byte(r.Header.Get("Origin")))+" made a browser send is refused")
		w.Header().Set("Connection", "close")
		errorPage(w, http.StatusForbidden)
		return
	case r.ContentLength < 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Content-Length") == "":
		errorPage(w, http.StatusLengthRequired)
		return
	case r.ContentLength > lim.body:
		w.Header().Set("Connection", "close")
		errorPage(w, http.StatusRequestEntityTooLarge)
		return
	case r.ContentLength > lim.largeBody:
		select {
		case h.server.large <- struct{}{}:
			defer func() { <-h.server.large }()
		case <-r.Context().Done():
			return
		}
	}
	kept := buffers.Get().(*[]byte)
	buf, status := h.exchange((*kept)[:0], r, w, access)
	if status == http.StatusOK {
		header := w.Header()
		header["Content-Type"] = contentTypeXML
		header["Content-Length"] = []string{strconv.Itoa(len(buf))}
		_, _ = w.Write(buf) // a client that is gone is nobody's concern
	} else {
		errorPage(w, status)
	}
	if cap(buf) <= keptBuffer {
		*kept = buf[:0]
		buffers.Put(kept)
	}
}

// contentTypeXML is shared by all answers and never written to.
var contentTypeXML = []string{"text/xml"}

// exchange reads the call into buf, makes it and overwrites buf with the answer.
func (h *handler) exchange(buf []byte, r *http.Request, w http.ResponseWriter, access Access) ([]byte, int) {
	s := h.server
	buf, err := readBody(buf, r.Body, r.ContentLength)
	if err != nil {
		w.Header().Set("Connection", "close")
		if isTimeout(err) {
			return buf, http.StatusRequestTimeout
		}
		return buf, http.StatusBadRequest
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	clientOf(r).enter(working)
	method, args, err := xmlrpc.DecodeCall(buf)
	if err != nil {
		s.activity(config.ERRO, "XML-RPC request data "+quoted(buf)+" is invalid: unmarshallable")
		return buf, http.StatusBadRequest
	}
	if method == "" {
		s.activity(config.ERRO, "XML-RPC request data "+quoted(buf)+" is invalid: no method name")
		return buf, http.StatusBadRequest
	}
	trace := s.wants(config.TRAC)
	if trace {
		s.activity(config.TRAC, "XML-RPC method called: "+method+"()")
	}
	value, err := h.make(r, access, method, args)
	if err == nil {
		if trace {
			s.activity(config.TRAC, "XML-RPC method "+method+"() returned successfully")
		}
		// Large answers would otherwise be copied many times over as they grow.
		buf = slices.Grow(buf[:0], weigh(value))
		if buf, err = xmlrpc.AppendResponse(buf, value); err == nil {
			return buf, http.StatusOK
		}
		s.activity(config.CRIT, fmt.Sprintf("Handling XML-RPC request for %s() raised an unexpected exception: %v", method, err))
		return buf, http.StatusInternalServerError
	}
	var fault *xmlrpc.Fault
	switch {
	case errors.As(err, &fault):
		if trace {
			s.activity(config.TRAC, fmt.Sprintf("XML-RPC method %s() returned fault: [%d] %s", method, fault.Code, fault.String))
		}
		return xmlrpc.AppendFault(buf[:0], fault), http.StatusOK
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return buf, http.StatusServiceUnavailable // the server is closing
	}
	return buf, http.StatusInternalServerError // logged by the dispatcher
}

// make makes a call. The connection of a client that goes meanwhile is closed at once, and a call that only waits ends; one that changes something
// is carried through.
func (h *handler) make(r *http.Request, access Access, method string, args []any) (any, error) {
	s := h.server
	ctx := s.calls
	switch waits, readOnly := s.dispatcher.lasts(access, method); {
	case waits:
		staying, end, ok := s.stay(s.calls, r, access)
		if !ok {
			return nil, fault(Failed, "too many calls wait already; try again later")
		}
		defer end()
		ctx = staying
	case !readOnly:
		_, end := s.attend(s.calls, r)
		defer end()
	}
	return s.dispatcher.Call(ctx, access, method, args)
}

// readBody appends exactly n bytes. It grows with what arrives rather than
// with what was promised.
func readBody(buf []byte, body io.Reader, n int64) ([]byte, error) {
	for have := int64(len(buf)); have < n; have = int64(len(buf)) {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		got, err := body.Read(buf[len(buf):min(int64(cap(buf)), n)])
		buf = buf[:len(buf)+got]
		if err != nil && int64(len(buf)) < n {
			return buf, err
		}
	}
	// To the end, so that net/http knows that the body is over.
	var one [1]byte
	if _, err := body.Read(one[:]); err != nil && !errors.Is(err, io.EOF) {
		return buf, err
	}
	return buf, nil
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

func quoted(b []byte) string {
	if len(b) > quotedRequest {
		return quote(string(b[:quotedRequest])) + "..."
	}
	return quote(string(b))
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
