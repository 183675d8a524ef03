package rpc

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the {SHA} scheme
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func dial(t testing.TB, h *harness) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", h.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	return c
}

// exchange sends raw bytes and reads one response.
func exchange(t testing.TB, c net.Conn, request string) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	return readResponse(t, bufio.NewReader(c))
}

func readResponse(t testing.TB, r *bufio.Reader) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func callXML(t testing.TB, method string, args ...any) string {
	t.Helper()
	b, err := xmlrpc.AppendCall(nil, method, args...)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func post(body string, headers ...string) string {
	return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n%s\r\n%s", len(body), strings.Join(append(headers, ""), "\r\n"), body)
}

func basic(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

func TestHTTPAnswers(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	state := callXML(t, "supervisor.getState")
	for _, tt := range []struct {
		name, request string
		status        int
		body          string // that the answer contains
	}{
		{"a call", post(state), 200, "<name>statename</name>\n<value><string>RUNNING</string>"},
		{"a fault", post(callXML(t, "supervisor.nothing")), 200, "UNKNOWN_METHOD"},
		{"a call by prefix", strings.Replace(post(state), "/RPC2", "/RPC2x/y?z", 1), 200, "RUNNING"},
		{"an escaped path", strings.Replace(post(state), "/RPC2", "/%52PC2", 1), 200, "RUNNING"},
		{"a call by HTTP/1.0", strings.Replace(post(state), "HTTP/1.1\r\nHost: localhost", "HTTP/1.0", 1), 200, "RUNNING"},
		{"a call without Host", strings.Replace(post(state), "Host: localhost\r\n", "", 1), 200, "RUNNING"},
		{"a path for a Host", strings.Replace(post(state), "Host: localhost", "hOsT: /var/run/supervisor.sock", 1), 200, "RUNNING"},
		{"an empty Host", strings.Replace(post(state), "Host: localhost", "Host:", 1), 200, "RUNNING"},
		{"a GET", "GET /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 400, "<p>Error code 400.\r\n<p>Message: Bad Request."},
		{"no Content-Length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 411, "Length Required"},
		{"a chunked body", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "Length Required"},
		{"an empty body", post(""), 400, "Bad Request"},
		{"a body that is no XML", post("hello"), 400, "Bad Request"},
		{"a body that isn't UTF-8", post("<methodCall>\xff"), 400, "Bad Request"},
		{"no method name", post("<methodCall><params/></methodCall>"), 400, "Bad Request"},
		{"an entity bomb", post("<!DOCTYPE x [<!ENTITY a 'aa'>]><methodCall>&a;</methodCall>"), 400, "Bad Request"},
		{"deep nesting", post("<methodCall>" + strings.Repeat("<a>", 1<<20)), 400, "Bad Request"},
		{"a huge number", post(callXML(t, "supervisor.readLog", 1, 2)[:60] + "<int>" + strings.Repeat("9", 1<<20) + "</int>"), 400, "Bad Request"},
		{"a body that is too large", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n\r\n", 413, "Request Entity Too Large"},
		{"a Content-Length that isn't one", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, ""},
		{"a header that is too large", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431, ""},
		{"no HTTP", "hello\r\n\r\n", 400, ""},
		{"another path", "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404, "<p>Message: Not Found."},
		{"another method", "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "Bad Request"},
		{"no log named", "GET /logtail HTTP/1.1\r\nHost: x\r\n\r\n", 404, "Not Found"},
		{"a log of nothing", "GET /logtail/z/stdout HTTP/1.1\r\nHost: x\r\n\r\n", 404, "Not Found"},
		{"a log of a group", "GET /logtail/web:* HTTP/1.1\r\nHost: x\r\n\r\n", 404, "Not Found"},
		{"a log of another channel", "GET /logtail/cat/stdlog HTTP/1.1\r\nHost: x\r\n\r\n", 404, "Not Found"},
		{"a log that isn't there", "GET /logtail/cat HTTP/1.1\r\nHost: x\r\n\r\n", 404, "Not Found"},
		{"a posted log", "POST /logtail/cat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400, "Bad Request"},
		{"no main log", "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n", 404, "Not Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := dial(t, h)
			// The server may have answered and closed before all was written.
			go func() { _, _ = io.WriteString(c, tt.request) }()
			resp, body := readResponse(t, bufio.NewReader(c))
			if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
			if tt.status == 200 && (resp.Header.Get("Content-Type") != "text/xml" || resp.ContentLength != int64(len(body))) {
				t.Errorf("headers: %v", resp.Header)
			}
		})
	}
	if got := h.log.with("unmarshallable"); len(got) != 6 || !strings.HasPrefix(got[1], "ERRO XML-RPC request data 'hello' is invalid: unmarshallable") {
		t.Errorf("%d lines: %.200q", len(got), got)
	}
	if got := h.log.with("no method name"); len(got) != 1 {
		t.Errorf("logged %q", got)
	}
	for _, line := range h.log.with("") {
		if len(line) > 4*quotedRequest+200 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
}

func TestAConnectionIsKept(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	c := dial(t, h)
	r := bufio.NewReader(c)
	for i, request := range []string{
		post(callXML(t, "supervisor.getState")), post("bad"), post(callXML(t, "nothing.x")),
		strings.Replace(post(callXML(t, "supervisor.getPID")), "Host: localhost", "Host: /a/b", 1),
		strings.Replace(post(callXML(t, "supervisor.getPID")), "Host: localhost\r\n", "", 1),
		"GET /x HTTP/1.1\r\nHost: x\r\n\r\n", post(callXML(t, "supervisor.getState")),
	} {
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		resp, _ := readResponse(t, r)
		if resp.Close {
			t.Errorf("request %d: the connection is closed", i)
		}
	}
	old := strings.Replace(post(callXML(t, "supervisor.getState"), "Connection: keep-alive"), "HTTP/1.1", "HTTP/1.0", 1)
	for range 2 {
		if _, err := io.WriteString(c, old); err != nil {
			t.Fatal(err)
		}
		if resp, body := readResponse(t, r); resp.StatusCode != 200 || !strings.Contains(body, "RUNNING") {
			t.Errorf("HTTP/1.0: %d %s", resp.StatusCode, body)
		}
	}
}

// The body of a pipelined call may come in a segment of its own, whatever it looks like.
func TestThePipelinedBodyOfALaterSegmentIsNotChanged(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	c := dial(t, h)
	r := bufio.NewReader(c)
	const data = "\nHost: /a/b\n\nhost: {}"
	header, body, _ := strings.Cut(post(callXML(t, "supervisor.sendRemoteCommEvent", "x", data)), "\r\n\r\n")
	if _, err := io.WriteString(c, post(callXML(t, "supervisor.getState"))+header+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	readResponse(t, r)
	testkit.Until(t, "the condition holds", func() bool { return !h.places.allIdle() }) // its header is taken
	if _, err := io.WriteString(c, body); err != nil {
		t.Fatal(err)
	}
	if resp, answer := readResponse(t, r); resp.StatusCode != 200 || h.sup.noted() != "remote x "+data {
		t.Errorf("got %d %s, noted %q", resp.StatusCode, answer, h.sup.noted())
	}
}

func TestAClientThatShutsItsSideStillGetsItsAnswer(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	c := dial(t, h)
	if _, err := io.WriteString(c, post(callXML(t, "supervisor.startProcess", "slow"))); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	h.sup.awaitStart(t)
	close(h.sup.blocked)
	if resp, body := readResponse(t, bufio.NewReader(c)); resp.StatusCode != 200 || !strings.Contains(body, "<boolean>1</boolean>") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
}

func TestAuthentication(t *testing.T) {
	sum := sha1.Sum([]byte("s3cret")) //nolint:gosec // the {SHA} scheme
	state := callXML(t, "supervisor.getState")
	stop := callXML(t, "supervisor.stopProcess", "cat")
	for _, password := range []string{"s3cret", "{SHA}" + hex.EncodeToString(sum[:])} {
		h := serve(t, defaultLimits(), func(o *Options) {
			o.Servers[0].Username, o.Servers[0].Password = "user", config.NewSecret(password)
			o.Servers[0].ReadOnlyUsername, o.Servers[0].ReadOnlyPassword = "reader", config.NewSecret("r:ead")
		})
		for _, tt := range []struct {
			name, request string
			status        int
			body          string
		}{
			{"no credentials", post(state), 401, "<p>Error code 401.\r\n<p>Message: Unauthorized."},
			{"the right ones", post(state, basic("user", "s3cret")), 200, "RUNNING"},
			{"another case of the scheme", post(state, strings.Replace(basic("user", "s3cret"), "Basic", "bASIC", 1)), 200, "RUNNING"},
			{"a wrong password", post(state, basic("user", "s3crets")), 401, ""},
			{"an empty password", post(state, basic("user", "")), 401, ""},
			{"the hash for a password", post(state, basic("user", hex.EncodeToString(sum[:]))), 401, ""},
			{"the whole value for a password", post(state, basic("user", "{SHA}"+hex.EncodeToString(sum[:]))), 401, ""},
			{"a wrong user", post(state, basic("root", "s3cret")), 401, ""},
			{"another's password", post(state, basic("reader", "s3cret")), 401, ""},
			{"another scheme", post(state, "Authorization: Bearer x"), 401, ""},
			{"a value that isn't base64", post(state, "Authorization: Basic ***"), 400, ""},
			{"a value without a colon", post(state, "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("user"))), 400, ""},
			{"a scheme alone", post(state, "Authorization: Basic"), 400, ""},
			{"a log without credentials", "GET /mainlogtail HTTP/1.1\r\nHost: x\r\n\r\n", 401, ""},
			{"a page without credentials", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 401, ""},
			{"a read by the reader", post(state, basic("reader", "r:ead")), 200, "RUNNING"},
			{"a change by the reader", post(stop, basic("reader", "r:ead")), 200, "read-only"},
			{"a change by the user", post(stop, basic("user", "s3cret")), 200, "NOT_RUNNING"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				resp, body := exchange(t, dial(t, h), tt.request)
				if resp.StatusCode != tt.status || !strings.Contains(body, tt.body) {
					t.Errorf("got %d %q", resp.StatusCode, body)
				}
				if tt.status == 401 && (resp.Header.Get("WWW-Authenticate") != `Basic realm="default"` || !resp.Close) {
					t.Errorf("headers: %v", resp.Header)
				}
			})
		}
		for _, line := range h.log.with("") {
			if strings.Contains(line, "s3cret") || strings.Contains(line, "without any HTTP") {
				t.Errorf("logged %q", line)
			}
		}
	}
}

func TestTheLogSaysWhatSupervisorsSays(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	c := dial(t, h)
	exchange(t, c, post(callXML(t, "supervisor.getState")))
	exchange(t, c, post(callXML(t, "supervisor.nothing")))
	want := []string{
		"INFO RPC interface 'supervisor' initialized",
		"CRIT Server 'unix_http_server' running without any HTTP authentication checking",
		"TRAC XML-RPC method called: supervisor.getState()",
		"TRAC XML-RPC method supervisor.getState() returned successfully",
		"TRAC XML-RPC method called: supervisor.nothing()",
		"TRAC XML-RPC method supervisor.nothing() returned fault: [1] UNKNOWN_METHOD",
	}
	if got := strings.Join(h.log.with(""), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got:\n%s", got)
	}
	quiet := serve(t, defaultLimits(), func(o *Options) { o.Level = config.WARN })
	exchange(t, dial(t, quiet), post(callXML(t, "supervisor.getState")))
	if got := quiet.log.with(""); len(got) != 1 {
		t.Errorf("at level warn: %q", got)
	}
}

func TestAPanicIsA500AndLoggedOnce(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) {
		o.Fallback = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })
	})
	h.sup.panicNow.Store(true)
	resp, body := exchange(t, dial(t, h), post(callXML(t, "supervisor.getState")))
	if resp.StatusCode != 500 || !strings.Contains(body, "Internal Server Error") {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if resp, _ := exchange(t, dial(t, h), "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); resp.StatusCode != 500 {
		t.Errorf("got %d", resp.StatusCode)
	}
	call := xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getState"}}
	if resp, body := exchange(t, dial(t, h), post(callXML(t, "system.multicall", []any{call}))); resp.StatusCode != 200 || !strings.Contains(body, "FAILED: internal error") {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if got := h.log.with("boom"); len(got) != 3 || !strings.HasPrefix(got[0], "CRIT Handling XML-RPC request for supervisor.getState() raised an unexpected exception: boom") {
		t.Errorf("logged %q", got)
	}
}

func TestTheFallbackLearnsTheAccess(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) {
		o.Servers[0].ReadOnlyUsername, o.Servers[0].ReadOnlyPassword = "r", config.NewSecret("r")
		o.Servers[0].Username, o.Servers[0].Password = "u", config.NewSecret("u")
		o.Fallback = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, AccessOf(r)) })
	})
	for user, access := range map[string]Access{"r": ReadOnly, "u": Control} {
		_, body := exchange(t, dial(t, h), "GET / HTTP/1.1\r\nHost: x\r\n"+basic(user, user)+"\r\n\r\n")
		if body != fmt.Sprint(access) {
			t.Errorf("%s: %s", user, body)
		}
	}
}

func TestLogTails(t *testing.T) {
	log := filepath.Join(t.TempDir(), "x.log")
	write := func(s string) {
		if err := os.WriteFile(log, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := serve(t, defaultLimits(), nil)
	h.sup.procs[0].StdoutLog, h.sup.procs[2].StderrLog, h.sup.mainLog = log, log, log
	write(strings.Repeat("x", 2000) + "END\n")
	for _, path := range []string{"/logtail/cat", "/logtail/cat/stdout", "/logtail/web:b/stderr", "/logtail//cat", "/mainlogtail", "/mainlogtailx"} {
		resp, body := exchange(t, dial(t, h), "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if path == "/logtail//cat" {
			if resp.StatusCode != 404 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
			continue
		}
		if resp.StatusCode != 200 || len(body) != 1024 || resp.Header.Get("Content-Type") != "text/plain;charset=utf-8" ||
			resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("Last-Modified") == "" || len(resp.TransferEncoding) != 1 {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, len(body), resp.Header)
		}
	}
	for query, want := range map[string]int{"": 1024, "?bytes=4": 4, "?bytes=0": 0, "?bytes=99999999": 2004, "?bytes=-1": 1024, "?bytes=x": 1024} {
		resp, body := exchange(t, dial(t, h), "GET /logtail/cat"+query+" HTTP/1.1\r\nHost: x\r\n\r\n")
		past := ""
		if want != 1024 { // where it is Supervisor's, the answer is
			past = strconv.Itoa(want)
		}
		if len(body) != want || resp.Header.Get("X-Log-Past") != past {
			t.Errorf("%q: %d bytes, of which %q are said to be the past, want %d", query, len(body), resp.Header.Get("X-Log-Past"), want)
		}
	}
	resp, body := exchange(t, dial(t, h), "GET /logtail/cat HTTP/1.0\r\n\r\n")
	if resp.StatusCode != 200 || len(body) != 1024 || len(resp.TransferEncoding) != 0 {
		t.Errorf("HTTP/1.0: %d, %d bytes, %v", resp.StatusCode, len(body), resp.TransferEncoding)
	}

	// A follower that has all there is is ended by Shutdown, in order.
	write("so far\n")
	c := dial(t, h)
	if _, err := io.WriteString(c, "GET /logtail/cat HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("so far\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "so far\n" {
		t.Fatalf("%q, %v", first, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestShutdownWaitsForCallsAndRemovesTheSocket(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	c := dial(t, h)
	if _, err := io.WriteString(c, post(callXML(t, "supervisor.startProcess", "slow"))); err != nil {
		t.Fatal(err)
	}
	h.sup.awaitStart(t)
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	done := make(chan error)
	go func() { done <- h.Shutdown(ctx) }()
	testkit.Until(t, "the condition holds", func() bool { _, err := os.Lstat(h.path); return errors.Is(err, os.ErrNotExist) })
	close(h.sup.blocked)
	if resp, body := readResponse(t, bufio.NewReader(c)); resp.StatusCode != 200 || !strings.Contains(body, "<boolean>1") {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsOffWhatIsLate(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	c := dial(t, h)
	if _, err := io.WriteString(c, post(callXML(t, "supervisor.startProcess", "slow"))); err != nil {
		t.Fatal(err)
	}
	h.sup.awaitStart(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if b, err := io.ReadAll(c); err == nil && bytes.Contains(b, []byte("200 OK")) {
		t.Errorf("answered %q", b)
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	lim := defaultLimits()
	lim.headerTime, lim.bodyTime, lim.writeTime, lim.idleTime = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	h := serve(t, lim, func(o *Options) { o.Servers[0].Username, o.Servers[0].Password = "u", config.NewSecret("u") })
	closed := func(c net.Conn) {
		t.Helper()
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("still open: %v", err)
		}
	}
	c := dial(t, h)
	closed(c) // says nothing at all

	c = dial(t, h)
	_, _ = io.WriteString(c, "POST /RPC2 HTTP/1.1\r\nHost:")
	closed(c) // stops within the header

	c = dial(t, h)
	resp, _ := exchange(t, c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"+basic("u", "u")+"\r\n\r\n<meth")
	if resp.StatusCode != 408 {
		t.Errorf("within the body: %d", resp.StatusCode)
	}
	closed(c)

	c = dial(t, h)
	resp, _ = exchange(t, c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<meth")
	if resp.StatusCode != 401 {
		t.Errorf("within the body, unauthorized: %d", resp.StatusCode)
	}
	closed(c)

	c = dial(t, h)
	exchange(t, c, post(callXML(t, "supervisor.getState"), basic("u", "u")))
	closed(c) // idle

	// Asks and asks, and never reads.
	log := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(log, bytes.Repeat([]byte("x"), 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	h.sup.mainLog = log
	c = dial(t, h)
	_, _ = io.WriteString(c, post(callXML(t, "supervisor.readLog", 0, 0), basic("u", "u")))
	testkit.Until(t, "the condition holds", func() bool { return h.places.open() == 0 })
}

func (p *places) allIdle() bool { return p.count(idle) == p.open() }

func (p *places) open() int { return p.number() }

func (p *places) count(phase phase) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if c.in(phase) {
			n++
		}
	}
	return n
}

func TestConnectionsAreLimitedAndIdleOnesMakeRoom(t *testing.T) {
	lim := defaultLimits()
	lim.connections = 3
	h := serve(t, lim, nil)
	request := post(callXML(t, "supervisor.getState"))
	var conns []net.Conn
	for range 10 {
		c := dial(t, h)
		if resp, _ := exchange(t, c, request); resp.StatusCode != 200 {
			t.Fatalf("got %d", resp.StatusCode)
		}
		testkit.Until(t, "the condition holds", func() bool { return h.places.allIdle() }) // else another may be idle longest
		conns = append(conns, c)
	}
	if _, err := io.WriteString(conns[0], request); err == nil {
		if _, err := http.ReadResponse(bufio.NewReader(conns[0]), nil); err == nil {
			t.Error("the connection idle longest is still there")
		}
	}
	if resp, _ := exchange(t, conns[9], request); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if n := h.places.open(); n > lim.connections {
		t.Errorf("%d connections", n)
	}

	// All busy: the next waits until one is done.
	var busy []net.Conn
	for range lim.connections {
		c := dial(t, h)
		_, _ = io.WriteString(c, post(callXML(t, "supervisor.startProcess", "slow")))
		h.sup.awaitStart(t)
		busy = append(busy, c)
	}
	c := dial(t, h)
	_, _ = io.WriteString(c, request)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a client too many: %v", err)
	}
	close(h.sup.blocked)
	for _, b := range busy {
		readResponse(t, bufio.NewReader(b))
	}
	_ = c.SetReadDeadline(time.Now().Add(testkit.Patience))
	if resp, _ := readResponse(t, bufio.NewReader(c)); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
}

func TestLargeBodiesWaitForOneAnother(t *testing.T) {
	lim := defaultLimits()
	lim.largeBody, lim.largeBodies = 100, 1
	h := serve(t, lim, nil)
	large := callXML(t, "supervisor.startProcess", "slow", strings.Repeat("x", 200))
	done := make(chan string, 3)
	for range 3 {
		c := dial(t, h)
		_, _ = io.WriteString(c, post(large))
		go func() {
			b := make([]byte, 12)
			_, _ = io.ReadFull(c, b)
			done <- string(b)
		}()
	}
	h.sup.awaitStart(t)
	select {
	case <-h.sup.waiting:
		t.Error("two large bodies at once")
	default:
	}
	close(h.sup.blocked)
	for range 3 {
		if got := <-done; got != "HTTP/1.1 200" {
			t.Errorf("got %q", got)
		}
	}
}

func TestTheDeclaredSizeIsNotBelieved(t *testing.T) {
	buf, err := readBody(nil, io.LimitReader(strings.NewReader("short"), 5), 8<<20)
	if err == nil || cap(buf) > 4096 {
		t.Errorf("%d bytes set aside, %v", cap(buf), err)
	}
}
