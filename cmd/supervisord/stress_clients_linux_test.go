package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// The names that clients of the stress test use, those that are there at the moment and others.
var (
	stressNames   = []string{"calm", "cat", "chatty", "stubborn", "crasher", "once", "missing", "many:03", "many:15", "many:*", "web", "web:0", "web:web", "pair:left", "pair:*", "ears", "ears:1", "moody", "deaf", "nobody", "nobody:*", ""}
	stressGroups  = []string{"cat", "chatty", "stubborn", "crasher", "once", "missing", "many", "web", "pair", "ears", "moody", "deaf", "nobody", "rpcinterface:faulty", "notifier:told", "notifier:mute", "notifier:refused", "logsink:kept", "logsink:stuck", "plugin:recorder"}
	stressGlobs   = []string{"all", "*", "many:*", "c*", "pair:*", "ears:*", "nobody", "cat"}
	stressLooks   = []string{"hark.getPlugins", "hark.getLogSinks", "hark.getEventListeners", "hark.previewUpdate", "hark.getProcessStats", "supervisor.getAllConfigInfo"}
	stressSignals = []string{"TERM", "HUP", "USR1", "KILL", "STOP", "CONT", "9", "NOSUCH"}
	stressPaths   = []string{"/", "/metrics", "/readyz", "/livez", "/healthz", "/events", "/mainlogtail", "/logtail/chatty/stdout", "/logtail/nobody/stderr", "/tail.html?processname=cat", "/index.html?processname=cat&action=restart", "/api/state", "/no/such/page"}
)

func pick(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }

// client is one of those that use the daemon all the time. What it does follows from its random numbers alone, the result
// does not.
type client struct {
	s    *stress
	r    *rand.Rand
	http *http.Client
	acts []act
	sum  int // of their weights
}

// act is something that a client does, in weight of sum cases.
type act struct {
	weight int
	do     func()
}

func (s *stress) client(number uint64) *client {
	c := &client{s: s, r: rand.New(rand.NewPCG(s.seed, number)), http: unixClient(s.in.sock)}
	c.http.Timeout = testkit.Patience
	r := c.r
	call := func(method string, args ...any) { _, _ = c.call(method, args...) }
	name := func() string { return pick(r, stressNames) }
	group := func() string { return pick(r, stressGroups) }
	globs := func() []any { return []any{pick(r, stressGlobs)} }
	wait := func() bool { return r.IntN(2) == 0 }
	c.acts = []act{
		{12, c.update},
		{6, func() { call("supervisor.reloadConfig") }},
		{8, func() { call("supervisor.addProcessGroup", group()) }},
		{8, func() { call("supervisor.removeProcessGroup", group()) }},
		{8, func() { call("supervisor.startProcess", name(), wait()) }},
		{8, func() { call("supervisor.stopProcess", name(), wait()) }},
		{3, func() { call("supervisor.startProcessGroup", group(), wait()) }},
		{3, func() { call("supervisor.stopProcessGroup", group(), wait()) }},
		{1, func() { call("supervisor.stopAllProcesses", wait()) }},
		{2, func() { call("supervisor.startAllProcesses", wait()) }},
		{3, func() { call("hark.startProcesses", globs(), wait()) }},
		{3, func() { call("hark.stopProcesses", append(globs(), globs()...), wait()) }},
		{3, func() { call("hark.restartProcesses", globs()) }},
		{6, func() { call("supervisor.signalProcess", name(), pick(r, stressSignals)) }},
		{2, func() { call("supervisor.signalProcessGroup", group(), pick(r, stressSignals)) }},
		{1, func() { call("hark.signalProcesses", globs(), pick(r, stressSignals)) }},
		{6, func() { call("supervisor.readProcessStdoutLog", name(), r.IntN(5000)-1000, r.IntN(50000)) }},
		{3, func() { call("supervisor.tailProcessStderrLog", name(), r.IntN(5000), r.IntN(50000)) }},
		{2, func() { call("supervisor.readLog", -r.IntN(100000), 0) }},
		{2, func() { call("supervisor.clearProcessLogs", name()) }},
		{1, func() { call("supervisor.clearAllProcessLogs") }},
		{3, func() { call("supervisor.sendProcessStdin", name(), strings.Repeat("x", r.IntN(100000))) }},
		{4, func() { call("supervisor.sendRemoteCommEvent", "kind", strings.Repeat("y", r.IntN(5000))) }},
		{4, func() { call("supervisor.getAllProcessInfo") }},
		{2, func() { call("hark.waitProcesses", globs(), []any{"RUNNING"}, 0.1) }},
		{3, func() { call(pick(r, stressLooks)) }},
		{2, func() { call("hark.restartPlugin", pick(r, []string{"faulty", "recorder", "neveracks", "refuser"})) }},
		{2, func() { call(pick(r, []string{"faulty.echo", "faulty.fault", "faulty.crash"})) }},
		{1, func() { call("hark.testNotifier", pick(r, []string{"told", "refused"})) }},
		{2, func() {
			call("system.multicall", []any{one("supervisor.getState"), one("supervisor.stopProcess", name()), one("supervisor.startProcess", name())})
		}},
		{8, c.hangUp},
		{4, c.get},
	}
	for _, a := range c.acts {
		c.sum += a.weight
	}
	return c
}

