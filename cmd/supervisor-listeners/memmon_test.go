package main

import (
	"context"
	"errors"
	"maps"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/client"
)

// fakeSupervisord answers from a list and notes what it is told to do.
type fakeSupervisord struct {
	processes []client.ProcessInfo
	faults    map[string]error // by "stop g:n"
	mu        sync.Mutex
	did       []string
}

func (f *fakeSupervisord) AllProcessInfo(context.Context) ([]client.ProcessInfo, error) {
	return f.processes, f.faults["all"]
}

func (f *fakeSupervisord) ProcessInfo(_ context.Context, name string) (client.ProcessInfo, error) {
	i := slices.IndexFunc(f.processes, func(p client.ProcessInfo) bool { return p.Group+":"+p.Name == name })
	return f.processes[i], nil
}

func (f *fakeSupervisord) do(what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, what)
	return f.faults[what]
}

func (f *fakeSupervisord) StopProcess(_ context.Context, name string, _ bool) error {
	return f.do("stop " + name)
}

func (f *fakeSupervisord) StartProcess(_ context.Context, name string, _ bool) error {
	return f.do("start " + name)
}

func process(group, name string, pid int) client.ProcessInfo {
	state := client.Running
	if pid == 0 {
		state = client.Stopped
	}
	return client.ProcessInfo{Name: name, Group: group, Pid: pid, State: state, Start: 1000, Now: 1060}
}

func TestMemmon(t *testing.T) {
	restart := func(names ...string) (did []string) {
		for _, n := range names {
			did = append(did, "stop "+n, "start "+n)
		}
		return did
	}
	const mail = "To: me@x\nSubject: memmon: process g:b restarted\n\nmemmon restarted the process named g:b at "
	fault := &client.Fault{Code: client.Failed, String: "FAILED"}
	for name, c := range map[string]struct {
		m      memmon
		faults map[string]error
		did    []string
		mailed string // how it begins
		failed bool
	}{
		"any":                           {m: memmon{any: 100}, did: restart("g:b", "big:big")},
		"any, none above":               {m: memmon{any: 5000}},
		"a program":                     {m: memmon{any: -1, programs: map[string]int64{"b": 100}}, did: restart("g:b")},
		"a namespec":                    {m: memmon{any: -1, programs: map[string]int64{"g:b": 100}}, did: restart("g:b")},
		"once, whatever says so":        {m: memmon{any: 100, programs: map[string]int64{"g:b": 100, "b": 100}, groups: map[string]int64{"g": 100}}, did: restart("g:b", "big:big")},
		"the smallest of limits":        {m: memmon{any: -1, programs: map[string]int64{"b": 5000}, groups: map[string]int64{"g": 100}}, did: restart("g:b")},
		"a group":                       {m: memmon{any: -1, groups: map[string]int64{"g": 100}}, did: restart("g:b")},
		"descendants count":             {m: memmon{any: -1, groups: map[string]int64{"g": 100}, cumulative: true}, did: restart("g:a", "g:b")},
		"a mail":                        {m: memmon{any: -1, programs: map[string]int64{"b": 100}, mail: mailer{to: []string{"me@x"}}}, did: restart("g:b"), mailed: mail},
		"a mail with a name":            {m: memmon{any: -1, programs: map[string]int64{"b": 100}, name: "P 1", mail: mailer{to: []string{"me@x"}}}, did: restart("g:b"), mailed: strings.Replace(mail, "memmon:", "memmon [P 1]:", 1)},
		"no mail after a long time":     {m: memmon{any: -1, programs: map[string]int64{"b": 100}, uptime: 59 * time.Second, mail: mailer{to: []string{"me@x"}}}, did: restart("g:b")},
		"a mail as long as it was less": {m: memmon{any: -1, programs: map[string]int64{"b": 100}, uptime: time.Minute, mail: mailer{to: []string{"me@x"}}}, did: restart("g:b"), mailed: mail},
		"a stop that fails": {m: memmon{any: 100, mail: mailer{to: []string{"me@x"}}}, faults: map[string]error{"stop g:b": fault}, did: []string{"stop g:b"}, failed: true,
			mailed: "To: me@x\nSubject: memmon: failed to stop process g:b, exiting\n\nFailed to stop process g:b (RSS 200), exiting: FAILED"},
		"a start that fails": {m: memmon{any: 100, mail: mailer{to: []string{"me@x"}}}, faults: map[string]error{"start g:b": fault}, did: restart("g:b"), failed: true,
			mailed: "To: me@x\nSubject: memmon: failed to start process g:b, exiting\n\nFailed to start process g:b after stopping it, exiting: FAILED"},
		"no answer": {m: memmon{any: 100}, faults: map[string]error{"all": errors.New("gone")}, failed: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench()
			b.env = map[string]string{"SUPERVISOR_PROCESS_NAME": "memmon", "SUPERVISOR_GROUP_NAME": "memmon"}
			command, file := sendmail(t)
			rpc := &fakeSupervisord{faults: c.faults, processes: []client.ProcessInfo{
				process("g", "a", 10), process("g", "b", 20), process("big", "big", 30), process("memmon", "memmon", 40), process("g", "off", 0), process("g", "gone", 99)}}
			m := c.m
			if m.uptime == 0 {
				m.uptime = math.MaxInt64
			}
			m.s, m.rpc, m.stop = b.surroundings, rpc, func() {}
			m.mail.s, m.mail.sendmail = b.surroundings, command
			m.table = func(context.Context) (processTable, error) {
				return processTable{1: {0, 50}, 10: {1, 60}, 11: {10, 30}, 12: {11, 30}, 20: {1, 200}, 30: {1, 300}, 40: {1, 4000}}, nil
			}
			err := m.check(context.Background())
			if (err != nil) != c.failed || !slices.Equal(rpc.did, c.did) {
				t.Errorf("did %v, want %v; %v; logged %s", rpc.did, c.did, err, b.stderr.String())
			}
			if got := read(t, file); !strings.HasPrefix(got, c.mailed) || c.mailed == "" && got != "" {
				t.Errorf("mailed %q", got)
			}
		})
	}
}

