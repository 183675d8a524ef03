package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// fakeServer answers on a unix socket what a test wants it to. It returns the
// server's URL.
func fakeServer(t *testing.T, handler http.HandlerFunc) string {
	path := filepath.Join(testkit.Dir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: testkit.Patience}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return "unix://" + path
}

// methods is a server that answers each method what stands in the table: a
// value, a fault, or a function of the response.
type methods map[string]any

func (m methods) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	req.Body = io.NopCloser(bytes.NewReader(body))
	method, _, _ := xmlrpc.DecodeCall(body)
	v, ok := m[method]
	if !ok {
		v = &xmlrpc.Fault{Code: faultUnknownMethod, String: "UNKNOWN_METHOD"}
	}
	var answer []byte
	switch v := v.(type) {
	case *xmlrpc.Fault:
		answer = xmlrpc.AppendFault(nil, v)
	case func(w http.ResponseWriter, req *http.Request):
		v(w, req)
		return
	default:
		answer, _ = xmlrpc.AppendResponse(nil, v)
	}
	_, _ = w.Write(answer)
}

// hijacked writes bytes to the connection and closes it.
func hijacked(text string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

// ctl runs supervisorctl in this process, without a configuration unless one is
// given.
func ctl(t *testing.T, stdin string, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // a pipe
	go func() {
		_, _ = io.WriteString(w, stdin)
		_ = w.Close()
	}()
	var out, errs bytes.Buffer
	if !slices.Contains(args, "-c") {
		args = append([]string{"-c", ""}, args...)
	}
	status = command(append([]string{"supervisorctl"}, args...), streams{r, &out, &errs})
	return out.String(), errs.String(), status
}

func processes(n int) []xmlrpc.Struct {
	var list []xmlrpc.Struct
	for i := range n {
		list = append(list, xmlrpc.Struct{
			{Name: "name", Value: fmt.Sprintf("p_%04d", i)}, {Name: "group", Value: "p"}, {Name: "start", Value: 0}, {Name: "stop", Value: 0},
			{Name: "now", Value: 1}, {Name: "state", Value: stateRunning}, {Name: "statename", Value: "RUNNING"}, {Name: "spawnerr", Value: ""},
			{Name: "exitstatus", Value: 0}, {Name: "logfile", Value: ""}, {Name: "stdout_logfile", Value: ""}, {Name: "stderr_logfile", Value: ""},
			{Name: "pid", Value: 100 + i}, {Name: "description", Value: fmt.Sprintf("pid %d, uptime 0:00:01", 100+i)},
		})
	}
	return list
}

func TestStatusOfAThousandProcesses(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, methods{"supervisor.getVersion": apiVersion, "supervisor.getAllProcessInfo": processes(1000)}.ServeHTTP)
	var want strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&want, "p:p_%04d                         RUNNING   pid %d, uptime 0:00:01\n", i, 100+i)
	}
	out, errs, status := ctl(t, "", "-s", url, "status")
	if out != want.String() || errs != "" || status != 0 {
		t.Errorf("status %d, standard error %q, output:\n%.300s", status, errs, out)
	}
}

