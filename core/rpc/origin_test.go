package rpc

import (
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
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