// run acts until over is closed or the daemon is gone.
func (c *client) run(over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-c.s.in.exited:
			return
		default:
		}
		n := c.r.IntN(c.sum)
		for _, a := range c.acts {
			if n -= a.weight; n < 0 {
				a.do()
				break
			}
		}
	}
}

// call makes a call that is answered, by whatever, or that ends because the daemon does. What takes longer than patience is a failure:
// something stands still.
func (c *client) call(method string, args ...any) (any, error) {
	c.s.calls.Add(1)
	v, err := rpcCall(c.http, "http://unix/RPC2", method, args...)
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		c.s.standsStill(fmt.Sprintf("%s%.200v", method, args))
	}
	return v, err
}

// one is a call within a multicall.
func one(method string, args ...any) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "methodName", Value: method}, {Name: "params", Value: append([]any{}, args...)}}
}

// update does what supervisorctl update does.
func (c *client) update() {
	v, err := c.call("supervisor.reloadConfig")
	if err != nil {
		return
	}
	names := func(i int) []any { return v.([]any)[0].([]any)[i].([]any) }
	for _, name := range slices.Concat(names(2), names(1)) { // removed and changed
		_, _ = c.call("supervisor.stopProcessGroup", name)
		_, _ = c.call("supervisor.removeProcessGroup", name)
	}
	for _, name := range slices.Concat(names(1), names(0)) {
		_, _ = c.call("supervisor.addProcessGroup", name)
	}
}

// hangUp begins a request and goes away, at any point of it: before its end, or before its answer.
func (c *client) hangUp() {
	name := pick(c.r, stressNames)
	request := []byte("GET " + pick(c.r, stressPaths) + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if c.r.IntN(3) > 0 {
		method, args := "hark.waitProcesses", []any{pick(c.r, stressGlobs), []any{"FATAL"}, 3600.0}
		switch c.r.IntN(6) {
		case 0:
			method, args = "supervisor.addProcessGroup", []any{pick(c.r, stressGroups)}
		case 1:
			method, args = "supervisor.stopProcess", []any{name}
		case 2:
			method, args = "supervisor.startProcess", []any{name}
		case 3:
			method, args = "supervisor.reloadConfig", nil
		}
		body, err := xmlrpc.AppendCall(nil, method, args...)
		if err != nil {
			c.s.t.Error(err)
		}
		request = fmt.Appendf(nil, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	if c.r.IntN(3) == 0 {
		request = request[:c.r.IntN(len(request))]
	}
	conn, err := net.Dial("unix", c.s.in.sock)
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // it is broken off
	_, _ = conn.Write(request)
	if stay := c.r.IntN(3); stay > 0 {
		_ = conn.SetReadDeadline(time.Now().Add(time.Duration(stay*c.r.IntN(200)) * time.Millisecond))
		_, _ = io.CopyN(io.Discard, conn, int64(c.r.IntN(20000)))
	}
}

// get gets a page, or the beginning of a stream.
func (c *client) get() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.r.IntN(500))*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://unix"+pick(c.r, stressPaths), http.NoBody)
	if err != nil {
		c.s.t.Error(err)
		return
	}
	if resp, err := c.http.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}
