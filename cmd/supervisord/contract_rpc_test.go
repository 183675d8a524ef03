package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

const rpcConf = `
[program:cat]
command=/bin/cat
startsecs=0
[program:off]
command=/bin/cat
autostart=false
startsecs=0
[program:exited]
command=/bin/sh -c "echo whole; echo wrong >&2; exit 3"
startsecs=0
autorestart=false
[program:killed]
command=/bin/sh -c "kill -9 $$"
startsecs=0
autorestart=false
[program:fatal]
command=/bin/false
startretries=0
[program:missing]
command=DIR/missing
autostart=false
startretries=0
[program:data]
command=/etc/passwd
autostart=false
[program:empty]
command=
autostart=false
[program:unbalanced]
command=/bin/sh -c "exit
autostart=false
[program:quick]
command=/bin/sh -c "exit 7"
startretries=0
autostart=false
[program:sleeper]
command=/bin/sleep 1000
startsecs=0
[program:say]
command=/bin/sh -c 'printf 0123456789; exec cat'
startsecs=0
environment=A="1",B="two words"
directory=/tmp
umask=027
user=root
stdout_logfile=DIR/say.log
stdout_logfile_maxbytes=10MB
redirect_stderr=true
stopsignal=INT
autorestart=unexpected
exitcodes=0,2
stopasgroup=true
killasgroup=true
serverurl=http://localhost:9001
[program:nolog]
command=/bin/cat
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:one]
command=/bin/cat
startsecs=0
priority=10
autorestart=false
[program:two]
command=/bin/cat
startsecs=0
priority=5
autostart=false
[group:web]
programs=one,two
priority=50
[group:idle]
programs=cat
`

// arguments is a short way to write a call's arguments.
type arguments = []any

// rpcCase is one call made on both.
type rpcCase struct {
	method string
	args   arguments
	sorted bool                                    // an array in order of completion
	differ func(t *testing.T, python, hark string) // where they deliberately differ
	why    string                                  // why they do
	then   string                                  // "name STATE, …" to wait for afterwards
}

func TestXMLRPCAnswersAlike(t *testing.T) {
	t.Parallel()
	endsAtOnce := regexp.MustCompile(`(?m)^ *struct\n *description: .*\n *group: string "(killed|exited|fatal|quick)"\n *name: .*\n *status: .*\n|^ *\n`)
	p := startPair(t, asWhoMay(t, rpcConf))
	p.waitState("sleeper", "RUNNING")
	p.waitState("exited", "EXITED")
	p.waitState("killed", "EXITED")
	p.waitState("fatal", "FATAL")
	p.wait(func(in *instance) {
		testkit.Until(t, "say has spoken", func() bool { return in.file("say.log") == "0123456789" })
	})
	for _, c := range rpcCases() {
		t.Run(fmt.Sprintf("%s%v", c.method, c.args), func(t *testing.T) {
			python, hark := p.each(func(in *instance) string { return in.answer(c) })
			if c.method == "supervisor.startAllProcesses" && c.then != "" {
				// Whether Supervisor sees the end of what ends at once before it answers is a
				// race there. Hark always tells that it was started.
				if started := endsAtOnce.FindAllString(hark, -1); strings.Count(strings.Join(started, ""), "status: int 80\n") != 4 {
					t.Errorf("of what ends at once Hark says %q", started)
				}
				python, hark = endsAtOnce.ReplaceAllString(python, ""), endsAtOnce.ReplaceAllString(hark, "")
			}
			if c.differ != nil {
				c.differ(t, python, hark)
			} else {
				compare(t, python, hark)
			}
			for _, then := range strings.Split(c.then, ", ") {
				if name, state, ok := strings.Cut(then, " "); ok {
					p.waitState(name, state)
				}
			}
		})
	}
	t.Run("listMethods", func(t *testing.T) {
		python, hark := p.each(func(in *instance) string {
			var names []string
			for _, name := range in.must("system.listMethods").([]any) {
				if name := name.(string); !strings.HasPrefix(name, "hark.") {
					names = append(names, name)
				}
			}
			return strings.Join(names, "\n")
		})
		compare(t, python, hark)
		for _, method := range strings.Split(python, "\n") {
			python, hark := p.each(func(in *instance) string {
				help := in.must("system.methodHelp", method).(string)
				// The prose is ours; what tools parse is the tags.
				var tags []string
				for line := range strings.Lines(help) {
					if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[0], "@") {
						if f[0] == "@return" {
							f = f[:2]
						}
						tags = append(tags, strings.Join(f[:min(len(f), 3)], " "))
					}
				}
				return show(in.must("system.methodSignature", method)) + "\n" + strings.Join(tags, "\n")
			})
			t.Run("signature and tags of "+method, func(t *testing.T) { compare(t, python, hark) })
		}
	})
}

