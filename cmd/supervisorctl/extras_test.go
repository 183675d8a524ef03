package main

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// noting is a server whose calls are noted, with their first argument.
func noting(t *testing.T, table methods) (url string, called func() []string) {
	var mu sync.Mutex
	var all []string
	url = fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(body))
		method, args, _ := xmlrpc.DecodeCall(body)
		if name, ok := first(args).(string); ok {
			method += " " + name
		}
		mu.Lock()
		all = append(all, method)
		mu.Unlock()
		table.ServeHTTP(w, req)
	})
	return url, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(all)
	}
}

func first(args []any) any {
	if len(args) == 0 {
		return nil
	}
	return args[0]
}

// TestPatternsAgainstSupervisorsDaemon: it has no operation on many processes, so
// patterns become names, one after another.
func TestPatternsAgainstSupervisorsDaemon(t *testing.T) {
	t.Parallel()
	table := methods{"supervisor.getVersion": apiVersion, "supervisor.getAllProcessInfo": processes(3), "supervisor.stopProcess": true,
		"supervisor.startProcess": true, "supervisor.signalProcess": true}
	for _, c := range []struct {
		args   []string
		out    string
		called string
		status int
	}{
		{[]string{"stop", "p:p_000[01]"}, "p:p_0000: stopped\np:p_0001: stopped\n", "stopProcess p:p_0000,stopProcess p:p_0001", 0},
		{[]string{"stop", "x*", "p:*2"}, "x*: ERROR (no such process)\np:p_0002: stopped\n", "stopProcess p:p_0002", exitGeneric},
		{[]string{"stop", "x*"}, "x*: ERROR (no such process)\n", "", exitGeneric},
		{[]string{"restart", "p:*2"}, "p:p_0002: stopped\np:p_0002: started\n", "stopProcess p:p_0002,startProcess p:p_0002", 0},
		{[]string{"signal", "HUP", "p:*[12]"}, "p:p_0001: signalled\np:p_0002: signalled\n", "signalProcess p:p_0001,signalProcess p:p_0002", 0},
		{[]string{"start", "--parallel", "p:p_0000", "p:p_0002"}, "p:p_0000: started\np:p_0002: started\n", "startProcess p:p_0000,startProcess p:p_0002", 0},
	} {
		url, called := noting(t, table)
		out, _, status := ctl(t, "", append([]string{"-s", url}, c.args...)...)
		var acted []string
		for _, call := range called() {
			if strings.Contains(call, "Process p:") {
				acted = append(acted, strings.TrimPrefix(call, "supervisor."))
			}
		}
		if out != c.out || status != c.status || strings.Join(acted, ",") != c.called {
			t.Errorf("%v: status %d, called %v, printed\n%s", c.args, status, acted, out)
		}
	}
}

func TestWaitAgainstSupervisorsDaemon(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	table := methods{"supervisor.getVersion": apiVersion, "supervisor.getAllProcessInfo": func(w http.ResponseWriter, _ *http.Request) {
		infos := processes(2)
		if asked.Add(1) < 3 {
			infos[1][5].Value, infos[1][6].Value = 10, "STARTING"
		}
		answer, _ := xmlrpc.AppendResponse(nil, infos)
		_, _ = w.Write(answer)
	}}
	url := fakeServer(t, table.ServeHTTP)
	if out, _, status := ctl(t, "", "-s", url, "wait", "p:*"); out != "p:p_0000: RUNNING\np:p_0001: RUNNING\n" || status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
	if out, _, status := ctl(t, "", "-s", url, "wait", "p:p_0000", "--for", "fatal", "--timeout", "0"); out != "p:p_0000: ERROR (timeout, still RUNNING)\n" || status != exitTimeout {
		t.Errorf("status %d: %s", status, out)
	}
	if out, _, status := ctl(t, "", "-s", url, "wait", "q*"); out != "q*: ERROR (no such process)\n" || status != exitGeneric {
		t.Errorf("status %d: %s", status, out)
	}
}

