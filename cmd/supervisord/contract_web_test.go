package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// follow asks for an action of the page and gives the status and the message that it leads to.
func (in *instance) follow(query string) (int, string) {
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", in.sock)
	}}
	client := &http.Client{Transport: transport, Timeout: testkit.Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get("http://localhost/index.html?" + query)
	if err != nil {
		in.t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // only its header counts
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		in.t.Fatal(err)
	}
	return resp.StatusCode, to.Query().Get("message")
}

func TestPageActionsAlike(t *testing.T) {
	t.Parallel()
	p := startPair(t, `
[program:idle]
command=/bin/cat
autostart=false
startsecs=0
[program:gone]
command=/does/not/exist
autostart=false
[program:text]
command=/etc/passwd
autostart=false
[program:many]
command=/bin/cat
process_name=%(program_name)s_%(process_num)d
numprocs=2
autostart=false
startsecs=0
`)
	for _, query := range []string{
		"processname=idle&action=start", "processname=idle&action=start", "processname=idle&action=restart",
		"processname=idle&action=stop", "processname=idle&action=stop", "processname=idle&action=clearlog",
		"processname=idle:idle&action=restart", "processname=gone&action=start", "processname=text&action=start", "processname=nosuch&action=start",
		"processname=many%3Amany_1&action=start", "processname=many:nosuch&action=stop", "processname=many&action=stop",
	} {
		t.Run(query, func(t *testing.T) {
			type result struct {
				status  int
				message string
			}
			var python, hark result
			python.status, python.message = p.python.follow(query)
			hark.status, hark.message = p.hark.follow(query)
			if python != hark {
				t.Errorf("Supervisor: %+v, Hark: %+v", python, hark)
			}
		})
	}
	for query, begins := range map[string]string{"action=refresh": "Page refreshed at ", "action=stopall": "All stopped at ", "action=restartall": "All restarted at "} {
		const layout = "Mon Jan _2 15:04:05 2006"
		for _, in := range []*instance{p.python, p.hark} {
			status, message := in.follow(query)
			if len(message) < len(begins) || message[:len(begins)] != begins || status != http.StatusMovedPermanently {
				t.Errorf("%s: %d %q", query, status, message)
				continue
			}
			if _, err := time.Parse(layout, message[len(begins):]); err != nil {
				t.Errorf("%s: %v", query, err)
			}
		}
	}
}