// answer is what a call gives, normalised.
func (in *instance) answer(c rpcCase) string {
	args := slices.Clone(c.args)
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = strings.ReplaceAll(s, "DIR", in.dir)
		}
	}
	v, err := in.call(c.method, args...)
	var fault *xmlrpc.Fault
	switch {
	case errors.As(err, &fault):
		return in.normal(fmt.Sprintf("fault %d %q", fault.Code, fault.String))
	case err != nil:
		return in.normal("error " + err.Error())
	}
	if items, ok := v.([]any); ok && c.sorted {
		slices.SortFunc(items, func(a, b any) int { return strings.Compare(show(a), show(b)) })
	}
	return in.normal(show(v))
}

// show prints a value with its types, one struct member a line; numbers that
// are times and pids only tell whether they are zero.
func show(v any) string {
	switch v := v.(type) {
	case xmlrpc.Struct:
		members := slices.Clone(v)
		slices.SortFunc(members, func(a, b xmlrpc.Member) int { return strings.Compare(a.Name, b.Name) })
		var b strings.Builder
		b.WriteString("struct\n")
		for _, m := range members {
			value := show(m.Value)
			switch m.Name {
			case "start", "stop", "now", "pid":
				if n, ok := m.Value.(int); ok && n != 0 {
					value = "int <" + m.Name + ">"
				}
			}
			b.WriteString("  " + m.Name + ": " + strings.ReplaceAll(value, "\n", "\n  ") + "\n")
		}
		return b.String()
	case []any:
		var b strings.Builder
		b.WriteString("array\n")
		for _, e := range v {
			b.WriteString("  " + strings.ReplaceAll(show(e), "\n", "\n  ") + "\n")
		}
		return b.String()
	case int:
		return "int " + strconv.Itoa(v)
	}
	return fmt.Sprintf("%T %#v", v, v)
}

// orderly accepts any fault or 4xx from Hark where Supervisor has an accident
// (a 500, a hang, a dropped connection).
func orderly(t *testing.T, python, hark string) {
	t.Helper()
	if !strings.Contains(python, "HTTP 500") {
		t.Errorf("Supervisor has no accident here: %s", python)
	}
	if !strings.HasPrefix(hark, "fault ") && !strings.HasPrefix(hark, "error HTTP 4") {
		t.Errorf("Hark answers %s", hark)
	}
}

// members44 are those that 4.4 adds to each struct of getAllConfigInfo, with
// the values that our configuration has: rpcinterface.py of 4.4.
func with44(t *testing.T, python, hark string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(hark) {
		if !strings.Contains(line, "autorestart: ") {
			lines = append(lines, line)
			continue
		}
		if strings.TrimSpace(line) == `autorestart: string "unexpected"` {
			continue
		}
		if !strings.Contains(line, "autorestart: bool ") {
			t.Errorf("Hark says %s", line)
		}
	}
	compare(t, python, strings.Join(lines, ""))
}

