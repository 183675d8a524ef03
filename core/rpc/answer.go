package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// keptBuffer is the largest buffer, in bytes, that is kept for the next call.
const keptBuffer = 64 << 10

// buffers have what is short: the call while it is read, and the answer. Nobody has one while a call is made.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 4096); return &b }}

func keep(buf []byte) {
	if cap(buf) <= keptBuffer {
		buf = buf[:0]
		buffers.Put(&buf)
	}
}

// beginTime is how long a call that waits may take before it does.
const beginTime = 20 * time.Millisecond

// contentTypeXML is shared by all answers and never written to.
var contentTypeXML = []string{"text/xml"}

// call answers a request that is a call.
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
		large := h.server.large[clientOf(r).claim.share]
		select {
		case large <- struct{}{}:
			defer func() { <-large }()
		case <-r.Context().Done():
			return
		}
	}
	method, args, status := h.receive(w, r)
	if status == http.StatusOK {
		value, err := h.make(r, access, method, args)
		status = h.answer(w, clientOf(r), access, method, value, err)
	}
	if status != http.StatusOK {
		errorPage(w, status)
	}
}

// receive reads a call. The status is that of the error page to answer with, or 200.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) (method string, args []any, status int) {
	s, claim := h.server, &clientOf(r).claim
	// The body, and what is decoded of it, which takes about as much again.
	err := claim.set(r.Context(), 2*r.ContentLength)
	buf := (*buffers.Get().(*[]byte))[:0]
	defer func() { keep(buf) }()
	if err == nil {
		buf, err = readBody(buf, r.Body, r.ContentLength)
	}
	if err != nil {
		w.Header().Set("Connection", "close")
		switch {
		case isTimeout(err):
			return "", nil, http.StatusRequestTimeout
		case errors.Is(err, errMemory):
			w.Header().Set("Retry-After", "10")
			return "", nil, http.StatusServiceUnavailable
		}
		return "", nil, http.StatusBadRequest
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	clientOf(r).enter(working)
	if !clientOf(r).turn.work() {
		return "", nil, http.StatusServiceUnavailable // the client has gone
	}
	method, args, err = xmlrpc.DecodeCall(buf)
	if err != nil {
		s.activity(config.ERRO, "XML-RPC request data "+quoted(buf)+" is invalid: unmarshallable")
		return "", nil, http.StatusBadRequest
	}
	if method == "" {
		s.activity(config.ERRO, "XML-RPC request data "+quoted(buf)+" is invalid: no method name")
		return "", nil, http.StatusBadRequest
	}
	claim.become(r.ContentLength) // less: what is left is the arguments
	return method, args, http.StatusOK
}

// make makes a call. The connection of a client that goes meanwhile is closed at once, and a call that only waits ends; one that changes something
// is carried through.
func (h *handler) make(r *http.Request, access Access, method string, args []any) (any, error) {
	s := h.server
	if s.wants(config.TRAC) {
		s.activity(config.TRAC, "XML-RPC method called: "+method+"()")
	}
	ctx := s.calls
	switch waits, readOnly := s.dispatcher.lasts(access, method); {
	case waits:
		staying, end, ok := s.stay(s.calls, r, access)
		if !ok {
			return nil, fault(Failed, "too many calls wait already; try again later")
		}
		turn := &clientOf(r).turn
		defer turn.work()
		defer end()
		ctx = staying
		if !turn.work() {
			return nil, context.Canceled
		}
		begun := time.AfterFunc(beginTime, func() { turn.rest() }) // from then on it waits
		defer begun.Stop()
	case !readOnly:
		if clientOf(r).turn.rest() {
			defer clientOf(r).turn.work()
		}
		_, end := s.attend(s.calls, r)
		defer end()
	}
	return s.dispatcher.call(ctx, &clientOf(r).claim, access, method, args)
}

