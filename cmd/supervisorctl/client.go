package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

const (
	// patience is how long a server may take to answer what it can answer at
	// once, and how often one that works on something longer is asked for a sign
	// of life. Supervisor waits forever.
	patience = 30 * time.Second
	// maxReply bounds an answer, in bytes; 70,000 processes fit in.
	maxReply = 128 << 20
)

// client makes the calls to one supervisord, over a connection that is kept.
type client struct {
	url      string // http://HOST:PORT, https://HOST:PORT or unix:///PATH, as given
	username *string
	password *config.Secret
	base     *url.URL // nil: url cannot be used
	http     *http.Client
	patience time.Duration
}

// newClient returns a client of a server. If its URL cannot be used, the first call
// reports that, as in Supervisor.
func newClient(address string, username *string, password *config.Secret) *client {
	transport := &http.Transport{DisableCompression: true, MaxResponseHeaderBytes: 1 << 16}
	c := &client{url: address, username: username, password: password, patience: patience, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		c.base = &url.URL{Scheme: "http", Host: "localhost"}
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", path)
		}
	} else if u, err := url.Parse(address); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		c.base = &url.URL{Scheme: u.Scheme, Host: u.Host} // whatever the path is, the calls go to /RPC2
	}
	return c
}

// authenticate sets what the client shows the server.
func (c *client) authenticate(username *string, password *config.Secret) {
	c.username, c.password = username, password
}

// idle closes the connection, so that the next call finds a server that has
// started again meanwhile.
func (c *client) idle() { c.http.CloseIdleConnections() }

func (c *client) close() { c.idle() }

// protocolError is an answer whose status is not 200.
type protocolError struct {
	code   int
	reason string
}

func (e *protocolError) Error() string {
	return fmt.Sprintf("<ProtocolError for 127.0.0.1/RPC2: %d %s>", e.code, e.reason)
}

// plain is the error for people.
func (e *protocolError) plain() string {
	return strings.TrimSpace(fmt.Sprintf("the server answers %d %s", e.code, e.reason))
}

var (
	errTimeout  = errors.New("timed out")
	errTooLarge = fmt.Errorf("the answer is larger than %d bytes", maxReply)
)

// call makes one call that the server answers at once. A fault is an
// *xmlrpc.Fault; a server that says nothing is errTimeout; Ctrl-C is
// errInterrupted.
func (c *client) call(ctx context.Context, method string, args ...any) (any, error) {
	limited, cancel := context.WithTimeoutCause(ctx, c.patience, errTimeout)
	defer cancel()
	return c.exchange(limited, method, args)
}

// wait makes one call that the server answers when something has happened, which
// may take forever as long as the server lives: it is checked
// now and then, and when it does not answer the call ends with errTimeout.
func (c *client) wait(ctx context.Context, method string, args ...any) (any, error) {
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		every := time.NewTicker(c.patience)
		defer every.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-every.C:
			}
			_, err := c.call(watched, "supervisor.getVersion")
			if err != nil && asFault(err) == nil && watched.Err() == nil {
				cancel(errTimeout)
				return
			}
		}
	}()
	return c.exchange(watched, method, args)
}