func BenchmarkDecodeAThousandProcesses(b *testing.B) {
	doc, err := xmlrpc.AppendResponse(nil, processes(1000))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		v, err := xmlrpc.DecodeResponse(doc)
		if err == nil {
			_, err = decode[[]processInfo](v)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// refusedTwice is what Supervisor says when nobody can be asked for a password.
const refusedTwice = "Server requires authentication\nerror: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 401 Unauthorized>\n"

var (
	// placeInSource is what Python adds to an exception.
	placeInSource = regexp.MustCompile(`(?m): file: \S+ line: \d+$`)
	// ownWords are ours: Python meets these answers with an accident of its own.
	ownWords = regexp.MustCompile(`the (server|answer)|expat|\[\^'\]`)
)

// supervisorsCtl runs Supervisor's supervisorctl with each of the command lines;
// Python starts once.
func supervisorsCtl(t *testing.T, lines [][]string) (results []struct {
	Out    string
	Status int
}) {
	t.Helper()
	const script = `
import json, os, sys, tempfile
from supervisor import supervisorctl
results = []
for line in json.loads(sys.argv[1]):
    out = tempfile.TemporaryFile()
    pid = os.fork()
    if pid == 0:
        sys.stdout = os.fdopen(os.dup(out.fileno()), "w", 1)
        try:
            supervisorctl.main(line)
        except SystemExit as e:
            os._exit(e.code or 0)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    out.seek(0)
    results.append({"Out": out.read().decode(), "Status": status})
print(json.dumps(results))
`
	arg, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/usr/bin/python3", "-c", script, string(arg)).Output()
	if err == nil {
		err = json.Unmarshal(out, &results)
	}
	if err != nil || len(results) != len(lines) {
		t.Fatalf("%v: %s; make test installs what the tests need", err, out)
	}
	return results
}

// TestServersThatAreNotWhatTheyShouldBe asks Supervisor's supervisorctl too,
// where it has words of its own.
func TestServersThatAreNotWhatTheyShouldBe(t *testing.T) {
	t.Parallel()
	const up = "supervisor.getVersion"
	short := func(text string) func(http.ResponseWriter, *http.Request) { return hijacked(text) }
	cases := []struct {
		name   string
		server methods
		args   string
		stdout string // a regular expression of all of it
		hint   string // what standard error must hold; "" for nothing at all
		status int
	}{
		{"another API version", methods{up: "9.9"}, "status",
			`Sorry, this version of supervisorctl expects to talk to a server with API version 3\.0, but the remote version is 9\.9\.\n`, "hint: use the supervisorctl", exitStatusUnknown},
		{"another API version, start", methods{up: "9.9"}, "start x",
			`Sorry, this version of supervisorctl .*\n`, "hint: use the supervisorctl", exitNotInstalled},
		{"no supervisor namespace", methods{}, "pid",
			`Sorry, supervisord responded but did not recognize the supervisor namespace .*\n`, "", exitUnimplementedFeature},
		{"a password is wanted", methods{up: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }}, "status",
			refusedTwice, "hint: give -u NAME", exitGeneric},
		{"an internal error", methods{up: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }}, "status",
			"error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 500 Internal Server Error>\n", "hint: look into", exitGeneric},
		{"a web server", methods{up: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }}, "status",
			"error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 404 Not Found>\n", "check serverurl", exitGeneric},
		{"a redirection is not followed", methods{up: func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, "/other", http.StatusFound) }}, "status",
			"error: <class 'xmlrpc.client.ProtocolError'>, <ProtocolError for 127.0.0.1/RPC2: 302 Found>\n", "check serverurl", exitGeneric},
		{"it says nothing and goes", methods{up: short("")}, "status",
			"error: <class 'http.client.RemoteDisconnected'>, Remote end closed connection without response\n", "hint: the server went away", exitGeneric},
		{"it goes in the middle of an answer", methods{up: short("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<?xml")}, "status",
			"error: <class 'http.client.IncompleteRead'>, IncompleteRead\\(5 bytes read, 95 more expected\\)\n", "hint: the server went away", exitGeneric},
		{"what it says is no HTTP", methods{up: short("SSH-2.0-OpenSSH\r\n")}, "status",
			"error: <class '[^']+'>, .*\n", "hint: ", exitGeneric},
		{"what it says is no XML", methods{up: short("HTTP/1.0 200 OK\r\n\r\nhello")}, "status",
			"error: <class 'xml.parsers.expat.ExpatError'>, .*\n", "hint: ", exitGeneric},
		{"an answer larger than anybody's", methods{up: short("HTTP/1.0 200 OK\r\nContent-Length: 999999999999\r\n\r\nhello")}, "status",
			"error: <class 'ValueError'>, the answer is larger than \\d+ bytes\n", "hint: ", exitGeneric},
		{"values of the wrong type", methods{up: apiVersion, "supervisor.getAllProcessInfo": 5}, "status",
			"error: <class 'ValueError'>, the server answered int where a list was expected\n", "", exitGeneric},
		{"values that are missing", methods{up: apiVersion, "supervisor.getAllProcessInfo": []xmlrpc.Struct{{{Name: "name", Value: "x"}}}}, "status",
			"error: <class 'ValueError'>, the server's answer has no 'group'\n", "", exitGeneric},
		{"a fault nobody expects", methods{up: apiVersion, "supervisor.getAllProcessInfo": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "status",
			"error: <class 'xmlrpc.client.Fault'>, <Fault 6: 'SHUTDOWN_STATE'>\n", "", exitGeneric},
		{"a result nobody knows", methods{up: apiVersion, "supervisor.startProcess": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "start a:b",
			"error: <class 'ValueError'>, Unknown result code 6 for a:b\n", "", exitGeneric},
		{"it shuts down: avail", methods{"supervisor.getAllConfigInfo": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "avail",
			"ERROR: supervisor shutting down\n", "", exitGeneric},
		{"it shuts down: add", methods{"supervisor.addProcessGroup": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "add x y",
			"ERROR: shutting down\nERROR: shutting down\n", "", exitGeneric},
		{"it shuts down: reread", methods{"supervisor.reloadConfig": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "reread",
			"ERROR: supervisor shutting down\n", "", exitGeneric},
		{"it shuts down: update", methods{"supervisor.reloadConfig": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "update",
			"ERROR: already shutting down\n", "", exitGeneric},
		{"it shuts down: shutdown", methods{"supervisor.shutdown": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "shutdown",
			"ERROR: already shutting down\n", "", exitSuccess},
		{"it shuts down: reload", methods{"supervisor.restart": &xmlrpc.Fault{Code: 6, String: "SHUTDOWN_STATE"}}, "reload",
			"ERROR: already shutting down\n", "", exitGeneric},
		{"a group that will not stop", methods{
			"supervisor.reloadConfig":     []any{[]any{[]any{}, []any{}, []any{"g"}}},
			"supervisor.stopProcessGroup": []xmlrpc.Struct{{{Name: "name", Value: "p"}, {Name: "group", Value: "g"}, {Name: "status", Value: faultFailed}, {Name: "description", Value: "no"}}},
		}, "update", "g: stopped\ng: has problems; not removing\n", "", exitGeneric},
		{"a stop that fails", methods{up: apiVersion,
			"supervisor.stopAllProcesses": []xmlrpc.Struct{{{Name: "name", Value: "p"}, {Name: "group", Value: "g"}, {Name: "status", Value: faultFailed}, {Name: "description", Value: "its own words"}}},
		}, "stop all", "its own words\n", "", exitGeneric},
		{"reread without an answer", methods{"supervisor.reloadConfig": []any{}}, "reread",
			"error: <class 'ValueError'>, the server's answer is not three lists of groups\n", "", exitGeneric},
	}
	urls := make([]string, len(cases))
	lines := make([][]string, len(cases))
	for i, c := range cases {
		urls[i] = fakeServer(t, c.server.ServeHTTP)
		lines[i] = append([]string{"-c", "", "-s", urls[i]}, strings.Fields(c.args)...)
	}
	supervisors := supervisorsCtl(t, lines)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if said := supervisors[i]; !ownWords.MatchString(c.stdout) {
				out := placeInSource.ReplaceAllString(said.Out, "")
				if !regexp.MustCompile(`\A`+c.stdout+`\z`).MatchString(out) || said.Status != c.status {
					t.Errorf("Supervisor's supervisorctl prints %q, status %d", out, said.Status)
				}
			}
			out, errs, status := ctl(t, "", lines[i]...)
			if !regexp.MustCompile(`\A` + c.stdout + `\z`).MatchString(out) {
				t.Errorf("it printed %q", out)
			}
			if c.hint == "" && errs != "" || !strings.Contains(errs, c.hint) || strings.Count(errs, "\n") > 1 {
				t.Errorf("on standard error: %q", errs)
			}
			if status != c.status {
				t.Errorf("status %d instead of %d", status, c.status)
			}
		})
	}
}

// TestForegroundEndsWithTheProcess: the effect of a line that is typed to it.
func TestForegroundEndsWithTheProcess(t *testing.T) {
	t.Parallel()
	running, ended := processes(1)[0], processes(1)[0]
	ended[5].Value = stateExited
	for _, c := range []struct {
		name  string
		infos []any // the answers to getProcessInfo, the last one forever
		sent  any   // the answer to sendProcessStdin
		said  string
	}{
		{"it was gone already", []any{running}, &xmlrpc.Fault{Code: faultNotRunning, String: "NOT_RUNNING"}, "Process got killed\n"},
		{"it ends of it", []any{running, ended}, true, "Process got killed\n"},
		{"it does not read", []any{running}, &xmlrpc.Fault{Code: faultNoFile, String: "NO_FILE: x"}, "ERROR: <Fault 20: 'NO_FILE: x'>\n"},
		{"it goes on", []any{running}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			url := fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
				if req.Method == http.MethodGet {
					w.WriteHeader(http.StatusNotFound)
					return
				}
				methods{"supervisor.getVersion": apiVersion, "supervisor.sendProcessStdin": c.sent,
					"supervisor.getProcessInfo": func(w http.ResponseWriter, _ *http.Request) {
						i := min(int(asked.Add(1)), len(c.infos)) - 1
						answer, _ := xmlrpc.AppendResponse(nil, c.infos[i])
						_, _ = w.Write(answer)
					}}.ServeHTTP(w, req)
			})
			out, _, status := ctl(t, "one\ntwo", "-s", url, "fg", "x")
			if want := followNotice + "\n" + c.said + "Exiting foreground\n"; out != want || status != 0 {
				t.Errorf("status %d, output %q", status, out)
			}
		})
	}
}

