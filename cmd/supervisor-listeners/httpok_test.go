package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/client"
)

// site answers with what its path says: /STATUS, with its query as the body.
func site(t *testing.T, secure bool) *httptest.Server {
	release := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		switch _, _ = fmt.Sscanf(r.URL.Path, "/%d", &status); {
		case r.Header.Get("User-Agent") != "httpok":
			status = http.StatusTeapot
		case status == 302:
			w.Header().Set("Location", "/200")
		case status == 0:
			select {
			case <-release:
			case <-r.Context().Done():
			}
			return
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, r.URL.RawQuery)
	})
	s := httptest.NewUnstartedServer(handler)
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	return s
}

func TestHTTPOK(t *testing.T) {
	web, secure := site(t, false), site(t, true)
	restarted := []string{"stop foo", "start foo"}
	fault := &client.Fault{Code: client.Failed, String: "FAILED"}
	for name, c := range map[string]struct {
		h      httpok
		url    string
		faults map[string]error
		did    []string
		mailed []string
	}{
		"all is well":               {httpok{programs: []string{"foo"}}, web.URL + "/200", nil, nil, nil},
		"a bad status":              {httpok{programs: []string{"foo"}}, web.URL + "/500", nil, restarted, []string{"Subject: httpok: URL: bad status returned\n\nstatus contacting URL: 500 Internal Server Error\nRestarting selected processes ['foo']\nfoo is in RUNNING state, restarting\nfoo restarted\n"}},
		"a status asked for":        {httpok{programs: []string{"foo"}, statuses: []int{301, 500}}, web.URL + "/500", nil, nil, nil},
		"200 when not asked for":    {httpok{programs: []string{"foo"}, statuses: []int{301}}, web.URL + "/200", nil, restarted, nil},
		"a redirect":                {httpok{programs: []string{"foo"}}, web.URL + "/302", nil, restarted, nil},
		"the body has it":           {httpok{programs: []string{"foo"}, body: "hello"}, web.URL + "/200?say=hello", nil, nil, nil},
		"the body lacks it":         {httpok{programs: []string{"foo"}, body: "hello", name: "me"}, web.URL + "/200?bye", nil, restarted, []string{"Subject: httpok [me]: URL: bad body returned\n\nstatus contacting URL: 200 OK\n"}},
		"https of its own":          {httpok{programs: []string{"foo"}}, secure.URL + "/200", nil, nil, nil},
		"https to be verified":      {httpok{programs: []string{"foo"}, verifyTLS: true}, secure.URL + "/200", nil, restarted, []string{"error contacting URL:\n\n "}},
		"a namespec":                {httpok{programs: []string{"g:bar"}}, web.URL + "/500", nil, []string{"stop g:bar", "start g:bar"}, nil},
		"any":                       {httpok{any: true}, web.URL + "/500", nil, []string{"stop foo", "start foo", "stop g:bar", "start g:bar"}, []string{"Restarting all running processes\nfoo is", "g:off not in RUNNING state, NOT restarting"}},
		"one that does not run":     {httpok{programs: []string{"off"}}, web.URL + "/500", nil, nil, []string{"g:off not in RUNNING state, NOT restarting\n"}},
		"one that is not there":     {httpok{programs: []string{"foo", "nobody", "g:no"}}, web.URL + "/500", nil, restarted, []string{"Programs not restarted because they did not exist: ['nobody', 'g:no']\n"}},
		"a stop that fails":         {httpok{programs: []string{"foo"}}, web.URL + "/500", map[string]error{"stop foo": fault}, restarted, []string{"Failed to stop process foo: FAILED"}},
		"a start that fails":        {httpok{programs: []string{"foo"}}, web.URL + "/500", map[string]error{"start foo": fault}, restarted, []string{"Failed to start process foo: FAILED"}},
		"not eager, none running":   {httpok{programs: []string{"off"}, timeout: -1}, web.URL + "/500", nil, nil, nil},
		"not eager, one running":    {httpok{programs: []string{"off", "foo"}, timeout: -1}, web.URL + "/500", nil, restarted, nil},
		"a core before the restart": {httpok{programs: []string{"foo"}, coredir: "/cores", gcore: "echo dumping"}, web.URL + "/500", nil, restarted, []string{"gcore output for foo:\n\n dumping /cores/foo 11\n\nfoo is in"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.env = map[string]string{"SUPERVISOR_PROCESS_NAME": "httpok", "SUPERVISOR_GROUP_NAME": "httpok"}
			command, file := sendmail(t)
			rpc := &fakeSupervisord{faults: c.faults, processes: []client.ProcessInfo{
				process("foo", "foo", 11), process("g", "bar", 12), process("g", "off", 0), process("httpok", "httpok", 13)}}
			h := c.h
			h.eager = h.timeout >= 0
			h.timeout = 30
			h.s, h.rpc, h.url, h.retryTime = b.surroundings, rpc, c.url, time.Hour
			h.mail = mailer{s: b.surroundings, sendmail: command, to: []string{"me@x"}}
			if h.statuses == nil {
				h.statuses = []int{200}
			}
			if err := h.check(context.Background()); err != nil || !slices.Equal(rpc.did, c.did) {
				t.Errorf("did %v, want %v; %v; logged %s", rpc.did, c.did, err, b.stderr.String())
			}
			got := strings.ReplaceAll(read(t, file), c.url, "URL")
			if (got != "") != (c.did != nil || c.mailed != nil) {
				t.Errorf("mailed %q", got)
			}
			for _, want := range c.mailed {
				if !strings.Contains(got, want) {
					t.Errorf("mailed %q, want %q", got, want)
				}
			}
		})
	}
}

