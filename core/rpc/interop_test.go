package rpc

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	kolo "github.com/kolo/xmlrpc"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

const python = "/usr/bin/python3" // Debian's, which has Debian's supervisor

// runPython runs a script with Supervisor's modules; what it prints is JSON.
func runPython(t *testing.T, script string, result any, args ...string) {
	t.Helper()
	if err := exec.Command(python, "-c", "import supervisor").Run(); err != nil {
		t.Skipf("the supervisor package isn't installed: %v", err)
	}
	cmd := exec.Command(python, append([]string{"-c", script}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if err := json.Unmarshal(out, result); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestSupervisorsOwnClient(t *testing.T) {
	h := serve(t, defaultLimits(), func(o *Options) {
		o.Servers[0].Username, o.Servers[0].Password = "u", config.NewSecret("p:w")
	})
	close(h.sup.blocked)
	h.sup.set("web", "a", process.Running)
	var got struct {
		State  map[string]any
		Names  []string
		Start  any
		Fault  []any
		Multi  []any
		Stdin  bool
		Many   int
		Denied int
	}
	runPython(t, `
import sys, json
from xmlrpc.client import ServerProxy, Fault, ProtocolError, MultiCall
from supervisor.xmlrpc import SupervisorTransport
def proxy(user, password):
    return ServerProxy('http://127.0.0.1', transport=SupervisorTransport(user, password, 'unix://' + sys.argv[1]))
p = proxy('u', 'p:w')
r = {'State': p.supervisor.getState(), 'Names': [i['name'] for i in p.supervisor.getAllProcessInfo()], 'Start': p.supervisor.startProcess('slow')}
try:
    p.supervisor.startProcess('slow')
except Fault as f:
    r['Fault'] = [f.faultCode, f.faultString]
m = MultiCall(p)
m.supervisor.getAPIVersion(); m.supervisor.getIdentification()
r['Multi'] = p.system.multicall([{'methodName': 'supervisor.getAPIVersion', 'params': []}, {'methodName': 'x', 'params': []}])
r['Stdin'] = p.supervisor.sendProcessStdin('web:a', 'žluť <&>\n')
for i in range(200):
    p.supervisor.getState()
r['Many'] = 200
try:
    proxy('u', 'wrong').supervisor.getState()
except ProtocolError as e:
    r['Denied'] = e.errcode
print(json.dumps(r))
`, &got, h.path)
	if got.State["statename"] != "RUNNING" || got.State["statecode"] != 1.0 || got.Start != true || !got.Stdin || got.Many != 200 || got.Denied != 401 {
		t.Errorf("got %+v", got)
	}
	if !slices.Equal(got.Names, []string{"cat", "slow", "b", "a"}) {
		t.Errorf("names: %v", got.Names)
	}
	if len(got.Fault) != 2 || got.Fault[0] != 60.0 || got.Fault[1] != "ALREADY_STARTED: slow" {
		t.Errorf("fault: %v", got.Fault)
	}
	if len(got.Multi) != 2 || got.Multi[0] != "3.0" {
		t.Errorf("multicall: %v", got.Multi)
	}
	if !strings.Contains(h.sup.noted(), "stdin žluť <&>\n") {
		t.Errorf("did %q", h.sup.noted())
	}
}

// Methods that Hark has under a name that Supervisor has must look the same to
// system.listMethods and system.methodSignature.
func TestMethodsAndSignaturesAreSupervisors(t *testing.T) {
	var theirs struct {
		Signatures map[string][]string
		Arity      map[string][]int
	}
	runPython(t, `
import json, inspect
from supervisor.xmlrpc import SystemNamespaceRPCInterface
from supervisor.rpcinterface import SupervisorNamespaceRPCInterface
sup = SupervisorNamespaceRPCInterface(None)
s = SystemNamespaceRPCInterface([('supervisor', sup)])
r = {'Signatures': {}, 'Arity': {}}
for name in s.listMethods():
    r['Signatures'][name] = s.methodSignature(name)
    ns, m = name.split('.')
    ps = inspect.signature(getattr({'supervisor': sup, 'system': s}[ns], m)).parameters.values()
    r['Arity'][name] = [len([p for p in ps if p.default is p.empty]), len(ps)]
print(json.dumps(r))
`, &theirs)
	d := newTestDispatcher(newFake())
	var ours []string
	for _, name := range d.table(Control).names {
		if !strings.HasPrefix(name, "hark.") {
			ours = append(ours, name)
		}
	}
	for name, want := range theirs.Signatures {
		m := d.table(Control).methods[name]
		if m == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if got := m.Signature(); !slices.Equal(got, want) {
			t.Errorf("%s: signature %v, want %v", name, got, want)
		}
		if got := []int{len(m.Params) - m.Optional, len(m.Params)}; !slices.Equal(got, theirs.Arity[name]) {
			t.Errorf("%s takes %v arguments, want %v", name, got, theirs.Arity[name])
		}
	}
	for _, name := range ours {
		if theirs.Signatures[name] == nil {
			t.Errorf("%s is no method of Supervisor's", name)
		}
	}
	// The help is our own words, in a form from which Supervisor's parser gets the signature.
	help := map[string]string{}
	for _, name := range ours {
		help[name] = d.table(Control).methods[name].Documentation()
	}
	encoded, err := json.Marshal(help)
	if err != nil {
		t.Fatal(err)
	}
	parsed := map[string][]string{}
	runPython(t, `
import sys, json
from supervisor.xmlrpc import gettags
r = {}
for name, text in json.loads(sys.argv[1]).items():
    tags = gettags(text)
    r[name] = [t[2] for t in tags if t[1] == 'return'] + [t[2] for t in tags if t[1] == 'param']
print(json.dumps(r))
`, &parsed, string(encoded))
	for name, got := range parsed {
		if want := theirs.Signatures[name]; !slices.Equal(got, want) {
			t.Errorf("the help of %s gives %v, want %v\n%s", name, got, want, help[name])
		}
	}
}

func TestKolosClient(t *testing.T) {
	h := serve(t, defaultLimits(), nil)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", h.path)
	}}
	defer transport.CloseIdleConnections()
	c, err := kolo.NewClient("http://unix/RPC2", transport)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	var state struct {
		Code int    `xmlrpc:"statecode"`
		Name string `xmlrpc:"statename"`
	}
	if err := c.Call("supervisor.getState", nil, &state); err != nil || state.Code != 1 || state.Name != "RUNNING" {
		t.Errorf("got %+v, %v", state, err)
	}
	var started bool
	if err := c.Call("supervisor.startProcess", []any{"cat", true}, &started); err != nil || !started {
		t.Errorf("got %v, %v", started, err)
	}
	if err := c.Call("supervisor.startProcess", "cat", &started); err == nil || !strings.Contains(err.Error(), "ALREADY_STARTED: cat") {
		t.Errorf("got %v", err)
	}
	var infos []struct {
		Name string `xmlrpc:"name"`
		Pid  int    `xmlrpc:"pid"`
	}
	if err := c.Call("supervisor.getAllProcessInfo", nil, &infos); err != nil || len(infos) != 4 || infos[0].Pid != 123 {
		t.Errorf("got %+v, %v", infos, err)
	}
}

// Clients of all kinds read a log that is streamed, and go on with the connection.
func TestClientsReadLargeLogs(t *testing.T) {
	h := guarded(t, defaultLimits(), func(o *Options) {
		o.Logs = fileLogs()
		o.Servers = append(o.Servers, unixServer(t))
	})
	text := bigLog(t, h, 3<<20)
	want := strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", "?"), "\uFFFD")
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(want)))
	t.Run("Python", func(t *testing.T) {
		var got []string
		runPython(t, `
import sys, json, hashlib
from xmlrpc.client import ServerProxy
from supervisor.xmlrpc import SupervisorTransport
def sums(p):
    for i in range(2):
        yield hashlib.sha256(p.supervisor.readLog(0, 0).encode()).hexdigest()
        yield p.supervisor.getState()['statename']
print(json.dumps([s for p in (ServerProxy('http://owner:o@' + sys.argv[1]),
    ServerProxy('http://127.0.0.1', transport=SupervisorTransport('owner', 'o', 'http://' + sys.argv[1])),
    ServerProxy('http://127.0.0.1', transport=SupervisorTransport('', '', 'unix://' + sys.argv[2]))) for s in sums(p)]))
`, &got, address(h), h.sockets[1].config.Path)
		if expect := slices.Repeat([]string{sum, "RUNNING"}, 6); !slices.Equal(got, expect) {
			t.Errorf("got  %q\nwant %q", got, expect)
		}
	})
	t.Run("kolo/xmlrpc", func(t *testing.T) {
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		c, err := kolo.NewClient("http://owner:o@"+address(h)+"/RPC2", transport)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		for range 2 {
			var got string
			if err := c.Call("supervisor.readLog", []any{0, 0}, &got); err != nil || got != want {
				t.Errorf("got %d bytes, %v", len(got), err)
			}
		}
	})
	t.Run("supervisorctl", func(t *testing.T) {
		tail := text[len(text)-2_000_000:]
		tail = tail[strings.Index(tail, "\n")+1:]
		shown, err := exec.Command("/usr/bin/supervisorctl", "-s", "http://"+address(h), "-u", "owner", "-p", "o", "maintail", fmt.Sprint(-len(tail))).Output()
		if expect := strings.ToValidUTF8(strings.ReplaceAll(tail, "\x00", "?"), "\uFFFD"); err != nil || strings.TrimSpace(string(shown)) != strings.TrimSpace(expect) {
			t.Errorf("%d bytes, want %d, %v", len(shown), len(expect), err)
		}
	})
}