func (c *client) exchange(ctx context.Context, method string, args []any) (any, error) {
	body, err := xmlrpc.AppendCall(nil, method, args...)
	if err != nil {
		return nil, err
	}
	req, err := c.request(ctx, http.MethodPost, "/RPC2", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "text/xml")
	req.Header.Set("Accept", "text/xml")
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, cause(ctx, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end, or given up
	if resp.StatusCode != http.StatusOK {
		return nil, protocolRefusal(resp)
	}
	doc, err := readReply(resp)
	if err != nil {
		return nil, cause(ctx, err)
	}
	return xmlrpc.DecodeResponse(doc)
}

func readReply(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxReply {
		return nil, errTooLarge
	}
	var doc bytes.Buffer
	if resp.ContentLength > 0 {
		doc.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	n, err := doc.ReadFrom(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case n > maxReply:
		return nil, errTooLarge
	case errors.Is(err, io.ErrUnexpectedEOF) && resp.ContentLength > n:
		return nil, &truncatedError{n, resp.ContentLength - n}
	}
	return doc.Bytes(), err
}

// truncatedError is an answer that broke off.
type truncatedError struct{ got, missing int64 } // bytes

func (e *truncatedError) Error() string {
	return fmt.Sprintf("IncompleteRead(%d bytes read, %d more expected)", e.got, e.missing)
}

// follow opens a log to follow: further output is read from the body until the
// server or ctx ends it.
func (c *client) follow(ctx context.Context, path string) (io.ReadCloser, error) {
	body, _, err := c.followFrom(ctx, path, -1)
	return body, err
}

// followFrom is follow that begins with the last bytes of the log, -1 for as many as in Supervisor. past is how many of the bytes that come
// first were there already, -1 where the server does not say.
func (c *client) followFrom(ctx context.Context, path string, length int) (body io.ReadCloser, past int64, err error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, -1, err
	}
	if length >= 0 {
		req.URL.RawQuery = url.Values{"bytes": {strconv.Itoa(length)}}.Encode()
	}
	resp, release, err := c.open(req)
	if err != nil {
		return nil, -1, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		release()
		return nil, -1, protocolRefusal(resp)
	}
	if past, err = strconv.ParseInt(resp.Header.Get("X-Log-Past"), 10, 64); err != nil || past < 0 {
		past = -1
	}
	return &stream{resp.Body, release}, past, nil
}

// errNoPast: the server does not say how much of a followed log is the past; Supervisor's does not.
var errNoPast = errors.New("the server does not give the end of a log as it is")

// logEnd is the last bytes of a log, as they are: XML has no escapes. path is that by which it is followed.
func (c *client) logEnd(ctx context.Context, path string, length int) (string, error) {
	body, past, err := c.followFrom(ctx, path, length)
	if err != nil {
		return "", err
	}
	defer body.Close() //nolint:errcheck // it continues, and the rest is not wanted
	if past < 0 {
		return "", errNoPast
	}
	text, err := io.ReadAll(io.LimitReader(body, past))
	return string(text), err
}

// open sends what is answered without an end: only the beginning of the answer
// has a deadline, errTimeout. release is called once the body is closed.
func (c *client) open(req *http.Request) (resp *http.Response, release func(), err error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	late := time.AfterFunc(c.patience, func() { cancel(errTimeout) })
	resp, err = c.http.Do(req.WithContext(ctx))
	inTime := late.Stop()
	if err == nil && !inTime {
		_ = resp.Body.Close()
		err = errTimeout
	}
	if err != nil {
		err = cause(ctx, err)
		cancel(nil)
		return nil, nil, err
	}
	return resp, func() { cancel(nil) }, nil
}

// stream is the body of an answer without an end.
type stream struct {
	io.ReadCloser
	release func()
}

// Close ends the answer.
func (s *stream) Close() error {
	defer s.release()
	return s.ReadCloser.Close()
}

func (c *client) request(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	if c.base == nil {
		return nil, &badURLError{c.url}
	}
	u := *c.base
	u.Path = path
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "supervisorctl (Hark)")
	if c.username != nil && c.password != nil {
		req.SetBasicAuth(*c.username, c.password.Reveal())
	}
	return req, nil
}

// badURLError is a server URL of a kind we do not speak.
type badURLError struct{ url string }

func (e *badURLError) Error() string { return "Unknown protocol for serverurl " + e.url }

func protocolRefusal(resp *http.Response) error {
	_, reason, _ := strings.Cut(resp.Status, " ")
	if reason == strconv.Itoa(resp.StatusCode) {
		reason = ""
	}
	return &protocolError{resp.StatusCode, reason}
}

// cause reports what ended a call where it was not the network.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errTimeout) {
		return errTimeout
	}
	return errInterrupted
}