func TestHTTPOKWithASiteThatDoesNotAnswer(t *testing.T) {
	rpc := &fakeSupervisord{processes: []client.ProcessInfo{process("foo", "foo", 11)}}
	h := httpok{s: newBench().surroundings, rpc: rpc, url: site(t, false).URL, programs: []string{"foo"}, eager: true, timeout: 1, statuses: []int{200}, retryTime: time.Hour}
	if err := h.check(context.Background()); err != nil || len(rpc.did) != 2 {
		t.Errorf("did %v, %v", rpc.did, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.check(ctx); !errors.Is(err, context.Canceled) || len(rpc.did) != 2 {
		t.Errorf("when stopping: did %v, %v", rpc.did, err)
	}
}

func TestHTTPOKTriesAgainWhereNobodyListensYet(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	rpc := &fakeSupervisord{processes: []client.ProcessInfo{process("foo", "foo", 11)}}
	h := httpok{s: newBench().surroundings, rpc: rpc, url: "http://" + address, programs: []string{"foo"}, eager: true, timeout: 1000, statuses: []int{200}, retryTime: time.Millisecond}
	up := make(chan *http.Server, 1)
	go func() {
		l, err := net.Listen("tcp", address)
		if err != nil {
			close(up)
			return
		}
		s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})} //nolint:gosec // a test
		up <- s
		_ = s.Serve(l)
	}()
	if err := h.check(context.Background()); err != nil || len(rpc.did) != 0 {
		t.Errorf("did %v, %v", rpc.did, err)
	}
	if s := <-up; s != nil {
		_ = s.Close()
	}
}

func TestHTTPOKsOptions(t *testing.T) {
	for _, args := range []string{"", "-t x http://x", "-c x http://x", "ftp://x", "http://x http://y", "-z http://x"} {
		if b := newBench().run(append([]string{"httpok"}, strings.Fields(args)...)...); b.status != 255 || b.stderr.String() == "" {
			t.Errorf("%q: %d, %s", args, b.status, b.stderr.String())
		}
	}
	b := newBench(recorded{"PROCESS_STATE_EXITED", crash}) // no tick, so nobody is called
	b.env["SUPERVISOR_SERVER_URL"] = "unix:///nonexistent"
	b.run("httpok", "-p", "program1", "-p", "group1:program2", "-a", "-g", "gcore", "-d", "/tmp", "-t", "20", "-c", "200", "-c", "201", "-b", "in", "-m", "a@b", "-s", "sendmail", "-e", "-E", "-n", "me", "http://localhost:8080/tasty")
	if b.status != 0 || b.results() != "OK" {
		t.Errorf("%d, %q, %s", b.status, b.results(), b.stderr.String())
	}
}
