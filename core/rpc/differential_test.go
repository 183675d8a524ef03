package rpc

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// startSupervisor runs Debian's supervisord with the processes of the fake,
// none of them started.
func startSupervisor(t *testing.T) (sock, mainLog string) {
	t.Helper()
	const supervisord = "/usr/bin/supervisord"
	if _, err := os.Stat(supervisord); err != nil {
		t.Skipf("Debian's supervisor isn't installed: %v", err)
	}
	dir := t.TempDir()
	sock, mainLog = filepath.Join(dir, "s.sock"), filepath.Join(dir, "main.log")
	conf := filepath.Join(dir, "s.conf")
	text := fmt.Sprintf(`[unix_http_server]
file=%s
username=u
password=p
[supervisord]
logfile=%s
pidfile=%s/pid
nodaemon=true
childlogdir=%s
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
`, sock, mainLog, dir, dir)
	for _, p := range []string{"program:cat", "program:slow", "program:b", "program:a"} {
		text += "[" + p + "]\ncommand=/bin/cat\nautostart=false\nstdout_logfile=NONE\nstderr_logfile=NONE\n"
		if p == "program:b" {
			text += "priority=1\n"
		}
	}
	text += "[group:web]\nprograms=a,b\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(supervisord, "-n", "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	testkit.Until(t, "the condition holds", func() bool {
		c, err := net.Dial("unix", sock)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return sock, mainLog
}

// now are the members whose values differ from one moment to the next.
var now = regexp.MustCompile(`(<name>now</name>\n<value><int>)\d+`)

func ask(t *testing.T, sock, request string) string {
	t.Helper()
	c, err := net.Dial("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(testkit.Patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, body := readResponse(t, bufio.NewReader(c))
	body = now.ReplaceAllString(body, "${1}0")
	headers := ""
	for _, name := range []string{"Content-Type", "WWW-Authenticate"} {
		if v := resp.Header.Get(name); v != "" {
			headers += name + ": " + v + "\n"
		}
	}
	return fmt.Sprintf("%d\n%s\n%s", resp.StatusCode, headers, body)
}

// The same bytes go to Debian's supervisord and to a server with a fake core;
// the answers must be equal to the byte.
func TestAnswersAreSupervisorsToTheByte(t *testing.T) {
	theirs, mainLog := startSupervisor(t)
	h := serve(t, defaultLimits(), func(o *Options) {
		o.Servers[0].Username, o.Servers[0].Password = "u", config.NewSecret("p")
	})
	h.sup.mainLog = mainLog
	for _, p := range h.sup.procs {
		if p.Name == "slow" || p.Name == "cat" {
			continue
		}
		p.Group = "web"
	}
	h.sup.procs[2], h.sup.procs[3] = &core.ProcessInfo{Group: "web", Name: "a", Now: time.Now()}, &core.ProcessInfo{Group: "web", Name: "b", Now: time.Now()}
	credentials := basic("u", "p")
	value := func(xml string) string {
		return "<methodCall><methodName>supervisor.startProcessGroup</methodName><params><param><value>" + xml + "</value></param></params></methodCall>"
	}
	type args = []any
	calls := []struct {
		method string
		args   args
	}{
		{"supervisor.getAPIVersion", nil},
		{"supervisor.getVersion", nil},
		{"supervisor.getIdentification", nil},
		{"supervisor.getState", nil},
		{"supervisor.getState", args{1}},
		{"supervisor.getAllProcessInfo", nil},
		{"supervisor.getProcessInfo", args{"cat"}},
		{"supervisor.getProcessInfo", args{"web:a"}},
		{"supervisor.getProcessInfo", args{"web:*"}},
		{"supervisor.getProcessInfo", args{"web"}},
		{"supervisor.getProcessInfo", args{""}},
		{"supervisor.getProcessInfo", args{"a<b>&\"'ž"}},
		{"supervisor.startProcess", nil},
		{"supervisor.startProcess", args{"z"}},
		{"supervisor.startProcess", args{"z:*"}},
		{"supervisor.startProcess", args{"cat:"[:3] + ":z"}},
		{"supervisor.startProcessGroup", args{"z"}},
		{"supervisor.startProcessGroup", args{5}},
		{"supervisor.startProcessGroup", args{2.5}},
		{"supervisor.startProcessGroup", args{true}},
		{"supervisor.startProcessGroup", args{args{}}},
		{"supervisor.startProcessGroup", args{xmlrpc.Struct{}}},
		{"supervisor.startProcessGroup", args{[]byte("z")}},
		{"supervisor.startProcessGroup", args{nil}},
		{"supervisor.stopProcess", args{"cat"}},
		{"supervisor.stopProcess", args{"web:a", false}},
		{"supervisor.stopProcess", args{"web:*"}},
		{"supervisor.stopProcessGroup", args{"web"}},
		{"supervisor.stopAllProcesses", nil},
		{"supervisor.stopAllProcesses", args{"a", "b"}},
		{"supervisor.signalProcess", args{"cat", "HUP"}},
		{"supervisor.signalProcess", args{"cat", "nope"}},
		{"supervisor.signalProcess", args{"cat", " 99 "}},
		{"supervisor.signalProcess", args{"cat", 99}},
		{"supervisor.signalProcess", args{"cat", 32}},
		{"supervisor.signalProcess", args{"cat", -1}},
		{"supervisor.signalProcess", args{"cat", 1.5}},
		{"supervisor.signalProcess", args{"cat", " rtmin "}},
		{"supervisor.signalProcess", args{"cat", "SIGCLD"}},
		{"supervisor.signalProcess", args{"cat", "SIGSTKFLT"}},
		{"supervisor.signalProcess", args{"z", "nope"}},
		{"supervisor.signalProcessGroup", args{"web", "nope"}},
		{"supervisor.signalProcessGroup", args{"z", "nope"}},
		{"supervisor.signalAllProcesses", args{"HUP"}},
		{"supervisor.readProcessStdoutLog", args{"cat", 0, 0}},
		{"supervisor.readProcessLog", args{"z", 0, 0}},
		{"supervisor.tailProcessStdoutLog", args{"cat", 0, 10}},
		{"supervisor.tailProcessLog", args{"web:*", 0, 10}},
		{"supervisor.readLog", args{0, 20}},
		{"supervisor.readLog", args{"0", 20.5}},
		{"supervisor.readLog", args{-1, 1}},
		{"supervisor.readLog", args{0, -1}},
		{"supervisor.readLog", args{nil, 1}},
		{"supervisor.readLog", args{args{}, 1}},
		{"supervisor.clearProcessLogs", args{"cat"}},
		{"supervisor.clearProcessLogs", args{"z"}},
		{"supervisor.sendProcessStdin", args{"cat", "x"}},
		{"supervisor.sendProcessStdin", args{"z", "x"}},
		{"supervisor.sendProcessStdin", args{"cat", 5}},
		{"supervisor.sendProcessStdin", args{"cat", nil}},
		{"supervisor.sendProcessStdin", args{"cat", 1.5}},
		{"supervisor.sendRemoteCommEvent", args{"a", "b"}},
		{"supervisor.sendRemoteCommEvent", args{"a"}},
		{"system.methodSignature", args{"supervisor.startProcess"}},
		{"system.methodSignature", args{"system.multicall"}},
		{"system.methodSignature", args{"z"}},
		{"system.methodHelp", args{"z"}},
		{"system.multicall", args{5}},
		{"system.multicall", args{xmlrpc.Struct{}}},
		{"system.multicall", args{args{}}},
		{"system.multicall", args{args{
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getState"}, {Name: "params", Value: args{}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getIdentification"}},
			xmlrpc.Struct{{Name: "methodName", Value: "system.multicall"}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.startProcess"}, {Name: "params", Value: args{"z"}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.stopProcessGroup"}, {Name: "params", Value: args{"web"}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getState"}, {Name: "params", Value: args{1}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getState"}, {Name: "params", Value: 5}},
			xmlrpc.Struct{{Name: "methodName", Value: "a.b"}},
			xmlrpc.Struct{},
		}}},
		{"supervisor", nil},
		{"supervisor.nothing", nil},
		{"supervisor._update", args{"x"}},
		{"supervisor.supervisord.options", nil},
		{"supervisor.__init__", nil},
		{"nothing.getState", nil},
		{" supervisor.getState", nil},
		{".", nil},
	}
	requests := map[string]string{
		"no credentials":         post(callXML(t, "supervisor.getState")),
		"bad credentials":        post(callXML(t, "supervisor.getState"), basic("u", "x")),
		"another scheme":         post(callXML(t, "supervisor.getState"), "Authorization: Digest x"),
		"GET":                    "GET /RPC2 HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"no length":              "POST /RPC2 HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"HTTP/1.0":               strings.Replace(post(callXML(t, "supervisor.getState"), credentials), "HTTP/1.1", "HTTP/1.0", 1),
		"a longer path":          strings.Replace(post(callXML(t, "supervisor.getState"), credentials), "/RPC2", "/RPC2/x", 1),
		"a path for a host":      strings.Replace(post(callXML(t, "supervisor.getState"), credentials), "Host: localhost", "Host: /x/y", 1),
		"no host":                strings.Replace(post(callXML(t, "supervisor.getState"), credentials), "Host: localhost\r\n", "", 1),
		"no XML":                 post("hello", credentials),
		"no method":              post("<methodCall></methodCall>", credentials),
		"an empty method":        post("<methodCall><methodName></methodName></methodCall>", credentials),
		"no params":              post("<methodCall><methodName>supervisor.getState</methodName></methodCall>", credentials),
		"a bad int":              post(value("<int>x</int>"), credentials),
		"an empty int":           post(value("<int/>"), credentials),
		"a spaced int":           post(value("<int> +1_0 </int>"), credentials),
		"an untyped string":      post(value(" a "), credentials),
		"an empty value":         post(value(""), credentials),
		"CDATA":                  post(value("<string>a<![CDATA[<&]]>&#65;<!-- x -->b</string>"), credentials),
		"line ends":              post(value("<string>a\r\nb\rc</string>"), credentials),
		"a boolean":              post(value("<boolean>true</boolean>"), credentials),
		"an entity":              post(value("&nbsp;"), credentials),
		"a control character":    post(value("a\x01b"), credentials),
		"a NUL reference":        post(value("&#0;"), credentials),
		"an array without data":  post(value("<array/>"), credentials),
		"a param without value":  post("<methodCall><methodName>supervisor.getState</methodName><params><param/></params></methodCall>", credentials),
		"a log of nothing":       "GET /logtail/z HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"no log":                 "GET /logtail/cat/stdout HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"a log of what isn't":    "GET /logtail/cat/x HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"a posted log":           "POST /logtail/cat HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\nContent-Length: 0\r\n\r\n",
		"a posted main log":      "POST /mainlogtail HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\nContent-Length: 0\r\n\r\n",
		"a missing page":         "GET /nothing HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"a method for no page":   "DELETE /nothing HTTP/1.1\r\nHost: x\r\n" + credentials + "\r\n\r\n",
		"a page, no credentials": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	}
	for i, c := range calls {
		requests[fmt.Sprintf("%02d %s %v", i, c.method, c.args)] = post(callXML(t, c.method, c.args...), credentials)
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			want, got := ask(t, theirs, request), ask(t, h.path, request)
			if got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
