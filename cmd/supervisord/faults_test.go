package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// documentedFaults are the faults of every method that clients may call, by its full name.
func documentedFaults() (of map[string][]int, rows map[string]*rpc.Method) {
	of, rows = map[string][]int{}, map[string]*rpc.Method{}
	namespaces, _ := rpc.Declared()
	for _, ns := range namespaces {
		for i := range ns.Methods {
			m := &ns.Methods[i]
			of[ns.Name+"."+m.Name], rows[ns.Name+"."+m.Name] = m.Faults, m
		}
	}
	return of, rows
}

// unprovoked are documented faults that this test cannot bring about, each with the reason.
func unprovoked() map[string]map[int]string {
	const (
		unknown = "a process whose state is not known is one that the kernel refuses to signal"
		disk    = "a log whose disk does not answer: TestALogOnAFrozenDiskHoldsUpNobodyElse"
		letters = "a directory that cannot be read, which root always can"
		gone    = "the daemon is in its last moments"
	)
	return map[string]map[int]string{
		"supervisor.startProcess":         {rpc.Failed: unknown},
		"supervisor.stopProcess":          {rpc.Failed: unknown},
		"supervisor.clearProcessLogs":     {rpc.Failed: disk},
		"supervisor.clearProcessLog":      {rpc.Failed: disk},
		"supervisor.clearLog":             {rpc.Failed: disk},
		"supervisor.readLog":              {rpc.Failed: disk},
		"supervisor.readMainLog":          {rpc.Failed: disk},
		"hark.sendDeadLetters":            {rpc.ShutdownState: gone, rpc.Failed: letters},
		"hark.getDeadLetters":             {rpc.Failed: letters},
		"supervisor.readProcessStdoutLog": {rpc.Failed: disk},
		"supervisor.readProcessLog":       {rpc.Failed: disk},
		"supervisor.readProcessStderrLog": {rpc.Failed: disk},
	}
}

