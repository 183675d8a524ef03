package main

import (
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

const twiddled = `
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
[group:jobs]
[program:web]
command = /bin/sleep 1000
startsecs = 0
[program:other]
command = /bin/sleep 1000
startsecs = 0
[eventlistener:pool]
command = /bin/cat
events = TICK_60
[fcgi-program:fcgi]
command = /bin/sleep 1000
socket = unix://DIR/fcgi.sock
autostart = false
`

// The section that people have, with the client that they have.
func TestTwiddlerIsThatOfSupervisor(t *testing.T) {
	d, c := startDaemon(t, twiddled)
	untilThere(t, c, "twiddler.addProgramToGroup")
	python(t, d, `
import time
def until(condition):
    limit = time.monotonic() + 50
    while not condition():
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.02)
def state(name):
    return s.supervisor.getProcessInfo(name)["statename"]
add, remove, log = s.twiddler.addProgramToGroup, s.twiddler.removeProcessFromGroup, s.twiddler.log
same(s.twiddler.getAPIVersion(), "1.0")
same(sorted(s.twiddler.getGroupNames()), ["fcgi", "jobs", "other", "pool", "web"])
# the example of its README
same(add("jobs", "ls", {"command": "/bin/echo total 0", "autostart": "false", "autorestart": "false", "startsecs": "0"}), True)
same(state("jobs:ls"), "STOPPED")
same(s.supervisor.startProcess("jobs:ls"), True)
until(lambda: state("jobs:ls") == "EXITED")
same(s.supervisor.readProcessLog("jobs:ls", 0, 50), "total 0\n")
same(remove("jobs", "ls"), True)
same(fault(s.supervisor.getProcessInfo, "jobs:ls"), (10, "BAD_NAME: jobs:ls"))
# it starts by itself; numprocs makes several
same(add("jobs", "many", {"COMMAND": "/bin/sh -c 'echo $WHO; exec sleep 1000'", "numprocs": "3", "process_name": "%(program_name)s_%(process_num)02d", "startsecs": "0",
                          "environment": 'WHO="%(group_name)s %(process_num)d"'}), True)
names = ["jobs:many_00", "jobs:many_01", "jobs:many_02"]
until(lambda: all(state(n) == "RUNNING" for n in names))
until(lambda: s.supervisor.readProcessLog(names[2], 0, 50) == "jobs 2\n")
same(fault(remove, "jobs", "many_00"), (91, "STILL_RUNNING: many_00"))
same([p["name"] for p in s.supervisor.getAllProcessInfo() if p["group"] == "jobs"], ["many_00", "many_01", "many_02"])
# what is refused changes nothing
good = {"command": "/bin/cat"}
conf = sys.argv[1].removeprefix("unix://").removesuffix("s.sock") + "supervisord.conf"
def wrong(program, text): # processes_from_section
    return 2, "INCORRECT_PARAMETERS: %s in section %r (file: %r)" % (text, "program:" + program, conf)
for args, want in (
    (("none", "p", good), (10, "BAD_NAME: group: none")),
    (("jobs", "many_00", good), (10, "BAD_NAME: many_00")),
    (("web", "web", good), (10, "BAD_NAME: web")),
    (("jobs", "p", {}), wrong("p", "program section program:p does not specify a command")),
    (("jobs", "a b", good), wrong("a b", "Invalid name: 'a b' because of character: ' '")),
    (("jobs", "p", {"command": "/bin/cat", "stopasgroup": "true", "killasgroup": "false"}), wrong("p", "Cannot set stopasgroup=true and killasgroup=false")),
    (("jobs", "p", {"command": 7}), (2, "INCORRECT_PARAMETERS")),
    (("jobs", "p", []), (2, "INCORRECT_PARAMETERS")),
    (("jobs", "p", "x"), (2, "INCORRECT_PARAMETERS")),
    (("jobs", 7, good), (2, "INCORRECT_PARAMETERS")),
    ((7, "p", good), (2, "INCORRECT_PARAMETERS")),
    (("jobs", "p"), (2, "INCORRECT_PARAMETERS")),
):
    same(fault(add, *args), want)
for options in ({"numprocs": "2"}, {"startsecs": "x"}, {"autostart": "maybe"}, {"user": "nobody-of-that-name"}, {"command": "%(nothing)s"}, {"stopsignal": "x"}, {"numprocs": "2", "process_name": "p"},
                {"stdout_logfile": "/nonexistent/dir/log"}):
    code, text = fault(add, "jobs", "p", dict(good, **options))
    assert (code == 2 and text.startswith("INCORRECT_PARAMETERS: ")) or (options == {"numprocs": "2"} and code in (2, 10)), (options, code, text)
for name in ("pool", "fcgi"):
    code, text = fault(add, name, "p", good)
    assert code == 30 and name in text, text
    code, text = fault(remove, name, name)
    assert code == 30 and name in text, text
same(fault(remove, "jobs", "none"), (10, "BAD_NAME: none"))
same(fault(remove, "none", "x"), (10, "BAD_NAME: group: none"))
same(fault(remove, "jobs", []), (2, "INCORRECT_PARAMETERS"))
same([p["name"] for p in s.supervisor.getAllProcessInfo() if p["group"] == "jobs"], ["many_00", "many_01", "many_02"])
# a process of the configuration can be taken out, too
s.supervisor.stopProcess("other")
same(remove("other", "other"), True)
# the log
same(log("twiddled at INFO"), True)
same(log("twiddled at warn", "warn"), True)
same(log("twiddled at 50", 50), True)
for level in ("NOTE", "", 7, [], {}):
    same(fault(log, "x", level), (2, "INCORRECT_PARAMETERS"))
same(fault(log, []), (2, "INCORRECT_PARAMETERS"))
same(fault(log), (2, "INCORRECT_PARAMETERS"))
same(sorted(n for n in s.system.listMethods() if n.startswith("twiddler.")),
     ["twiddler." + n for n in ("addProgramToGroup", "getAPIVersion", "getGroupNames", "log", "removeProcessFromGroup")])
# no client can do it without the plugin
for n in ("addProgramToGroup", "removeProcessFromGroup", "getGroupNames", "log"):
    assert "hark." + n not in s.system.listMethods()
    same(fault(getattr(s.hark, n)), (1, "UNKNOWN_METHOD"))
`)
	for _, line := range []string{" INFO twiddled at INFO\n", " WARN twiddled at warn\n", " CRIT twiddled at 50\n", " INFO added process: 'jobs:ls'", " INFO removed process: 'other'\n"} {
		if !strings.Contains(d.Log(), line) {
			t.Errorf("no %q in the log", line)
		}
	}
	// what is in no file is no difference; what was taken out is one
	pid := func(name string) int {
		t.Helper()
		p, err := c.ProcessInfo(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return p.Pid
	}
	before := pid("jobs:many_01")
	reread := func() string {
		t.Helper()
		var diff [][][]string
		if err := c.Call(t.Context(), "supervisor.reloadConfig", &diff); err != nil {
			t.Fatal(err)
		}
		var words []string
		for _, names := range diff[0] {
			words = append(words, strings.Join(names, " "))
		}
		return strings.Join(words, "|")
	}
	if got := reread(); got != "|other|" {
		t.Errorf("reread: %s", got)
	}
	call := func(method string, args ...any) {
		t.Helper()
		if err := c.Call(t.Context(), method, nil, args...); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
	for _, method := range []string{"supervisor.stopProcessGroup", "supervisor.removeProcessGroup", "supervisor.addProcessGroup"} {
		call(method, "other")
	}
	if got := reread(); got != "||" || pid("jobs:many_01") != before {
		t.Errorf("after an update: %q, %d", got, pid("jobs:many_01"))
	}
	daemontest.Until(t, "the group added again is started", func() bool { return pid("other") != 0 })
	// a group that the file takes away takes along what was added, with a word
	d.WriteConf(strings.Replace(twiddled, "[group:jobs]\n", "", 1))
	if got := reread(); got != "||jobs" {
		t.Errorf("without the group: %s", got)
	}
	wantFault(t, c, client.StillRunning, "jobs", "supervisor.removeProcessGroup", "jobs")
	call("supervisor.stopProcessGroup", "jobs")
	call("supervisor.removeProcessGroup", "jobs")
	d.WaitLog("WARN removed process: 'jobs:many_01' with its group; it was added at run time")
	wantFault(t, c, client.BadName, "group: jobs", "twiddler.addProgramToGroup", "jobs", "p", map[string]string{"command": "/bin/cat"})
}

func TestWhatTwiddlerMayDo(t *testing.T) {
	d, c := startDaemon(t, `
[rpcinterface:some]
plugin = twiddler
whitelist = getAPIVersion, log
`)
	untilThere(t, c, "some.log")
	wantFault(t, c, 230, "UNKNOWN: addProgramToGroup", "some.addProgramToGroup", "x", "p", map[string]string{})
	wantFault(t, c, 230, "UNKNOWN: getGroupNames", "some.getGroupNames")
	if err := c.Call(t.Context(), "some.log", nil, "a line", "DEBG"); err != nil {
		t.Error(err)
	}
	d.WaitLog(" DEBG a line\n")
	for permissions, mayList := range map[string]bool{"none": false, "read": true} {
		_, c = startDaemon(t, "[plugin:twiddler]\npermissions = "+permissions+"\n[rpcinterface:t]\nplugin = twiddler\n[group:g]\n")
		untilThere(t, c, "t.log")
		wantFault(t, c, client.Failed, "permissions = control", "t.addProgramToGroup", "g", "p", map[string]string{"command": "/bin/cat"})
		wantFault(t, c, client.Failed, "permissions = control", "t.log", "x")
		if err := c.Call(t.Context(), "t.getGroupNames", nil); (err == nil) != mayList {
			t.Errorf("%s: %v", permissions, err)
		}
	}
	daemontest.Until(t, "the line is there", func() bool { return strings.Contains(d.Log(), "a line") })
}