// answer answers a call with its value or error. The status is that of the error page to answer with, or 200.
func (h *handler) answer(w http.ResponseWriter, c *conn, access Access, method string, value any, err error) (status int) {
	s := h.server
	trace := s.wants(config.TRAC)
	var texts []LogSlice
	if err == nil {
		if trace {
			s.activity(config.TRAC, "XML-RPC method "+method+"() returned successfully")
		}
		if texts = textsOf(value); largest(texts) > smallText {
			return h.stream(w, c, method, value, texts)
		}
		if len(texts) > 0 {
			value, err = settle(s.calls, &c.claim, value)
		}
	}
	if err == nil {
		weight := weigh(value)
		if texts == nil {
			s.dispatcher.weight(access, method).Store(int64(weight))
		}
		// The value, and the same encoded.
		if !c.claim.become(int64(2 * weight)) {
			err = errMemory
		} else if buf, failed := h.encode(value, weight, method); failed == nil {
			_ = c.claim.set(s.calls, int64(cap(buf)))
			writeXML(w, buf)
			return http.StatusOK
		} else {
			return http.StatusInternalServerError
		}
	}
	var fault *xmlrpc.Fault
	switch {
	case errors.As(err, &fault):
		_ = c.claim.set(s.calls, 0)
		if trace {
			s.activity(config.TRAC, fmt.Sprintf("XML-RPC method %s() returned fault: [%d] %s", method, fault.Code, fault.String))
		}
		writeXML(w, xmlrpc.AppendFault((*buffers.Get().(*[]byte))[:0], fault))
		return http.StatusOK
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable // the server is closing
	}
	return http.StatusInternalServerError // logged by the dispatcher
}

// encode encodes the value of a method.
func (h *handler) encode(value any, weight int, method string) ([]byte, error) {
	// Large answers would otherwise be copied many times over as they grow.
	buf := slices.Grow((*buffers.Get().(*[]byte))[:0], weight)
	buf, err := xmlrpc.AppendResponse(buf, value)
	if err != nil {
		h.server.activity(config.CRIT, fmt.Sprintf("Handling XML-RPC request for %s() raised an unexpected exception: %v", method, err))
	}
	return buf, err
}

// writeXML answers with a document, which is not used any more then.
func writeXML(w http.ResponseWriter, buf []byte) {
	header := w.Header()
	header["Content-Type"] = contentTypeXML
	header["Content-Length"] = []string{strconv.Itoa(len(buf))}
	_, _ = w.Write(buf) // it does not matter if the client has gone
	keep(buf)
}

// stream answers with a value of which texts are a part that is read from the disk while it is sent.
func (h *handler) stream(w http.ResponseWriter, c *conn, method string, value any, texts []LogSlice) (status int) {
	defer closeAll(texts)
	s := h.server
	if err := c.claim.set(s.calls, xmlrpc.TextMemory); err != nil {
		return h.answer(w, c, Control, method, nil, err)
	}
	response, err := prepare(c, value)
	if err != nil {
		return h.answer(w, c, Control, method, nil, plainFault(Failed)) // it cannot be read
	}
	header := w.Header()
	header["Content-Type"] = contentTypeXML
	header["Content-Length"] = []string{strconv.FormatInt(response.Len(), 10)}
	// An answer of fewer bytes than it says makes net/http close the connection.
	if _, err := response.WriteTo(w); errors.Is(err, xmlrpc.ErrTextChanged) {
		s.activity(config.WARN, "the log that "+method+"() was about to answer was truncated meanwhile; the connection is closed")
	}
	return http.StatusOK
}

// prepare makes a response whose texts are read once to know its length. That takes time: meanwhile, a client that is not the owner loses its connection if another one needs the place.
func prepare(c *conn, value any) (*xmlrpc.Response, error) {
	if c.claim.share == others {
		defer c.enter(phase(c.phase.Load()))
		c.enter(queued)
	}
	return xmlrpc.NewResponse(nil, attended(value, c))
}

// readBody appends exactly n bytes. It grows with what arrives rather than
// with what was promised.
func readBody(buf []byte, body io.Reader, n int64) ([]byte, error) {
	for have := int64(len(buf)); have < n; have = int64(len(buf)) {
		if len(buf) == cap(buf) {
			buf = slices.Grow(buf, min(int(n), max(2*cap(buf), 4096))-len(buf))
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
