package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// recorder is a listener that writes down every event it is given.
const recorder = `
import sys
out = open(sys.argv[1], "a")
sys.stdout.write("READY\n")
while True:
    sys.stdout.flush()
    header = sys.stdin.readline()
    tokens = dict(t.split(":", 1) for t in header.split())
    payload = sys.stdin.read(int(tokens["len"]))
    out.write("%s%s\n.\n" % (header, payload))
    out.flush()
    sys.stdout.write("RESULT 2\nOKREADY\n")
`

const eventsConf = `
[eventlistener:recorder]
command=/usr/bin/python3 DIR/recorder.py DIR/events
; all but ticks, which come by the clock
events=PROCESS_STATE,PROCESS_LOG,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,PROCESS_GROUP
buffer_size=1000
[program:runs]
command=/bin/cat
startsecs=0
autostart=false
[program:slow]
command=/bin/cat
startsecs=1
autostart=false
[program:expected]
command=/bin/sh -c "exit 0"
startsecs=0
autostart=false
autorestart=unexpected
[program:crashes]
command=/bin/sh -c "kill -9 $$"
startsecs=0
autostart=false
autorestart=false
[program:fails]
command=/bin/sh -c "exit 2"
startretries=1
autostart=false
[program:missing]
command=DIR/missing
startretries=0
autostart=false
[program:stubborn]
command=/bin/sh -c 'trap "" TERM; echo ready; while :; do sleep 0.1; done'
startsecs=0
stopwaitsecs=1
killasgroup=true
autostart=false
stdout_logfile=DIR/stubborn.log
[program:talks]
command=/bin/sh -c 'printf "plain\n"; printf "<!--XSUPERVISOR:BEGIN-->a message<!--XSUPERVISOR:END-->"; exec cat'
startsecs=0
autostart=false
stdout_capture_maxbytes=1MB
stdout_logfile=DIR/talks.log
[program:tells]
command=/bin/sh -c 'echo told; exec cat'
startsecs=0
autostart=false
stdout_events_enabled=true
stdout_logfile=DIR/tells.log
[program:complains]
command=/bin/sh -c 'echo told >&2; exec cat'
startsecs=0
autostart=false
stderr_events_enabled=true
stderr_logfile=DIR/complains.log
[program:several]
command=/bin/cat
process_name=%(program_name)s_%(process_num)d
numprocs=2
startsecs=0
autostart=false
`

// scenario is what both go through in the tests of events and of the log.
func scenario(in *instance) {
	heard := func(text string) {
		in.t.Helper()
		testkit.Until(in.t, "the recorder has heard "+text, func() bool { return strings.Contains(in.file("events"), text) })
	}
	heard("eventname:PROCESS_STATE_RUNNING")
	quietly := func(method string, args ...any) { _, _ = in.call("supervisor."+method, args...) }
	// A signal before the exec is lost in Supervisor.
	executed := func(name string) {
		in.t.Helper()
		testkit.Until(in.t, name+" is a cat", func() bool {
			comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", in.pid(name)))
			return err == nil && string(comm) == "cat\n"
		})
	}
	in.must("supervisor.startProcess", "runs")
	executed("runs")
	in.must("supervisor.signalProcess", "runs", "CONT")
	in.must("supervisor.stopProcess", "runs")
	in.must("supervisor.startProcess", "slow")
	executed("slow")
	in.must("supervisor.stopProcess", "slow")
	for _, name := range []string{"expected", "crashes"} {
		quietly("startProcess", name) // it answers one way or the other of a program that ends at once
		in.waitState(name, "EXITED")
	}
	quietly("startProcess", "fails")
	in.waitState("fails", "FATAL")
	quietly("startProcess", "missing")
	in.must("supervisor.startProcess", "stubborn")
	testkit.Until(in.t, "stubborn has its trap", func() bool { return in.file("stubborn.log") == "ready\n" })
	in.must("supervisor.stopProcess", "stubborn")
	in.must("supervisor.startProcess", "talks")
	heard("a message")
	in.must("supervisor.stopProcess", "talks")
	in.must("supervisor.startProcess", "tells")
	heard("channel:stdout\ntold")
	in.must("supervisor.sendProcessStdin", "tells", "more than that\n")
	heard("more than that")
	in.must("supervisor.stopProcess", "tells")
	in.must("supervisor.startProcess", "complains")
	heard("channel:stderr\ntold")
	in.must("supervisor.stopProcess", "complains")
	in.must("supervisor.startProcessGroup", "several")
	executed("several:several_0")
	executed("several:several_1")
	in.must("supervisor.stopProcessGroup", "several")
	in.must("supervisor.removeProcessGroup", "runs")
	in.must("supervisor.addProcessGroup", "runs")
	in.must("supervisor.sendRemoteCommEvent", "a type", "and data\nof two lines")
	in.must("supervisor.sendRemoteCommEvent", "", "")
	heard("type:\n")
	_ = in.cmd.Process.Signal(syscall.SIGUSR2)
	in.waitLog("supervisord logreopen")
	in.must("supervisor.shutdown")
	<-in.exited
}

