package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// exchange sends raw bytes on the unix socket and reads the answer to its end,
// or as far as seen wants it.
func (in *instance) exchange(request string, seen string) string {
	conn, err := net.Dial("unix", in.sock)
	if err != nil {
		in.t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // read as far as wanted
	if err := conn.SetDeadline(time.Now().Add(testkit.Patience / 4)); err != nil {
		in.t.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		in.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return fmt.Sprintf("no answer: %v", err)
	}
	var body strings.Builder
	buf := make([]byte, 4096)
	for seen == "" || !strings.Contains(body.String(), seen) {
		n, err := resp.Body.Read(buf)
		body.Write(buf[:n])
		if err != nil {
			break
		}
	}
	var lines []string
	for _, name := range []string{"Content-Type", "Content-Length", "WWW-Authenticate", "Connection", "X-Accel-Buffering", "Location"} {
		if v, given := resp.Header[http.CanonicalHeaderKey(name)]; given {
			lines = append(lines, name+": "+strings.Replace(strings.Join(v, ", "), "Keep-Alive", "keep-alive", 1))
		}
	}
	lines = append(lines, fmt.Sprintf("Date: %v", resp.Header.Get("Date") != ""))
	return fmt.Sprintf("%s %s chunked=%v\n%s\n\n%s", resp.Proto, resp.Status, slices.Contains(resp.TransferEncoding, "chunked"), strings.Join(lines, "\n"), body.String())
}

func TestHTTPAnswersAlike(t *testing.T) {
	t.Parallel()
	p := startPair(t, `
[program:say]
command=/bin/sh -c 'echo to stdout; echo to stderr >&2; exec cat'
startsecs=0
[program:nolog]
command=/bin/cat
startsecs=0
stdout_logfile=NONE
`)
	p.wait(func(in *instance) {
		testkit.Until(t, "say has spoken", func() bool {
			return in.must("supervisor.readProcessStderrLog", "say", 0, 0) == "to stderr\n"
		})
	})
	const state = "<?xml version='1.0'?><methodCall><methodName>supervisor.getAPIVersion</methodName><params/></methodCall>"
	post := func(path, body string, headers ...string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n%s\r\n%s", path, len(body), strings.Join(headers, ""), body)
	}
	get := func(path string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
	}
	// Supervisor's tails keep what they have back from HTTP/1.0 and from requests
	// that ask to close, so only the others are compared.
	follow := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n" }
	for _, c := range []struct {
		name, request, seen string
		accident            bool
		differ              func(t *testing.T, python, hark string)
	}{
		{name: "a call", request: post("/RPC2", state)},
		{name: "a call with HTTP/1.0", request: strings.Replace(post("/RPC2", state), "HTTP/1.1", "HTTP/1.0", 1)},
		{name: "a call with HTTP/1.0 and keep-alive", request: strings.Replace(strings.Replace(post("/RPC2", state), "HTTP/1.1", "HTTP/1.0", 1), "Connection: close", "Connection: Keep-Alive", 1), seen: "</methodResponse>"},
		{name: "a call with HTTP/1.1 and keep-alive", request: strings.Replace(post("/RPC2", state), "Connection: close", "Connection: Keep-Alive", 1), seen: "</methodResponse>"},
		{name: "a call without a content type", request: strings.Replace(post("/RPC2", state), "Content-Type: text/xml\r\n", "", 1)},
		{name: "a call with bare newlines", request: strings.ReplaceAll(post("/RPC2", state), "\r\n", "\n"), accident: true},
		{name: "a trailing slash", request: post("/RPC2/", state)},
		{name: "a longer path", request: post("/RPC2x/y", state)},
		{name: "a query", request: post("/RPC2?a=b", state)},
		{name: "another case", request: post("/rpc2", state)},
		{name: "a call at the root", request: post("/", state), accident: true},
		{name: "GET of RPC2", request: get("/RPC2")},
		{name: "PUT of RPC2", request: strings.Replace(post("/RPC2", state), "POST", "PUT", 1)},
		{name: "HEAD of RPC2", request: strings.Replace(get("/RPC2"), "GET", "HEAD", 1)},
		{name: "no content length", request: "POST /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
		{name: "no XML", request: post("/RPC2", "hello")},
		{name: "XML that is no call", request: post("/RPC2", "<a/>")},
		{name: "a call without a method", request: post("/RPC2", "<methodCall></methodCall>")},
		{name: "a call with an empty method", request: post("/RPC2", "<methodCall><methodName></methodName></methodCall>")},
		{name: "a call without params", request: post("/RPC2", "<methodCall><methodName>supervisor.getAPIVersion</methodName></methodCall>")},
		{name: "XML cut short", request: post("/RPC2", state[:60])},
		{name: "a fault", request: post("/RPC2", strings.Replace(state, "getAPIVersion", "nosuch", 1))},
		{name: "XML with white space and comments", request: post("/RPC2", "\n<?xml version=\"1.0\"?>\n<!-- x -->\n<methodCall>\n <methodName>supervisor.getAPIVersion</methodName>\n <params>\n </params>\n</methodCall>\n"), accident: true},
		{name: "logtail of stdout", request: follow("/logtail/say/stdout"), seen: "to stdout\n"},
		{name: "logtail of stderr", request: follow("/logtail/say/stderr"), seen: "to stderr\n"},
		{name: "logtail without a channel", request: follow("/logtail/say"), seen: "to stdout\n"},
		{name: "logtail with HTTP/1.0", request: strings.Replace(get("/logtail/say/stdout"), "HTTP/1.1", "HTTP/1.0", 1), seen: "to stdout\n", accident: true},
		{name: "logtail of a group and name", request: follow("/logtail/say:say/stdout"), seen: "to stdout\n"},
		{name: "logtail escaped", request: follow("/logtail/say%3Asay/stdout"), seen: "to stdout\n"},
		{name: "logtail of an unknown process", request: get("/logtail/nosuch/stdout")},
		{name: "logtail of a whole group", request: get("/logtail/say:*/stdout")},
		{name: "logtail of an unknown channel", request: get("/logtail/say/stdin")},
		{name: "logtail of no log", request: get("/logtail/nolog/stdout")},
		{name: "logtail of nothing", request: get("/logtail"), accident: true},
		{name: "logtail of an empty name", request: get("/logtail/")},
		{name: "logtail of a longer path", request: get("/logtail/say/stdout/more")},
		{name: "mainlogtail", request: follow("/mainlogtail"), seen: "\n", differ: onlyHeaders},
		{name: "mainlogtail with a longer path", request: follow("/mainlogtail/x"), seen: "\n", differ: onlyHeaders},
		{name: "an unknown page", request: get("/nosuch.html")},
		{name: "an unknown page by HEAD", request: strings.Replace(get("/nosuch.html"), "GET", "HEAD", 1)},
		{name: "an unknown page by DELETE", request: strings.Replace(get("/nosuch.html"), "GET", "DELETE", 1)},
		{name: "a path that climbs", request: get("/../../etc/passwd"), accident: true},
		{name: "nonsense", request: "nonsense\r\n\r\n", accident: true},
		{name: "a request line of one word", request: "GET\r\n\r\n", accident: true},
		{name: "an unknown method", request: strings.Replace(get("/RPC2"), "GET", "BREW", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.accident {
				// Supervisor hangs, answers 500 or cuts the connection, or has a page for it.
				orderlyHTTP(t, p.hark.exchange(c.request, c.seen))
				return
			}
			python, hark := p.each(func(in *instance) string { return in.normal(in.exchange(c.request, c.seen)) })
			if c.differ != nil {
				c.differ(t, python, hark)
				return
			}
			compare(t, python, hark)
		})
	}
}

// orderlyHTTP wants an answer that is no 5xx.
func orderlyHTTP(t *testing.T, hark string) {
	t.Helper()
	if _, status, ok := strings.Cut(hark, " "); !ok || status[0] != '2' && status[0] != '4' {
		t.Errorf("Hark answers %s", hark)
	}
}

// onlyHeaders compares all but the bodies, which are the logs.
func onlyHeaders(t *testing.T, python, hark string) {
	t.Helper()
	head := func(s string) string { s, _, _ = strings.Cut(s, "\n\n"); return s }
	// The header keeps a proxy from holding lines back; Supervisor sends it with
	// /logtail only.
	compare(t, head(python), strings.Replace(head(hark), "X-Accel-Buffering: no\n", "", 1))
}

func TestHTTPAuthenticatesAlike(t *testing.T) {
	t.Parallel()
	conf := strings.Replace(baseConf, "file=DIR/s.sock\n", "file=DIR/s.sock\nusername=me\npassword={SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d\n", 1)
	p := preparePair(t, strings.Replace(conf, "[supervisorctl]\n", "[supervisorctl]\nusername=me\npassword=thepassword\n", 1))
	p.python.launch()
	p.hark.launch()
	go p.python.nudge()
	get := func(auth string) string {
		if auth != "" {
			auth = "Authorization: " + auth + "\r\n"
		}
		return "GET /nosuch HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + auth + "\r\n"
	}
	p.wait(func(in *instance) {
		testkit.Until(t, "it serves", func() bool {
			conn, err := net.Dial("unix", in.sock)
			if err == nil {
				_ = conn.Close()
			}
			return err == nil
		})
	})
	for _, c := range []struct{ name, auth string }{
		{"none", ""},
		{"the right one", "Basic bWU6dGhlcGFzc3dvcmQ="},
		{"another case", "bAsIc bWU6dGhlcGFzc3dvcmQ="},
		{"a wrong password", "Basic bWU6d3Jvbmc="},
		{"a wrong name", "Basic eW91OnRoZXBhc3N3b3Jk"},
		{"another scheme", "Bearer x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p.same(t, func(in *instance) string { return in.exchange(get(c.auth), "") })
		})
	}
	t.Run("a malformed value", func(t *testing.T) {
		orderlyHTTP(t, p.hark.exchange(get("Basic !"), ""))
	})
	for _, c := range []ctlCase{{args: "version", hark: version44}, {args: "-u me -p wrong status"}, {args: "-u me -p thepassword status"}} {
		t.Run("supervisorctl "+c.args, func(t *testing.T) {
			python, hark := p.each(func(in *instance) string { return in.normal(in.ctlWith("", strings.Fields(c.args)...)) })
			if c.hark != nil {
				python = c.hark(python)
			}
			compare(t, python, hark)
		})
	}
}