func rpcCases() []rpcCase {
	cases := []rpcCase{
		{method: "supervisor.getAPIVersion"},
		{method: "supervisor.getVersion"},
		{method: "supervisor.getSupervisorVersion", why: "the level of compatibility is 4.4.0", differ: func(t *testing.T, python, hark string) {
			compare(t, strings.ReplaceAll(python, "4.2.5", supervisorVersion), hark)
		}},
		{method: "supervisor.getIdentification"},
		{method: "supervisor.getState"},
		{method: "supervisor.getPID", differ: func(t *testing.T, python, hark string) {
			if !strings.HasPrefix(python, "int ") || !strings.HasPrefix(hark, "int ") {
				t.Error(python, hark)
			}
		}},
		{method: "supervisor.getAllConfigInfo", why: "4.4 has autorestart, 4.2.5 not", differ: with44},
		{method: "supervisor.getAllProcessInfo"},
		{method: "supervisor.readLog", args: arguments{-10, 5}},
		{method: "supervisor.readLog", args: arguments{1 << 30, 1}},
		{method: "supervisor.readMainLog", args: arguments{0, -1}},
		{method: "supervisor.readLog", args: arguments{"x", 1}, differ: orderly, why: "an accident"},
		{method: "supervisor.readLog", args: arguments{1}},
		{method: "nosuch"},
		{method: "supervisor"},
		{method: "supervisor.nosuch"},
		{method: "nosuch.getState"},
		{method: "supervisor._update", args: arguments{"x"}},
		{method: "supervisor.supervisord"},
		{method: "supervisor.getState.x"},
		{method: "system.nosuch"},
		{method: "system.listMethods", args: arguments{1}},
		{method: "system.methodHelp", args: arguments{"nosuch"}},
		{method: "system.methodHelp"},
		{method: "system.methodSignature", args: arguments{"nosuch"}},
		{method: "system.methodSignature", args: arguments{"system.methodSignature"}},
		{method: "system.multicall"},
		{method: "system.multicall", args: arguments{[]any{}}},
		{method: "system.multicall", args: arguments{[]any{
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getAPIVersion"}, {Name: "params", Value: []any{}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getAPIVersion"}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.stopProcess"}, {Name: "params", Value: []any{"off"}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.nosuch"}, {Name: "params", Value: []any{}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.getState"}, {Name: "params", Value: []any{1}}},
			xmlrpc.Struct{{Name: "methodName", Value: "system.multicall"}, {Name: "params", Value: []any{[]any{}}}},
			xmlrpc.Struct{{Name: "params", Value: []any{}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.startProcess"}, {Name: "params", Value: []any{"off"}}},
			xmlrpc.Struct{{Name: "methodName", Value: "supervisor.stopProcess"}, {Name: "params", Value: []any{"off"}}},
		}}},
		{method: "supervisor.getProcessInfo", args: arguments{"cat"}},
		{method: "supervisor.getProcessInfo", args: arguments{"web:*"}},
		{method: "supervisor.getProcessInfo", args: arguments{"web:"}},
		{method: "supervisor.getProcessInfo", args: arguments{""}},
		{method: "supervisor.getProcessInfo", args: arguments{"a:b:c"}},
		{method: "supervisor.getProcessInfo", args: arguments{":cat"}},

		{method: "supervisor.startProcess", args: arguments{"cat"}},
		{method: "supervisor.startProcess", args: arguments{"missing"}},
		{method: "supervisor.startProcess", args: arguments{"data"}},
		{method: "supervisor.startProcess", args: arguments{"empty"}},
		{method: "supervisor.startProcess", args: arguments{"unbalanced"}},
		{method: "supervisor.startProcess", args: arguments{"quick"}},
		{method: "supervisor.getProcessInfo", args: arguments{"quick"}},
		{method: "supervisor.startProcess", args: arguments{"off"}},
		{method: "supervisor.startProcess", args: arguments{"off", false}},
		{method: "supervisor.stopProcess", args: arguments{"off", false}, then: "off STOPPED"},
		{method: "supervisor.stopProcess", args: arguments{"off", 1}},
		{method: "supervisor.startProcess", args: arguments{"off", "yes"}},
		{method: "supervisor.stopProcess", args: arguments{"off", ""}, then: "off STOPPED"},
		{method: "supervisor.startProcess", args: arguments{"web:two", true}},
		{method: "supervisor.getProcessInfo", args: arguments{"web:two"}},
		{method: "supervisor.getProcessInfo", args: arguments{"two"}},
		{method: "supervisor.stopProcess", args: arguments{"web:*"}, sorted: true},
		{method: "supervisor.startProcess", args: arguments{"web:*"}, sorted: true},
		{method: "supervisor.startProcessGroup", args: arguments{"web"}, sorted: true},
		{method: "supervisor.stopProcessGroup", args: arguments{"web"}, sorted: true},
		{method: "supervisor.stopProcessGroup", args: arguments{"web"}, sorted: true},
		{method: "supervisor.startProcessGroup", args: arguments{"web", false}, sorted: true},
		{method: "supervisor.startProcessGroup", args: arguments{"missing"}},
		{method: "supervisor.startProcessGroup", args: arguments{"quick"}},
		{method: "supervisor.startProcessGroup", args: arguments{"web:*"}},
		{method: "supervisor.stopProcess", args: arguments{"cat"}},
		{method: "supervisor.getProcessInfo", args: arguments{"cat"}},
		{method: "supervisor.stopProcess", args: arguments{"cat"}},
		{method: "supervisor.stopProcess", args: arguments{"fatal"}},
		{method: "supervisor.stopProcess", args: arguments{"exited"}},
		{method: "supervisor.startProcess", args: arguments{"cat"}},

		{method: "supervisor.signalProcess", args: arguments{"cat", "CONT"}},
		{method: "supervisor.signalProcess", args: arguments{"cat", "sigcont"}},
		{method: "supervisor.signalProcess", args: arguments{"cat", " cont "}},
		{method: "supervisor.signalProcess", args: arguments{"cat", 18}},
		{method: "supervisor.signalProcess", args: arguments{"cat", "18"}},
		{method: "supervisor.signalProcess", args: arguments{"cat", 0}},
		{method: "supervisor.signalProcess", args: arguments{"cat", 18.0}},
		{method: "supervisor.signalProcess", args: arguments{"cat", -1}},
		{method: "supervisor.signalProcess", args: arguments{"cat", 999}},
		{method: "supervisor.signalProcess", args: arguments{"cat", ""}},
		{method: "supervisor.signalProcess", args: arguments{"cat", "BOGUS"}},
		{method: "supervisor.signalProcess", args: arguments{"cat", "SIG_IGN"}},
		{method: "supervisor.signalProcess", args: arguments{"fatal", "BOGUS"}},
		{method: "supervisor.signalProcess", args: arguments{"fatal", "CONT"}},
		{method: "supervisor.signalProcess", args: arguments{"nosuch", "BOGUS"}},
		{method: "supervisor.signalProcess", args: arguments{"web:*", "CONT"}, sorted: true},
		{method: "supervisor.signalProcess", args: arguments{"web:*", "BOGUS"}, sorted: true},
		{method: "supervisor.signalProcessGroup", args: arguments{"web", "CONT"}, sorted: true},
		{method: "supervisor.signalProcessGroup", args: arguments{"web", "BOGUS"}, sorted: true},
		{method: "supervisor.signalAllProcesses", args: arguments{"CONT"}, sorted: true},
		{method: "supervisor.signalAllProcesses", args: arguments{"BOGUS"}, sorted: true},

		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", 0, 4}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", 4, 0}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", -4, 0}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", -40, 0}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", -4, 2}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", 4, -2}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", 400, 2}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", "4", "2"}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", 4.7, 2.2}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", true, false}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", "", 2}, differ: orderly, why: "an accident"},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", nil, 2}},
		{method: "supervisor.readProcessLog", args: arguments{"say", 0, 0}},
		{method: "supervisor.readProcessStderrLog", args: arguments{"say", 0, 0}},
		{method: "supervisor.readProcessStderrLog", args: arguments{"exited", 0, 0}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"nolog", 0, 0}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"web:*", 0, 0}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 0, 4}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 0, 40}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 3, 40}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 8, 4}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 0, 10}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 0, 0}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", -4, 4}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 400, 4}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"say", 0, -4}},
		{method: "supervisor.tailProcessLog", args: arguments{"say", "0", "4"}},
		{method: "supervisor.tailProcessStderrLog", args: arguments{"say", 0, 4}},
		{method: "supervisor.tailProcessStderrLog", args: arguments{"exited", 0, 400}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"nolog", 0, 4}},
		{method: "supervisor.tailProcessStdoutLog", args: arguments{"web:*", 0, 4}},
		{method: "supervisor.clearProcessLogs", args: arguments{"say"}},
		{method: "supervisor.readProcessStdoutLog", args: arguments{"say", 0, 0}},
		{method: "supervisor.clearProcessLog", args: arguments{"nolog"}},
		{method: "supervisor.clearProcessLogs", args: arguments{"web:*"}},
		{method: "supervisor.clearAllProcessLogs", sorted: true},
		{method: "supervisor.clearLog"},
		{method: "supervisor.readLog", args: arguments{0, 10}},

		{method: "supervisor.sendProcessStdin", args: arguments{"cat", "a line\n"}},
		{method: "supervisor.sendProcessStdin", args: arguments{"cat", "älso\n"}},
		{method: "supervisor.sendProcessStdin", args: arguments{"cat", 3}},
		{method: "supervisor.sendProcessStdin", args: arguments{"cat", ""}},
		{method: "supervisor.sendProcessStdin", args: arguments{"fatal", "a line\n"}},
		{method: "supervisor.sendProcessStdin", args: arguments{"web:*", "a line\n"}},
		{method: "supervisor.sendRemoteCommEvent", args: arguments{"type", "data"}},
		{method: "supervisor.sendRemoteCommEvent", args: arguments{"type", ""}},
		{method: "supervisor.sendRemoteCommEvent", args: arguments{1, 2}},
		{method: "supervisor.sendRemoteCommEvent", args: arguments{"tÿpe", "dätä"}},

		{method: "supervisor.reloadConfig"},
		{method: "supervisor.addProcessGroup", args: arguments{"cat"}},
		{method: "supervisor.removeProcessGroup", args: arguments{"cat"}},
		{method: "supervisor.removeProcessGroup", args: arguments{"fatal"}},
		{method: "supervisor.getProcessInfo", args: arguments{"fatal"}},
		{method: "supervisor.reloadConfig"},
		{method: "supervisor.getAllConfigInfo", why: "4.4 has autorestart, 4.2.5 not", differ: with44},
		{method: "supervisor.addProcessGroup", args: arguments{"missing:*"}},
		{method: "supervisor.addProcessGroup", args: arguments{[]any{"cat", 1, 1.5, true}}},
		{method: "supervisor.addProcessGroup", args: arguments{[]any{"it's", []any{}}}},
		{method: "supervisor.sendProcessStdin", args: arguments{"cat", []any{"x", 2}}},
		{method: "supervisor.addProcessGroup", args: arguments{"fatal"}, then: "fatal FATAL"},
		{method: "supervisor.stopAllProcesses", sorted: true},
		{method: "supervisor.startAllProcesses", args: arguments{false}, sorted: true, then: "fatal FATAL, quick FATAL, exited EXITED, killed EXITED"},
		{method: "supervisor.stopAllProcesses", args: arguments{false}, sorted: true},
	}
	// Every method with a name that is nobody's, with too few arguments, with too
	// many, and with a name of a wrong type.
	for _, m := range []struct {
		name string
		args arguments
	}{
		{"getProcessInfo", arguments{"cat"}}, {"startProcess", arguments{"cat", true}},
		{"stopProcess", arguments{"cat", true}}, {"startProcessGroup", arguments{"cat", true}},
		{"stopProcessGroup", arguments{"cat", true}}, {"signalProcess", arguments{"cat", "CONT"}},
		{"signalProcessGroup", arguments{"cat", "CONT"}}, {"readProcessStdoutLog", arguments{"cat", 0, 0}},
		{"readProcessStderrLog", arguments{"cat", 0, 0}}, {"tailProcessStdoutLog", arguments{"cat", 0, 0}},
		{"tailProcessStderrLog", arguments{"cat", 0, 0}}, {"clearProcessLogs", arguments{"cat"}},
		{"sendProcessStdin", arguments{"cat", "x"}}, {"addProcessGroup", arguments{"cat"}},
		{"removeProcessGroup", arguments{"cat"}},
	} {
		method := "supervisor." + m.name
		other := func(name any) arguments { return append(arguments{name}, m.args[1:]...) }
		cases = append(cases,
			rpcCase{method: method, args: other("nosuch")},
			rpcCase{method: method, args: other("nosuch:*")},
			rpcCase{method: method, args: other("web:nosuch")},
			rpcCase{method: method},
			rpcCase{method: method, args: append(slices.Clone(m.args), 1)},
		)
		for _, name := range []any{7, nil, []any{"cat"}} {
			cases = append(cases, rpcCase{method: method, args: other(name), differ: orderlyOr, why: "an accident"})
		}
	}
	for _, name := range []string{"getState", "getPID", "getIdentification", "getAllProcessInfo", "getAllConfigInfo", "clearLog", "shutdown", "restart", "reloadConfig", "clearAllProcessLogs"} {
		cases = append(cases, rpcCase{method: "supervisor." + name, args: arguments{1}})
	}
	for _, name := range []string{"startAllProcesses", "stopAllProcesses", "signalAllProcesses", "sendRemoteCommEvent", "readLog"} {
		cases = append(cases, rpcCase{method: "supervisor." + name, args: arguments{1, 2, 3}})
	}
	return cases
}

