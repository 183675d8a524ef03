package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/testplugins/faulty"
)

// faultyConf is a namespace, faulty, of a plugin with one fault.
func faultyConf(t testing.TB, settings string, fault ...string) string {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[plugin:faulty]\ncommand=%s %s %s\n%s\n[rpcinterface:faulty]\nplugin=faulty\n", self, faulty.Verb, strings.Join(fault, " "), settings)
}

// plugin is a member of the result of hark.getPlugins for the plugin faulty; nil: there is none.
func (in *instance) plugin(member string) any {
	in.t.Helper()
	for _, p := range in.must("hark.getPlugins").([]any) {
		if name, _ := p.(xmlrpc.Struct).Get("name"); name == "faulty" {
			v, ok := p.(xmlrpc.Struct).Get(member)
			if !ok {
				in.t.Fatalf("%v has no %s", p, member)
			}
			return v
		}
	}
	return nil
}

func (in *instance) waitEcho(want string) {
	in.t.Helper()
	testkit.Until(in.t, "faulty.echo answers "+want, func() bool {
		got, err := in.call("faulty.echo")
		return err == nil && got == want
	})
}

func TestANamespaceOfAPlugin(t *testing.T) {
	in := run(t, faultyConf(t, "permissions=read", "none")+"[program:a]\ncommand=/bin/cat\nstartsecs=0\n")
	in.waitEcho("echo")
	names := in.must("system.listMethods").([]any)
	if !slices.Contains(names, any("faulty.echo")) || !slices.IsSortedFunc(names, func(a, b any) int { return strings.Compare(a.(string), b.(string)) }) {
		t.Errorf("methods %v", names)
	}
	if got := fmt.Sprint(in.must("system.methodSignature", "faulty.echo")); got != "[string string]" {
		t.Errorf("signature %s", got)
	}
	if got := in.must("system.methodHelp", "faulty.echo"); got != "Repeat a text.\n\n@param string text to be repeated\n@return string text the same\n" {
		t.Errorf("help %q", got)
	}
	if f := in.fault("faulty.fault"); f.Code != 4711 || f.String != "as you like" {
		t.Errorf("fault %+v", f)
	}
	if f := in.fault("faulty.echo", "a", "b"); f.Code != 2 {
		t.Errorf("too many parameters: %+v", f)
	}
	if f := in.fault("faulty.nothing"); f.Code != 1 || f.String != "UNKNOWN_METHOD" {
		t.Errorf("no such method: %+v", f)
	}
	call := func(method string, params ...any) xmlrpc.Struct {
		return xmlrpc.Struct{{Name: "methodName", Value: method}, {Name: "params", Value: params}}
	}
	got := in.must("system.multicall", []any{call("faulty.echo", "1"), call("faulty.fault"), call("faulty.echo", "2")}).([]any)
	if got[0] != "echo 1" || got[2] != "echo 2" || !strings.Contains(fmt.Sprint(got[1]), "4711") {
		t.Errorf("multicall %v", got)
	}
	// It calls back, as far as it may.
	if got := in.must("faulty.call", "supervisor.getState"); !strings.Contains(got.(string), "RUNNING") {
		t.Errorf("a call back answers %v", got)
	}
	if f := in.fault("faulty.call", "supervisor.shutdown"); f.Code != 403 || !strings.Contains(f.String, "may not call supervisor.shutdown") {
		t.Errorf("a forbidden call back: %+v", f)
	}
	in.waitLog("called a method without permission; logged once: method=supervisor.shutdown")
	// Concurrent calls do not wait for one that hangs.
	hung := make(chan error, 1)
	go func() {
		_, err := in.call("faulty.hang")
		hung <- err
	}()
	for range 20 {
		in.must("faulty.echo", "x")
	}
	if err := <-hung; err == nil || !strings.Contains(err.Error(), "did not answer within 2s") {
		t.Errorf("a call that hangs: %v", err)
	}
	if f := in.fault("faulty.crash"); f.Code != 30 {
		t.Errorf("a call that kills the plugin: %+v", f)
	}
	if f := in.fault("faulty.echo"); f.Code != 30 || !strings.HasPrefix(f.String, "FAILED: the plugin does not run: ") || !strings.Contains(f.String, `plugin "faulty"`) {
		t.Errorf("a call of one that is down: %+v", f)
	}
	in.waitEcho("echo")
	if n := in.plugin("restarts"); n != 1 {
		t.Errorf("%v restarts", n)
	}
	in.must("hark.restartPlugin", "faulty")
	testkit.Until(t, "it was restarted", func() bool { return in.plugin("restarts") == 2 })
	in.waitEcho("echo")
	if f := in.fault("hark.restartPlugin", "nobody"); f.Code != 10 {
		t.Errorf("no such plugin: %+v", f)
	}
	in.must("supervisor.shutdown")
	if status := in.ended(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	for _, line := range []string{"plugin faulty is STARTING", "plugin faulty is RUNNING, pid ", "plugin faulty is BACKOFF", "plugin faulty is STOPPED"} {
		if !strings.Contains(in.log(), line) {
			t.Errorf("no %q in the log", line)
		}
	}
}

func TestANamespaceWhosePluginCannotStart(t *testing.T) {
	in := run(t, faultyConf(t, "", "exits"))
	for _, method := range []string{"faulty.echo", "faulty.other"} {
		if f := in.fault(method); f.Code != 30 || !strings.Contains(f.String, `plugin "faulty" `) {
			t.Errorf("%s: %+v", method, f)
		}
	}
}

// Supervisor's own supervisorctl updates sections about plugins like groups.
func TestSectionsOfPluginsAreUpdatedLikeGroups(t *testing.T) {
	const program = "[program:a]\ncommand=/bin/cat\nstartsecs=0\n"
	in := run(t, program)
	in.waitState("a", "RUNNING")
	pid := in.pid("a")
	change := func(conf, reread, update string) {
		t.Helper()
		in.writeConf(baseConf + program + conf)
		if got, status := in.ctl("reread"); status != 0 || got != reread {
			t.Errorf("reread: %d\n%swant\n%s", status, got, reread)
		}
		if got, status := in.ctl("update"); status != 0 || got != update {
			t.Errorf("update: %d\n%swant\n%s", status, got, update)
		}
	}
	conf := faultyConf(t, "", "none")
	change(conf, "plugin:faulty: available\nrpcinterface:faulty: available\n", "plugin:faulty: added process group\nrpcinterface:faulty: added process group\n")
	in.waitEcho("echo")
	plugin := in.plugin("pid")
	change(conf+"text=other\n", "rpcinterface:faulty: changed\n", "rpcinterface:faulty: stopped\nrpcinterface:faulty: updated process group\n")
	in.waitEcho("other")
	if in.plugin("pid") != plugin {
		t.Error("the plugin was restarted, not the instance changed in place")
	}
	if got, _ := in.ctl("update"); got != "" {
		t.Errorf("another update: %s", got)
	}
	conf = faultyConf(t, "permissions=control", "none")
	change(conf+"text=other\n", "plugin:faulty: changed\n", "plugin:faulty: stopped\nplugin:faulty: updated process group\n")
	testkit.Until(t, "the plugin runs again", func() bool { return in.plugin("permissions") == "control" && in.plugin("pid") != plugin })
	in.waitEcho("other")
	change("", "plugin:faulty: disappeared\nrpcinterface:faulty: disappeared\n",
		"plugin:faulty: stopped\nplugin:faulty: removed process group\nrpcinterface:faulty: stopped\nrpcinterface:faulty: removed process group\n")
	if f := in.fault("faulty.echo"); f.Code != 1 {
		t.Errorf("a method of a removed namespace: %+v", f)
	}
	testkit.Until(t, "the plugin is not listed", func() bool { return in.plugin("statename") == nil })
	if got := in.pid("a"); got != pid {
		t.Errorf("the program was touched: pid %d, then %d", pid, got)
	}
	// A section that is removed by hand is added again by hand.
	change(conf, "plugin:faulty: available\nrpcinterface:faulty: available\n", "plugin:faulty: added process group\nrpcinterface:faulty: added process group\n")
	in.waitEcho("echo")
	in.must("supervisor.removeProcessGroup", "rpcinterface:faulty")
	if f := in.fault("supervisor.removeProcessGroup", "rpcinterface:faulty"); f.Code != 10 {
		t.Errorf("removed twice: %+v", f)
	}
	testkit.Until(t, "the plugin is not listed", func() bool { return in.plugin("statename") == nil })
	in.must("supervisor.addProcessGroup", "rpcinterface:faulty")
	if f := in.fault("supervisor.addProcessGroup", "rpcinterface:faulty"); f.Code != 90 {
		t.Errorf("added twice: %+v", f)
	}
	in.waitEcho("echo")
}

func TestAMistakeInASectionOfAPluginIsToldInTheLog(t *testing.T) {
	in := run(t, faultyConf(t, "", "none")+"txt=s3cr3t\n")
	in.waitLog("[rpcinterface:faulty] txt: ")
	if log := in.log(); !strings.Contains(log, in.conf+":") || strings.Contains(log, "s3cr3t") {
		t.Errorf("the log:\n%s", log)
	}
	testkit.Until(t, "a call that answers with the mistake", func() bool { // before the plugin runs, that it does not is all there is to say
		return strings.Contains(in.fault("faulty.echo").String, "[rpcinterface:faulty] txt: ")
	})
}

func TestAPluginThatIsNotThere(t *testing.T) {
	in := run(t, "[rpcinterface:x]\nplugin=nowhere\n[rpcinterface:y]\nsupervisor.rpcinterface_factory=supervisor_cache.rpcinterface:make_cache_rpcinterface\n")
	for _, method := range []string{"x.y", "y.getKeys"} {
		testkit.Until(t, method+" reports why", func() bool {
			_, err := in.call(method)
			return err != nil && strings.Contains(err.Error(), "not found in /usr/lib/hark/plugins, /usr/local/lib/hark/plugins")
		})
	}
}