func startScenario(t testing.TB) *pair {
	p := preparePair(t, baseConf+eventsConf)
	p.wait(func(in *instance) {
		if err := os.WriteFile(filepath.Join(in.dir, "recorder.py"), []byte(recorder), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	p.launch()
	p.wait(scenario)
	return p
}

var (
	eventHead = regexp.MustCompile(`^ver:3.0 server:supervisor serial:\d+ pool:recorder poolserial:\d+ eventname:\S+ len:\d+$`)
	numbers   = regexp.MustCompile(`\b(serial|poolserial|pid|len|when):\d+`)
	named     = regexp.MustCompile(`(?:processname|groupname):(\S+)`)
)

// streams are the events by the process or group they are about, each in the
// order in which the listener got them; serials are checked, then dropped.
func (in *instance) streams() string {
	by := map[string][]string{}
	for _, event := range strings.Split(strings.TrimSuffix(in.file("events"), "\n.\n"), "\n.\n") {
		header, payload, _ := strings.Cut(event, "\n")
		if strings.Contains(header, "eventname:TICK") {
			continue // by the clock
		}
		if !eventHead.MatchString(header) {
			in.t.Errorf("%s: header %q", in.dir, header)
		}
		about := "supervisor"
		if m := named.FindStringSubmatch(payload); m != nil {
			about = m[1]
		}
		if about == "recorder" && !strings.Contains(header, "GROUP") {
			about = "the listener itself"
		}
		text := numbers.ReplaceAllString(header+"\n"+payload, "$1:<n>")
		by[about] = append(by[about], text)
	}
	var names []string
	for name := range by {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "=== %s\n%s\n", name, strings.Join(by[name], "\n"))
	}
	return b.String()
}

func TestEventsAndActivityLogAlike(t *testing.T) {
	t.Parallel()
	p := startScenario(t)
	t.Run("events", func(t *testing.T) {
		p.same(t, (*instance).streams)
	})
	t.Run("activity log", func(t *testing.T) {
		p.same(t, (*instance).logStreams)
	})
	t.Run("serials rise by one", func(t *testing.T) {
		serial := regexp.MustCompile(`(?m)^ver:3.0 .* serial:(\d+) .* poolserial:(\d+) `)
		for _, in := range []*instance{p.python, p.hark} {
			for i, m := range serial.FindAllStringSubmatch(in.file("events"), -1) {
				if want := fmt.Sprint(i); m[1] != want || m[2] != want {
					t.Errorf("%s: event %d has serial %s and poolserial %s", in.dir, i, m[1], m[2])
				}
			}
		}
	})
}

var (
	logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (CRIT|ERRO|WARN|INFO|DEBG|TRAC|BLAT) `)
	subject = regexp.MustCompile(`(?:'(\w+)'|(?:spawned|success|exited|stopped|gave up): (\w+) |(\w+): \w+ |listener (\w+)|[Kk]illing '?(\w+)|sending (\w+)|waiting for (\w+) to stop)`)
	// Of the inside of Supervisor's loop.
	inside = regexp.MustCompile(`fd \d+ closed, stopped monitoring|received SIGCHLD|reaped unknown pid|waiting for .* to die|rebuffering event|waiting for .* to stop`)
)

// logStreams are the lines of the activity log by the process they are about.
func (in *instance) logStreams() string {
	by := map[string][]string{}
	about, skip := "supervisord", false
	for _, line := range strings.Split(strings.TrimSuffix(in.log(), "\n"), "\n") {
		m := logLine.FindString(line)
		if m != "" {
			skip = inside.MatchString(line) || strings.Contains(line, " hark "+version+" ")
			line = line[strings.Index(line, ",")+5:]
			about = "supervisord"
			if names := subject.FindStringSubmatch(line); names != nil {
				for _, name := range names[1:] {
					if name != "" {
						about = name
					}
				}
			}
		}
		if !skip {
			by[about] = append(by[about], line)
		}
	}
	var names []string
	for name := range by {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "=== %s\n%s\n", name, strings.Join(by[name], "\n"))
	}
	return killed.ReplaceAllString(b.String(), "($1<pid>)")
}

var killed = regexp.MustCompile(`\((pid )?\d+\)`)