func TestActionsThatSupervisorsDaemonLacks(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		methods{"supervisor.getVersion": apiVersion, "supervisor.getAllProcessInfo": processes(1)}.ServeHTTP(w, req)
	})
	for line, want := range map[string]string{
		"events":      "Error: this supervisord has no stream of events; it is Supervisor's, or an old one\n",
		"config diff": "Error: this supervisord cannot tell; it is Supervisor's, or an old one. reread tells the names of the groups\n",
	} {
		if out, _, status := ctl(t, "", append([]string{"-s", url}, strings.Fields(line)...)...); out != want || status != exitUnimplementedFeature {
			t.Errorf("%s: status %d: %s", line, status, out)
		}
	}
	out, _, status := ctl(t, "", "-s", url, "top", "--once")
	if !strings.Contains(out, "p:p_0000 RUNNING       100     0:00:01       -        -") || status != 0 {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestEveryServerIsHeard: one that is silent, one that is no supervisord and one that
// works, side by side.
func TestEveryServerIsHeard(t *testing.T) {
	t.Parallel()
	working := fakeServer(t, methods{"supervisor.getVersion": apiVersion, "supervisor.getIdentification": "worker", "supervisor.getPID": 7}.ServeHTTP)
	broken := fakeServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	out, errs, status := ctl(t, "", "-s", broken, "-s", working, "-s", "unix:///nonexistent/s", "pid")
	name := strings.TrimPrefix(broken, "unix://")
	for _, want := range []string{"worker: 7\n", name + ": Server requires authentication\n", "/nonexistent/s: unix:///nonexistent/s no such file\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if status != exitNotRunning || !strings.Contains(errs, name+": hint: ") {
		t.Errorf("status %d: %s", status, errs)
	}
	if withoutPassword("http://u:secret@h:9001") != "http://u:xxxxx@h:9001" {
		t.Error("a password is shown")
	}
}

// TestAShellOnSeveralServersAsksOnce: before it shuts them all down, and not at all
// once another server is opened.
func TestAShellOnSeveralServersAsksOnce(t *testing.T) {
	t.Parallel()
	table := methods{"supervisor.getVersion": apiVersion, "supervisor.getIdentification": "x", "supervisor.shutdown": true, "supervisor.getPID": 7,
		"supervisor.getAllProcessInfo": processes(1)}
	one, calledOne := noting(t, table)
	two, calledTwo := noting(t, table)
	out, _, _ := ctl(t, "shutdown\nn\nopen "+one+"\npid\nexit\n", "-s", one, "-s", two, "-i")
	if strings.Count(out, "Really shutdown all 2 servers y/N? ") != 1 || strings.Contains(out, "Shut down") || strings.Count(out, "7\n") != 1 ||
		slices.Contains(append(calledOne(), calledTwo()...), "supervisor.shutdown") {
		t.Errorf("%s", out)
	}
	if out, _, _ = ctl(t, "shutdown\ny\nexit\n", "-s", one, "-s", two, "-i"); strings.Count(out, "x: Shut down\n") != 2 {
		t.Errorf("%s", out)
	}
}

// TestATerminalHasColours, and one that says NO_COLOR has none.
func TestATerminalHasColours(t *testing.T) {
	t.Parallel()
	url := fakeServer(t, methods{"supervisor.getVersion": apiVersion, "supervisor.getAllProcessInfo": processes(1)}.ServeHTTP)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-c", "", "-s", url, "status"}, "\x1b[32mRUNNING\x1b[0m"},
		{[]string{"-c", "", "-s", url, "--no-color", "status"}, "  RUNNING "},
	} {
		term := onTerminal(t, c.args...)
		term.see("uptime 0:00:01")
		term.ends()
		<-term.read
		if raw := term.shown.String(); !strings.Contains(raw, c.want) {
			t.Errorf("%v: %q", c.args, raw)
		}
	}
}

func TestStatesAreColouredInPlace(t *testing.T) {
	t.Parallel()
	infos := []processInfo{{named: nameOf("cat", "cat"), State: "RUNNING", Description: "pid 7"}, {named: nameOf("x", "x"), State: "FATAL", Description: "why RUNNING"},
		{named: nameOf("y", "y"), State: "UNSERVED"}}
	const text = "cat                              RUNNING   pid 7\nx                                FATAL     why RUNNING\ny                                UNSERVED  \n"
	if got := statusText(infos); got != text {
		t.Errorf("not on a terminal:\n%s", got)
	}
	want := strings.Replace(strings.Replace(strings.ReplaceAll(text, "  \n", "\n"), "RUNNING   pid", "\x1b[32mRUNNING\x1b[0m   pid", 1), "FATAL  ", "\x1b[31mFATAL\x1b[0m  ", 1)
	if got := statusView(infos, 80, true); got != want {
		t.Errorf("%q", got)
	}
	for env, colour := range map[string]bool{"": true, "NO_COLOR=1": false, "TERM=dumb": false, "TERM=xterm": true} {
		name, value, _ := strings.Cut(env, "=")
		if wantsColour(func(n string) string {
			if n == name {
				return value
			}
			return ""
		}) != colour {
			t.Errorf("%q", env)
		}
	}
}

func TestProgressIsShownAndTakenAway(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	done := showProgress(w, "stop", time.Nanosecond, time.Hour)
	shown := make([]byte, 100)
	n, err := r.Read(shown)
	if err != nil || string(shown[:n]) != "\r\x1b[Kstop ... 0 s" {
		t.Errorf("%q, %v", shown[:n], err)
	}
	ended := make(chan struct{})
	go func() { done(); close(ended) }()
	if n, err = r.Read(shown); err != nil || string(shown[:n]) != "\r\x1b[K" {
		t.Errorf("%q, %v", shown[:n], err)
	}
	<-ended
	var quick bytes.Buffer
	showProgress(&quick, "stop", time.Hour, time.Hour)()
	if quick.Len() > 0 {
		t.Errorf("a quick call shows %q", quick.String())
	}
}