// TestNameAndPassword: they are shown only where both are there, and an
// interactive supervisorctl asks for them.
func TestNameAndPassword(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
		name, password, _ := req.BasicAuth()
		if name != "joe" || password != "secret:é" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		methods{"supervisor.getVersion": apiVersion, "supervisor.getPID": 7}.ServeHTTP(w, req)
	})
	for _, c := range []struct {
		args   []string
		out    string
		status int
	}{
		{[]string{"-u", "joe", "-p", "secret:é", "pid"}, "7\n", exitSuccess},
		{[]string{"-u", "joe", "pid"}, refusedTwice, exitGeneric},
		{[]string{"-p", "secret:é", "pid"}, refusedTwice, exitGeneric},
		{[]string{"-u", "joe", "-p", "wrong", "pid"}, refusedTwice, exitGeneric},
	} {
		out, errs, status := ctl(t, "", append([]string{"-s", url}, c.args...)...)
		if out != c.out || status != c.status {
			t.Errorf("%v: %q, status %d", c.args, out, status)
		}
		if strings.Contains(out+errs, "secret") || strings.Contains(out+errs, "wrong") {
			t.Errorf("%v shows the password: %q", c.args, out+errs)
		}
	}
}

// TestSilentServers: a call ends when the server does not answer within its
// patience; one that waits for processes goes on as long as the server lives.
func TestSilentServers(t *testing.T) {
	t.Parallel()
	var c *client
	release := make(chan struct{})
	silent := func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-release:
		}
	}
	t.Run("none of its calls is answered", func(t *testing.T) {
		c = newClient(fakeServer(t, silent), nil, nil)
		c.patience = 50 * time.Millisecond
		defer c.close()
		if _, err := c.call(context.Background(), "supervisor.getPID"); err != errTimeout {
			t.Errorf("call: %v", err)
		}
		if _, err := c.wait(context.Background(), "supervisor.startProcess", "x"); err != errTimeout {
			t.Errorf("wait: %v", err)
		}
	})
	t.Run("it is alive and at work", func(t *testing.T) {
		asked := make(chan struct{}, 100)
		server := methods{
			"supervisor.getVersion": func(w http.ResponseWriter, _ *http.Request) {
				asked <- struct{}{}
				answer, _ := xmlrpc.AppendResponse(nil, apiVersion)
				_, _ = w.Write(answer)
			},
			"supervisor.startProcess": func(w http.ResponseWriter, req *http.Request) {
				for range 3 { // it has outlasted the patience of three calls
					<-asked
				}
				answer, _ := xmlrpc.AppendResponse(nil, true)
				_, _ = w.Write(answer)
			},
		}
		c = newClient(fakeServer(t, server.ServeHTTP), nil, nil)
		c.patience = 500 * time.Millisecond
		defer c.close()
		if v, err := c.wait(context.Background(), "supervisor.startProcess", "x"); v != true || err != nil {
			t.Errorf("wait: %v, %v", v, err)
		}
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		c = newClient(fakeServer(t, silent), nil, nil)
		defer c.close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := c.call(ctx, "supervisor.getPID"); err != errInterrupted {
			t.Errorf("call: %v", err)
		}
	})
	close(release)
}