// orderlyOr is orderly where Supervisor has an accident, or a Python list in a
// fault's text; else both must agree.
func orderlyOr(t *testing.T, python, hark string) {
	t.Helper()
	switch {
	case strings.Contains(python, "HTTP 500"):
		orderly(t, python, hark)
	case strings.Contains(python, "['cat']"):
		if !strings.HasPrefix(hark, "fault ") {
			t.Errorf("Hark answers %s", hark)
		}
	default:
		compare(t, python, hark)
	}
}

func TestXMLRPCFaultsAlikeInShutdown(t *testing.T) {
	t.Parallel()
	p := startPair(t, `
[program:stubborn]
command=/bin/sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
startsecs=0
stopwaitsecs=4
killasgroup=true
stdout_logfile=DIR/stubborn.log
`)
	p.wait(func(in *instance) {
		testkit.Until(t, "stubborn has its trap", func() bool { return in.file("stubborn.log") == "ready\n" })
		in.must("supervisor.shutdown")
	})
	for _, c := range []rpcCase{
		{method: "supervisor.getState"},
		{method: "supervisor.getAllProcessInfo"},
		{method: "supervisor.startProcess"},
		{method: "supervisor.shutdown"},
		{method: "supervisor.restart"},
		{method: "supervisor.sendRemoteCommEvent", args: arguments{"a", "b"}},
		{method: "system.methodSignature", args: arguments{"supervisor.getState"}},
		{method: "supervisor.nosuch"},
	} {
		t.Run(c.method, func(t *testing.T) { p.same(t, func(in *instance) string { return in.answer(c) }) })
	}
	p.wait(func(in *instance) { <-in.exited })
}