func TestMemmonsOptions(t *testing.T) {
	for _, args := range []string{"", "-p cat", "-p cat=x", "-a 1TB", "-u 1w", "-x"} {
		if b := newBench().run(append([]string{"memmon"}, strings.Fields(args)...)...); b.status != 255 || b.stderr.String() == "" {
			t.Errorf("%q: %d, %s", args, b.status, b.stderr.String())
		}
	}
	b := newBench(recorded{"PROCESS_STATE_EXITED", crash}) // no tick, so nobody is called
	b.env["SUPERVISOR_SERVER_URL"] = "unix:///nonexistent"
	b.run("memmon", "-c", "-p", "program1=200MB", "-p", "theprog:thegroup=100MB", "-g", "thegroup=100MB", "-a", "1GB", "-s", "/usr/sbin/sendmail -t -i", "-m", "chrism@plope.com", "-u", "1d", "-n", "Project 1")
	if b.status != 0 || b.results() != "OK" {
		t.Errorf("%d, %q, %s", b.status, b.results(), b.stderr.String())
	}
}

func TestTheProcessTable(t *testing.T) {
	child := exec.Command("/bin/sleep", "1000")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = child.Process.Signal(syscall.SIGKILL)
		_ = child.Wait()
	}()
	table, err := readProcessTable(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	own, ok := table.rss(os.Getpid(), false)
	if !ok || own < 1<<20 || own > 1<<36 || table[child.Process.Pid].parent != os.Getpid() {
		t.Errorf("%d, %v; the child is %+v", own, ok, table[child.Process.Pid])
	}
	if all, ok := table.rss(os.Getpid(), true); !ok || all < own+table[child.Process.Pid].rss {
		t.Errorf("%d with descendants, %d without", all, own)
	}
	if _, ok := table.rss(-1, true); ok {
		t.Error("a process that is not there")
	}
	circle := processTable{1: {2, 10}, 2: {1, 20}}
	if n, _ := circle.rss(1, true); n != 30 || len(slices.Collect(maps.Keys(circle))) != 2 {
		t.Errorf("a circle has %d", n)
	}
}