// TestTheFaultsOfEveryMethodAreThoseOfItsDocument: each fault that docs/methods.md names is provoked on a daemon, or has its reason above; and
// no method answers, whatever it is called with, one that is not named there.
func TestTheFaultsOfEveryMethodAreThoseOfItsDocument(t *testing.T) {
	const conf = `
[program:runs]
command=/bin/cat
startsecs=0
[program:deaf]
command=/bin/sh -c 'exec 0<&-; echo closed; exec sleep 1000'
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE
[program:idle]
command=/bin/cat
autostart=false
[program:missing]
command=/nonexistent/program
autostart=false
[program:plain]
command=DIR/plain
autostart=false
[program:late]
command=/bin/cat
autostart=false
startsecs=1000
[program:astray]
command=/bin/cat
directory=/nonexistent
autostart=false
startretries=0
[eventlistener:pool]
command=/bin/sh -c 'printf "READY\n"; exec sleep 1000'
startsecs=0
events=REMOTE_COMMUNICATION
`
	in := prepare(t, hark(t), baseConf+conf)
	if err := os.WriteFile(filepath.Join(in.dir, "plain"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	in.launch()
	in.waitServing()
	for _, name := range []string{"runs", "deaf", "pool"} {
		in.waitState(name, "RUNNING")
	}
	documented, rows := documentedFaults()
	provoked := map[string]map[int]bool{}
	// It notes what it provokes, so no two run at a time.
	call := func(method string, args ...any) (code int) {
		t.Helper()
		if documented[method] == nil && rows[method] == nil {
			t.Errorf("there is no %s", method)
		}
		_, err := in.call(method, args...)
		var f *xmlrpc.Fault
		switch {
		case err == nil:
			return 0
		case !errors.As(err, &f):
			t.Errorf("%s%v: %v", method, args, err)
			return 0
		}
		if provoked[method] == nil {
			provoked[method] = map[int]bool{}
		}
		provoked[method][f.Code] = true
		if f.Code != rpc.IncorrectParameters && !slices.Contains(documented[method], f.Code) {
			t.Errorf("%s%.80v answers %d %.120q, which docs/methods.md does not name", method, args, f.Code, f.String)
		}
		return f.Code
	}
	waits := func(method string, code int, args ...any) {
		t.Helper()
		if got := call(method, args...); got != code {
			t.Errorf("%s%v: %d, want %d", method, args, got, code)
		}
	}

	in.must("supervisor.removeProcessGroup", "late") // a start of it would be waited for

	// Whatever they are called with. Those that end the daemon are called below.
	strange := []any{"", "nosuch", "nosuch:x", "nosuch:*", "runs", "runs:*", "*", "[", "a\n", -1, 0, 1 << 30, 1.5, true, []any{}, []any{"nosuch"}, []any{"["}, []any{""},
		[]any{"runs"}, []any{5}, xmlrpc.Struct{}, xmlrpc.Struct{{Name: "a", Value: "b"}}}
	ends := []string{"supervisor.shutdown", "supervisor.restart", "hark.shutdown"}
	for _, method := range sortedKeys(rows) {
		m := rows[method]
		if slices.Contains(ends, method) {
			continue
		}
		for n := len(m.Params) - m.Optional; n <= len(m.Params); n++ {
			for i := range strange {
				args := make([]any, n)
				for k := range args {
					args[k] = strange[(i+k*5)%len(strange)] // other mixtures of them
				}
				if method == "hark.waitProcesses" && n > 2 {
					args[2] = 0.0
				} else if method == "hark.waitProcesses" {
					continue // it would wait
				}
				call(method, args...)
			}
		}
	}
	for _, name := range []string{"runs", "deaf", "pool", "idle", "missing", "plain", "late", "astray"} { // what that has stopped or removed
		call("supervisor.addProcessGroup", name)
	}
	for _, name := range []string{"runs", "deaf", "pool"} {
		call("supervisor.startProcess", name)
		in.waitState(name, "RUNNING")
	}
	call("supervisor.stopProcess", "idle")

	// One after another what is documented.
	for _, m := range []string{"startProcess", "stopProcess", "signalProcess", "getProcessInfo", "readProcessStdoutLog", "readProcessStderrLog", "readProcessLog",
		"tailProcessStdoutLog", "tailProcessStderrLog", "tailProcessLog", "clearProcessLogs", "clearProcessLog", "sendProcessStdin", "startProcessGroup", "stopProcessGroup",
		"signalProcessGroup", "addProcessGroup", "removeProcessGroup"} {
		args := map[int][]any{1: {"nosuch"}, 2: {"nosuch", "HUP"}, 3: {"nosuch", 0, 0}}[len(rows["supervisor."+m].Params)-rows["supervisor."+m].Optional]
		waits("supervisor."+m, rpc.BadName, args...)
	}
	for _, m := range []string{"readLog", "readMainLog"} {
		waits("supervisor."+m, rpc.BadArguments, -1, 1)
	}
	for _, m := range []string{"readProcessStdoutLog", "readProcessStderrLog", "readProcessLog"} {
		waits("supervisor."+m, rpc.BadArguments, "runs", -1, 1)
		waits("supervisor."+m, rpc.NoFile, "deaf", 0, 10)
	}
	waits("supervisor.addProcessGroup", rpc.AlreadyAdded, "runs")
	waits("supervisor.removeProcessGroup", rpc.StillRunning, "runs")
	waits("supervisor.startProcess", rpc.NoFile, "missing")
	waits("supervisor.startProcess", rpc.NotExecutable, "plain")
	waits("supervisor.startProcess", rpc.AlreadyStarted, "runs")
	waits("supervisor.startProcess", rpc.SpawnError, "astray")
	begun := make(chan int, 1)
	go func() { begun <- call("supervisor.startProcess", "late") }()
	in.waitState("late", "STARTING")
	in.must("supervisor.stopProcess", "late")
	select {
	case code := <-begun:
		if code != rpc.AbnormalTermination {
			t.Errorf("a start that is stopped: %d", code)
		}
	case <-time.After(testkit.Patience):
		t.Fatal("a start that is stopped is not answered")
	}
	waits("supervisor.stopProcess", rpc.NotRunning, "idle")
	waits("supervisor.signalProcess", rpc.NotRunning, "idle", "HUP")
	waits("supervisor.signalProcess", rpc.BadSignal, "runs", "NOSUCH")
	waits("supervisor.sendProcessStdin", rpc.NotRunning, "idle", "x")
	waits("supervisor.sendProcessStdin", rpc.NoFile, "deaf", "x")
	waits("supervisor.sendProcessStdin", rpc.Failed, "pool", "x")
	waits("system.methodHelp", rpc.SignatureUnsupported, "nosuch")
	waits("system.methodSignature", rpc.SignatureUnsupported, "nosuch")
	waits("hark.shutdown", rpc.BadArguments, 256)
	waits("hark.shutdown", rpc.BadArguments, -1)
	waits("hark.silence", rpc.BadArguments, []any{"["}, 60, "")
	waits("hark.silence", rpc.BadArguments, []any{}, 0, "")
	waits("hark.unsilence", rpc.BadName, 4711)
	waits("hark.testNotifier", rpc.BadName, "nosuch")
	waits("hark.getDeadLetters", rpc.BadName, []any{"nosuch"})
	waits("hark.sendDeadLetters", rpc.BadName, []any{"nosuch"})
	waits("hark.restartPlugin", rpc.BadName, "nosuch")
	waits("hark.signalProcesses", rpc.BadSignal, []any{"runs"}, "NOSUCH")
	waits("hark.waitProcesses", rpc.BadName, []any{"nosuch"}, []any{"RUNNING"}, 0.0)
	waits("hark.waitProcesses", rpc.BadArguments, []any{"runs"}, []any{"NOSUCH"}, 0.0)
	waits("hark.getProcessStats", rpc.BadName, []any{"nosuch"})
	in.writeConf(baseConf + conf + "[program:broken]\n")
	waits("supervisor.reloadConfig", rpc.CantReread)
	waits("hark.previewUpdate", rpc.CantReread)
	waits("supervisor.restart", rpc.CantReread)
	if err := os.Remove(filepath.Join(in.dir, "supervisord.log")); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"readLog", "readMainLog"} {
		waits("supervisor."+m, rpc.NoFile, 0, 10)
	}
	waits("supervisor.clearLog", rpc.NoFile)

	for _, method := range sortedKeys(documented) {
		for _, code := range documented[method] {
			switch why := unprovoked()[method][code]; {
			case provoked[method][code] && why != "":
				t.Errorf("%s answered %s, which has a reason not to be provoked", method, rpc.FaultName(code))
			case !provoked[method][code] && why == "":
				t.Errorf("%s never answered %d %s, which docs/methods.md names", method, code, rpc.FaultName(code))
			}
		}
	}
	for method, codes := range unprovoked() {
		for code := range codes {
			if !slices.Contains(documented[method], code) {
				t.Errorf("%s: %s has a reason and no document", method, rpc.FaultName(code))
			}
		}
	}
	if t.Failed() {
		t.Logf("provoked: %v", strings.ReplaceAll(fmt.Sprint(provoked), "] ", "]\n"))
	}
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
