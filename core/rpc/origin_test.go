package rpc

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/streams"
)

func TestPagesOfOtherSitesCannotCall(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) {
		o.Servers[0].Username, o.Servers[0].Password = "u", config.NewSecret("p")
	})
	call := callXML(t, "supervisor.getState")
	for _, tt := range []struct {
		name    string
		headers []string
		status  int
	}{
		{"no browser", nil, 200},
		{"the page", []string{"Sec-Fetch-Site: same-origin", "Origin: http://localhost"}, 200},
		{"the page, behind a proxy", []string{"Sec-Fetch-Site: same-origin", "Origin: https://admin.test"}, 200},
		{"the page in an older browser", []string{"Origin: http://LocalHost"}, 200},
		{"another site", []string{"Sec-Fetch-Site: cross-site", "Origin: http://evil.test", "Content-Type: text/plain"}, 403},
		{"another site that says nothing else", []string{"Sec-Fetch-Site: cross-site"}, 403},
		{"a neighbour", []string{"Sec-Fetch-Site: same-site", "Origin: http://localhost:8000"}, 403},
		{"another site in an older browser", []string{"Origin: http://evil.test", "Content-Type: text/plain"}, 403},
		{"another port", []string{"Origin: http://localhost:8000"}, 403},
		{"a sandboxed frame", []string{"Origin: null"}, 403},
		{"no page, but an origin", []string{"Sec-Fetch-Site: none", "Origin: http://evil.test"}, 403},
		{"no address", []string{"Origin: http://%zz"}, 403},
	} {
		resp, body := exchange(t, dial(t, h), post(call, append(tt.headers, basic("u", "p"))...))
		if resp.StatusCode != tt.status || strings.Contains(body, "RUNNING") != (tt.status == 200) {
			t.Errorf("%s: got %d %q", tt.name, resp.StatusCode, body)
		}
	}
	if resp, _ := exchange(t, dial(t, h), post(call, "Origin: http://evil.test")); resp.StatusCode != 401 {
		t.Errorf("without a password: %d", resp.StatusCode)
	}
	if got := h.log.with("made a browser send is refused"); len(got) != 8 || !strings.HasPrefix(got[0], "WARN ") {
		t.Errorf("logged %q", got)
	}
}

// noStreams answers who gets as far as to ask for one.
type noStreams struct{}

func (noStreams) Open(context.Context, streams.Request) (*streams.Stream, error) {
	return nil, errTest
}

func TestPagesOfOtherSitesCannotHoldStreams(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) {
		o.Servers[0].Username, o.Servers[0].Password = "u", config.NewSecret("p")
		o.Streams = noStreams{}
	})
	h.sup.mainLog = filepath.Join(t.TempDir(), "main.log")
	if err := os.WriteFile(h.sup.mainLog, []byte("a line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, tt := range []struct {
		name    string
		headers []string
		ok      bool
	}{
		{"no browser", nil, true},
		{"the page", []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Dest: empty"}, true},
		{"the page in an older browser", []string{"Referer: http://localhost/", "Accept: text/event-stream"}, true},
		{"typed in", []string{"Sec-Fetch-Site: none", "Sec-Fetch-Dest: document"}, true},
		{"a link of another site", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, true},
		{"a link of another site, in an older browser", []string{"Referer: http://wiki.test/", "Accept: text/html,*/*"}, true},
		{"an EventSource of another site", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: empty", "Origin: http://evil.test"}, false},
		{"an EventSource of a neighbour", []string{"Sec-Fetch-Site: same-site", "Sec-Fetch-Dest: empty", "Origin: http://localhost:8000"}, false},
		{"an EventSource in an older browser", []string{"Origin: http://evil.test", "Accept: text/event-stream"}, false},
		{"one of a sandboxed frame", []string{"Origin: null"}, false},
		{"an image", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"}, false},
		{"an image in an older browser", []string{"Referer: http://evil.test/", "Accept: image/avif,*/*;q=0.8"}, false},
		{"a frame", []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"}, false},
	} {
		for _, path := range []string{"/events", "/mainlogtail"} {
			lines := append([]string{"GET " + path + " HTTP/1.1", "Host: localhost", basic("u", "p")}, tt.headers...)
			c := dial(t, h)
			if _, err := c.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n")); err != nil {
				t.Fatal(err)
			}
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			want := 403
			if tt.ok {
				want = map[string]int{"/events": 503, "/mainlogtail": 200}[path]
			}
			if resp.StatusCode != want {
				t.Errorf("%s, %s: %d", path, tt.name, resp.StatusCode)
			}
			if want == 200 && resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s, %s: %v", path, tt.name, resp.Header)
			}
			if !tt.ok {
				refused++
			}
			_ = c.Close()
		}
	}
	if got := h.log.with("made a browser send is refused"); len(got) != refused {
		t.Errorf("logged %q", got)
	}
}
