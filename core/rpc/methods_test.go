package rpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func newTestDispatcher(f *fake) *Dispatcher {
	n := &supervisorNamespace{sup: f, logs: testLogs()}
	return NewDispatcher(nil, n.namespace("supervisor"), Hark{Version: "0.1.0-test", Daemon: f}.Namespace())
}

// plain turns values into what a client would decode.
func plain(t *testing.T, v any) any {
	t.Helper()
	b, err := xmlrpc.AppendResponse(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	if v, err = xmlrpc.DecodeResponse(b); err != nil {
		t.Fatal(err)
	}
	return v
}

// answerText is what a call answers, or its fault with the code, as text.
func answerText(t *testing.T, d *Dispatcher, access Access, method string, args []any) string {
	t.Helper()
	v, err := d.Call(t.Context(), access, method, args)
	var refused *xmlrpc.Fault
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("%d %s", refused.Code, refused.String)
	case err != nil:
		return err.Error()
	}
	return fmt.Sprint(plain(t, v))
}

func TestCallsAnswerAndFault(t *testing.T) {
	dir := t.TempDir()
	logfile := filepath.Join(dir, "out.log")
	if err := os.WriteFile(logfile, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	type args = []any
	status := func(group, name string, code int, text string) xmlrpc.Struct {
		return xmlrpc.Struct{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "status", Value: code}, {Name: "description", Value: text}}
	}
	run := func(f *fake) { f.set("cat", "cat", process.Running); f.set("web", "a", process.Running) }
	failing := func(kind core.ErrorKind, detail string) func(*fake) {
		return func(f *fake) { f.fail = &core.Error{Kind: kind, Detail: detail}; run(f) }
	}
	logged := func(f *fake) {
		f.procs[0].StdoutLog = logfile
		f.procs[0].StderrLog = filepath.Join(dir, "missing")
		f.mainLog = logfile
	}
	for _, tt := range []struct {
		name   string
		setup  func(*fake)
		method string
		args   args
		want   any    // or
		fault  string // "code text"
		did    string
	}{
		{name: "the API version", method: "supervisor.getAPIVersion", want: "3.0"},
		{name: "its old name", method: "supervisor.getVersion", want: "3.0"},
		{name: "the level of compatibility", method: "supervisor.getSupervisorVersion", want: "4.4.0"},
		{name: "Hark's version", method: "hark.getVersion", want: "0.1.0-test"},
		{name: "the pid", method: "supervisor.getPID", want: os.Getpid()},
		{name: "the identifier", method: "supervisor.getIdentification", want: "supervisor"},
		{name: "the state", method: "supervisor.getState", want: xmlrpc.Struct{{Name: "statecode", Value: 1}, {Name: "statename", Value: "RUNNING"}}},

		{name: "an unknown namespace", method: "nothing.getState", fault: "1 UNKNOWN_METHOD"},
		{name: "an unknown method", method: "supervisor.nothing", fault: "1 UNKNOWN_METHOD"},
		{name: "no namespace", method: "getState", fault: "1 UNKNOWN_METHOD"},
		{name: "a path into objects", method: "supervisor.supervisord.options", fault: "1 UNKNOWN_METHOD"},
		{name: "a private method", method: "supervisor._update", fault: "1 UNKNOWN_METHOD"},
		{name: "too many arguments", method: "supervisor.getState", args: args{1}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "too few arguments", method: "supervisor.startProcess", fault: "2 INCORRECT_PARAMETERS"},

		{name: "a start", method: "supervisor.startProcess", args: args{"cat"}, want: true},
		{name: "a start that doesn't wait", method: "supervisor.startProcess", args: args{"slow", false}, want: true},
		{name: "a start whose wait is an empty string", method: "supervisor.startProcess", args: args{"slow", ""}, want: true},
		{name: "a start whose wait is nil", method: "supervisor.startProcess", args: args{"slow", nil}, want: true},
		{name: "a start of a group's member", method: "supervisor.startProcess", args: args{"web:a"}, want: true},
		{name: "a start by base64", method: "supervisor.startProcess", args: args{[]byte("cat")}, want: true},
		{name: "a start of what runs", setup: run, method: "supervisor.startProcess", args: args{"cat:cat"}, fault: "60 ALREADY_STARTED: cat:cat"},
		{name: "a start of what isn't there", method: "supervisor.startProcess", args: args{"web:z"}, fault: "10 BAD_NAME: web:z"},
		{name: "a start of nothing", method: "supervisor.startProcess", args: args{""}, fault: "10 BAD_NAME: "},
		{name: "a start of a number", method: "supervisor.startProcess", args: args{5}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "a start of a whole group", method: "supervisor.startProcess", args: args{"web:*"},
			want: []any{status("web", "b", 80, "OK"), status("web", "a", 80, "OK")}},
		{name: "a start of a whole group, short", method: "supervisor.startProcess", args: args{"web:"},
			want: []any{status("web", "b", 80, "OK"), status("web", "a", 80, "OK")}},
		{name: "a start of a group that isn't there", method: "supervisor.startProcess", args: args{"z:*"}, fault: "10 BAD_NAME: z:*"},
		{name: "a missing program", setup: failing(core.NoFile, "can't find command '/x'"), method: "supervisor.startProcess", args: args{"slow", false}, fault: "20 NO_FILE: can't find command '/x'"},
		{name: "a program that can't run", setup: failing(core.NotExecutable, "command at '/x' is not executable"), method: "supervisor.startProcess", args: args{"slow", false}, fault: "21 NOT_EXECUTABLE: command at '/x' is not executable"},
		{name: "a spawn that fails", setup: failing(core.SpawnFailed, "why"), method: "supervisor.startProcess", args: args{"slow", false}, fault: "50 SPAWN_ERROR: slow"},
		{name: "a program that ends at once", setup: failing(core.AbnormalTermination, ""), method: "supervisor.startProcess", args: args{"slow", false}, fault: "40 ABNORMAL_TERMINATION: slow"},
		{name: "the end of the supervisor", setup: func(f *fake) { f.fail = core.ErrEnded; run(f) }, method: "supervisor.startProcess", args: args{"slow", false}, fault: "6 SHUTDOWN_STATE"},
		{name: "another failure", setup: failing(core.Failed, "x is in an unknown process state"), method: "supervisor.startProcess", args: args{"slow", false}, fault: "30 FAILED: x is in an unknown process state"},
		{name: "an error that isn't the core's", setup: func(f *fake) { f.fail = errTest }, method: "supervisor.startProcess", args: args{"cat"}, fault: "30 FAILED: a test's own error"},
		{name: "a group's start", method: "supervisor.startProcessGroup", args: args{"slow"}, want: []any{status("slow", "slow", 40, "ABNORMAL_TERMINATION: slow")}},
		{name: "a group's start, all running", setup: run, method: "supervisor.startProcessGroup", args: args{"cat", true}, want: []any{}},
		{name: "a start of a group that is a number", method: "supervisor.startProcessGroup", args: args{5}, fault: "10 BAD_NAME: 5"},
		{name: "a start of a group that is a double", method: "supervisor.startProcessGroup", args: args{1.0}, fault: "10 BAD_NAME: 1.0"},
		{name: "a start of a group that is a boolean", method: "supervisor.startProcessGroup", args: args{true}, fault: "10 BAD_NAME: True"},
		{name: "a start of a group that is nil", method: "supervisor.startProcessGroup", args: args{nil}, fault: "10 BAD_NAME"},
		{name: "a start of a group that is an array", method: "supervisor.startProcessGroup", args: args{args{}}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "a group added whose name is an array", method: "supervisor.addProcessGroup", args: args{args{"x", 1, 1.5, true, nil, args{"it's"}}}, fault: `10 BAD_NAME: ['x', 1, 1.5, True, None, ["it's"]]`},
		{name: "a group added whose name is a struct", method: "supervisor.addProcessGroup", args: args{xmlrpc.Struct{{Name: "a", Value: 1.0}, {Name: "b", Value: "c\n"}}}, fault: `10 BAD_NAME: {'a': 1.0, 'b': 'c\n'}`},
		{name: "standard input that is an array", setup: run, method: "supervisor.sendProcessStdin", args: args{"cat", args{"x"}}, fault: "2 INCORRECT_PARAMETERS: ['x']"},
		{name: "a start of all", setup: run, method: "supervisor.startAllProcesses",
			want: []any{status("slow", "slow", 40, "ABNORMAL_TERMINATION: slow"), status("web", "b", 80, "OK")}},

		{name: "a stop", setup: run, method: "supervisor.stopProcess", args: args{"cat"}, want: true},
		{name: "a stop of what doesn't run", method: "supervisor.stopProcess", args: args{"cat", false}, fault: "70 NOT_RUNNING: cat"},
		{name: "a stop of a group", setup: run, method: "supervisor.stopProcess", args: args{"web:*"}, want: []any{status("web", "a", 80, "OK")}},
		{name: "a group's stop", setup: run, method: "supervisor.stopProcessGroup", args: args{"web"}, want: []any{status("web", "a", 80, "OK")}},
		{name: "a stop of all", setup: run, method: "supervisor.stopAllProcesses", args: args{true}, want: []any{status("cat", "cat", 80, "OK"), status("web", "a", 80, "OK")}},

		{name: "a signal", setup: run, method: "supervisor.signalProcess", args: args{"cat", " sigHup "}, want: true, did: "signal cat hangup"},
		{name: "a signal by number", setup: run, method: "supervisor.signalProcess", args: args{"cat", "1"}, want: true, did: "signal cat hangup"},
		{name: "a signal by a double", setup: run, method: "supervisor.signalProcess", args: args{"cat", 1.9}, want: true, did: "signal cat hangup"},
		{name: "signal 0", setup: run, method: "supervisor.signalProcess", args: args{"cat", 0}, want: true, did: "signal cat signal 0"},
		{name: "a synonym", setup: run, method: "supervisor.signalProcess", args: args{"cat", "iot"}, want: true, did: "signal cat aborted"},
		{name: "a bad signal", setup: run, method: "supervisor.signalProcess", args: args{"cat", "nope"}, fault: "11 BAD_SIGNAL: nope"},
		{name: "a signal out of range", setup: run, method: "supervisor.signalProcess", args: args{"cat", 99}, fault: "11 BAD_SIGNAL: 99"},
		{name: "a bad signal to what doesn't run", method: "supervisor.signalProcess", args: args{"cat", "nope"}, fault: "11 BAD_SIGNAL: nope"},
		{name: "a bad signal to a bad name", method: "supervisor.signalProcess", args: args{"z", "nope"}, fault: "10 BAD_NAME: z"},
		{name: "a signal to what doesn't run", method: "supervisor.signalProcess", args: args{"cat", "HUP"}, fault: "70 NOT_RUNNING: cat"},
		{name: "a group's signal", setup: run, method: "supervisor.signalProcess", args: args{"web:*", "HUP"}, want: []any{status("web", "a", 80, "OK")}, did: "signal a hangup"},
		{name: "a group's bad signal", setup: run, method: "supervisor.signalProcessGroup", args: args{"web", "nope"}, want: []any{status("web", "a", 11, "BAD_SIGNAL: nope")}},
		{name: "an unknown group's bad signal", method: "supervisor.signalProcessGroup", args: args{"z", "nope"}, fault: "10 BAD_NAME: z"},
		{name: "an empty group's bad signal", method: "supervisor.signalProcessGroup", args: args{"empty", "nope"}, want: []any{}},
		{name: "a bad signal to all", setup: run, method: "supervisor.signalAllProcesses", args: args{args{}},
			want: []any{status("cat", "cat", 11, "BAD_SIGNAL: []"), status("web", "a", 11, "BAD_SIGNAL: []")}},
		{name: "a signal to all", setup: run, method: "supervisor.signalAllProcesses", args: args{"USR1"}, want: []any{status("cat", "cat", 80, "OK"), status("web", "a", 80, "OK")}, did: "signal cat user defined signal 1; signal a user defined signal 1"},

		{name: "info of a bad name", method: "supervisor.getProcessInfo", args: args{"z"}, fault: "10 BAD_NAME: z"},
		{name: "info of a group", method: "supervisor.getProcessInfo", args: args{"web:*"}, fault: "10 BAD_NAME: web:*"},

		{name: "no main log", method: "supervisor.readLog", args: args{0, 0}, fault: "20 NO_FILE"},
		{name: "a missing main log", setup: func(f *fake) { f.mainLog = "/nonexistent" }, method: "supervisor.readLog", args: args{0, 0}, fault: "20 NO_FILE: /nonexistent"},
		{name: "the main log", setup: logged, method: "supervisor.readMainLog", args: args{0, 0}, want: "0123456789"},
		{name: "the main log's end", setup: logged, method: "supervisor.readLog", args: args{-3, 0}, want: "789"},
		{name: "a piece, in strings and doubles", setup: logged, method: "supervisor.readLog", args: args{" 2 ", 3.9}, want: "234"},
		{name: "bad arguments", setup: logged, method: "supervisor.readLog", args: args{-3, 1}, fault: "3 BAD_ARGUMENTS"},
		{name: "a negative length", setup: logged, method: "supervisor.readLog", args: args{0, -1}, fault: "3 BAD_ARGUMENTS"},
		{name: "an offset that is no number", setup: logged, method: "supervisor.readLog", args: args{"x", 1}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "an offset that is nil", setup: logged, method: "supervisor.readLog", args: args{nil, 1}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "a process's log", setup: logged, method: "supervisor.readProcessLog", args: args{"cat", 8, 5}, want: "89"},
		{name: "a missing log", setup: logged, method: "supervisor.readProcessStderrLog", args: args{"cat", 0, 0}, fault: "20 NO_FILE: " + filepath.Join(dir, "missing")},
		{name: "no log", method: "supervisor.readProcessStdoutLog", args: args{"cat", 0, 0}, fault: "20 NO_FILE"},
		{name: "a log of a bad name", method: "supervisor.readProcessStdoutLog", args: args{"z", 0, 0}, fault: "10 BAD_NAME: z"},
		{name: "a log of a group", method: "supervisor.readProcessStdoutLog", args: args{"web:*", 0, 0}, fault: "10 BAD_NAME: web:*"},
		{name: "a tail", setup: logged, method: "supervisor.tailProcessLog", args: args{"cat", 0, 4}, want: args{"6789", 10, true}},
		{name: "a tail of a missing log", setup: logged, method: "supervisor.tailProcessStderrLog", args: args{"cat", 3, 4}, want: args{"", 0, false}},
		{name: "a tail with a bad number", setup: logged, method: "supervisor.tailProcessStdoutLog", args: args{"cat", "x", 4}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "a clear of no main log", method: "supervisor.clearLog", fault: "20 NO_FILE"},
		{name: "a clear of the main log", setup: logged, method: "supervisor.clearLog", want: true, did: "clear main log"},
		{name: "a clear of the main log that fails", setup: func(f *fake) { logged(f); f.fail = &core.Error{Kind: core.Failed, Detail: "why"} }, method: "supervisor.clearLog", fault: "30 FAILED"},
		{name: "a clear", method: "supervisor.clearProcessLog", args: args{"cat"}, want: true},
		{name: "a clear that fails", method: "supervisor.clearProcessLogs", args: args{"web:a"}, fault: "30 FAILED: web:a"},
		{name: "a clear of a group", method: "supervisor.clearProcessLogs", args: args{"web:*"}, fault: "10 BAD_NAME: web:*"},
		{name: "a clear of all", method: "supervisor.clearAllProcessLogs", want: []any{status("cat", "cat", 80, "OK"), status("slow", "slow", 80, "OK"),
			status("web", "b", 80, "OK"), status("web", "a", 30, "FAILED: web:a")}},

		{name: "stdin", setup: run, method: "supervisor.sendProcessStdin", args: args{"cat", "žluť\n"}, want: true, did: "stdin žluť\n"},
		{name: "stdin of what doesn't run", method: "supervisor.sendProcessStdin", args: args{"cat", "x"}, fault: "70 NOT_RUNNING: cat"},
		{name: "stdin that is a number", method: "supervisor.sendProcessStdin", args: args{"cat", 5}, fault: "2 INCORRECT_PARAMETERS: 5"},
		{name: "stdin that is closed", setup: failing(core.NoFile, "the core's own wording"), method: "supervisor.sendProcessStdin", args: args{"cat", "x"}, fault: "20 NO_FILE: cat"},
		{name: "a remote event", method: "supervisor.sendRemoteCommEvent", args: args{"t", "d"}, want: true, did: "remote t d"},

		{name: "a reload", method: "supervisor.reloadConfig", want: args{args{args{"new"}, args{}, args{"old", "older"}}}},
		{name: "a reload of a broken file", setup: failing(core.CantReread, "File contains no section headers."), method: "supervisor.reloadConfig", fault: "92 CANT_REREAD: File contains no section headers."},
		{name: "an added group", method: "supervisor.addProcessGroup", args: args{"new"}, want: true, did: "add new"},
		{name: "a group added twice", setup: failing(core.AlreadyAdded, ""), method: "supervisor.addProcessGroup", args: args{"new"}, fault: "90 ALREADY_ADDED: new"},
		{name: "a removed group", method: "supervisor.removeProcessGroup", args: args{"old"}, want: true, did: "remove old"},
		{name: "a removed group that runs", setup: failing(core.StillRunning, "old"), method: "supervisor.removeProcessGroup", args: args{"old"}, fault: "91 STILL_RUNNING: old"},
		{name: "shutdown", method: "supervisor.shutdown", want: true, did: "shutdown"},
		{name: "shutdown with a status", method: "hark.shutdown", args: args{3}, want: true, did: "shutdown with 3"},
		{name: "shutdown with no number", method: "hark.shutdown", args: args{"3"}, fault: "2 INCORRECT_PARAMETERS"},
		{name: "shutdown with an impossible status", setup: failing(core.BadArguments, "cannot exit with status 256; accepted: 0 to 255"), method: "hark.shutdown", args: args{256},
			fault: "3 BAD_ARGUMENTS: cannot exit with status 256; accepted: 0 to 255"},
		{name: "shutdown twice", setup: func(f *fake) { f.mood.Store(int64(core.MoodShutdown)) }, method: "hark.shutdown", args: args{3}, fault: "6 SHUTDOWN_STATE"},
		{name: "restart", method: "supervisor.restart", want: true, did: "restart"},
		{name: "a restart refused", setup: failing(core.CantReread, "broken"), method: "supervisor.restart", fault: "92 CANT_REREAD: broken"},

		{name: "help for nothing", method: "system.methodHelp", args: args{"x"}, fault: "4 SIGNATURE_UNSUPPORTED"},
		{name: "a signature for nothing", method: "system.methodSignature", args: args{5}, fault: "4 SIGNATURE_UNSUPPORTED"},
		{name: "a signature", method: "system.methodSignature", args: args{"supervisor.startProcess"}, want: args{"boolean", "string", "boolean"}},
		{name: "a multicall that is no array", method: "system.multicall", args: args{5}, fault: "2 INCORRECT_PARAMETERS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			if tt.setup != nil {
				tt.setup(f)
			}
			got, err := newTestDispatcher(f).Call(context.Background(), Control, tt.method, tt.args)
			if tt.fault != "" {
				var fault *xmlrpc.Fault
				if !errors.As(err, &fault) || fault.Error() != "fault "+strings.Replace(tt.fault, " ", ": ", 1) {
					t.Fatalf("got %v, %v; want fault %s", got, err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got = plain(t, got); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %#v\nwant %#v", got, tt.want)
			}
			if did := f.noted(); tt.did != "" && did != tt.did {
				t.Errorf("did %q, want %q", did, tt.did)
			}
		})
	}
}

func TestMulticallAnswersEachCallInOrder(t *testing.T) {
	f := newFake()
	close(f.blocked)
	d := newTestDispatcher(f)
	call := func(members ...xmlrpc.Member) xmlrpc.Struct { return members }
	name := func(s any) xmlrpc.Member { return xmlrpc.Member{Name: "methodName", Value: s} }
	params := func(p any) xmlrpc.Member { return xmlrpc.Member{Name: "params", Value: p} }
	got, err := d.Call(context.Background(), Control, "system.multicall", []any{[]any{
		call(name("supervisor.getAPIVersion")),
		call(name("supervisor.startProcess"), params([]any{"slow"})),
		call(name("supervisor.startProcess"), params([]any{"slow"})),
		call(name("system.multicall"), params([]any{[]any{}})),
		call(params([]any{})),
		call(name("supervisor.getState"), params("x")),
		call(name(5)),
		"no struct",
	}})
	if err != nil {
		t.Fatal(err)
	}
	fault := func(code int, text string) xmlrpc.Struct {
		return xmlrpc.Struct{{Name: "faultCode", Value: code}, {Name: "faultString", Value: text}}
	}
	want := []any{
		"3.0", true, fault(60, "ALREADY_STARTED: slow"),
		fault(2, "INCORRECT_PARAMETERS: Recursive system.multicall forbidden"),
		fault(2, "INCORRECT_PARAMETERS: No methodName"),
		fault(2, "INCORRECT_PARAMETERS"), fault(1, "UNKNOWN_METHOD"), fault(2, "INCORRECT_PARAMETERS: No methodName"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestMulticallBoundsItsAnswer(t *testing.T) {
	const size, calls = 2 << 20, 100
	big, made := strings.Repeat("x", size), 0
	d := NewDispatcher(nil, Namespace{Name: "big", Methods: []Method{
		{Name: "get", ReadOnly: true, Call: func(context.Context, []any) (any, error) { return big, nil }},
		{Name: "change", Call: func(context.Context, []any) (any, error) { made++; return true, nil }},
	}})
	var all []any
	for range calls {
		all = append(all, xmlrpc.Struct{{Name: "methodName", Value: "big.get"}}, xmlrpc.Struct{{Name: "methodName", Value: "big.change"}})
	}
	for range 2 {
		got, err := d.Call(context.Background(), Control, "system.multicall", []any{all})
		if err != nil {
			t.Fatal(err)
		}
		results, _ := got.([]any)
		read, refused := 0, 0
		for _, v := range results {
			switch v := v.(type) {
			case string:
				read++
			case xmlrpc.Struct:
				refused++
				if text, _ := v.Get("faultString"); text != "FAILED: the results of this multicall are too large" {
					t.Errorf("got %v", v)
				}
			}
		}
		if most := int(d.memory.limits.alone[others] / size / 2); read == 0 || read > most || read+refused != calls {
			t.Errorf("%d results and %d faults", read, refused)
		}
	}
	if made != 2*calls {
		t.Errorf("%d of %d changes were made", made, 2*calls)
	}
	if d.memory.used != [2]int64{} || len(d.memory.claims) != 0 {
		t.Errorf("%v bytes are left over", d.memory.used)
	}
}

func TestInShutdownOnlySomeCallsAreTaken(t *testing.T) {
	f := newFake()
	f.mood.Store(int64(core.MoodShutdown))
	d := newTestDispatcher(f)
	for _, name := range d.table(Control).names {
		ns, method, _ := strings.Cut(name, ".")
		if ns != "supervisor" {
			continue
		}
		args := make([]any, len(d.table(Control).methods[name].Params))
		_, err := d.Call(context.Background(), Control, name, args)
		refused := err != nil && err.Error() == "fault 6: SHUTDOWN_STATE"
		if refused == (method == "sendRemoteCommEvent") {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.Call(context.Background(), Control, name, make([]any, 9)); err == nil || err.Error() != "fault 2: INCORRECT_PARAMETERS" {
			t.Errorf("%s with too many arguments: %v", name, err)
		}
	}
	for _, name := range []string{"system.listMethods", "hark.getVersion"} {
		if _, err := d.Call(context.Background(), Control, name, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadOnlyAccessChangesNothing(t *testing.T) {
	f := newFake()
	d := newTestDispatcher(f)
	reads := map[string]bool{}
	for _, name := range d.table(ReadOnly).names {
		m := d.table(ReadOnly).methods[name]
		_, err := d.Call(context.Background(), ReadOnly, name, make([]any, len(m.Params)))
		refused := err != nil && strings.Contains(err.Error(), "read-only")
		if refused == m.ReadOnly {
			t.Errorf("%s: %v", name, err)
		}
		reads[name] = m.ReadOnly
	}
	for _, name := range []string{"supervisor.startProcess", "supervisor.clearLog", "supervisor.shutdown", "hark.shutdown", "supervisor.reloadConfig",
		"supervisor.sendProcessStdin", "supervisor.sendRemoteCommEvent", "supervisor.signalAllProcesses", "supervisor.clearAllProcessLogs"} {
		if reads[name] {
			t.Errorf("%s is taken for a read", name)
		}
	}
	call := xmlrpc.Struct{{Name: "methodName", Value: "supervisor.shutdown"}}
	got, err := d.Call(context.Background(), ReadOnly, "system.multicall", []any{[]any{call}})
	if err != nil || f.noted() != "" {
		t.Errorf("multicall: %v, %v, did %q", got, err, f.noted())
	}
}

func TestProcessStruct(t *testing.T) {
	at := func(s int64) time.Time { return time.Unix(s, 0) }
	stopped := at(1700000000)
	for _, tt := range []struct {
		name string
		info core.ProcessInfo
		want string
	}{
		{"running", core.ProcessInfo{State: process.Running, Pid: 5, Start: at(100), Now: at(101)}, "pid 5, uptime 0:00:01"},
		{"running for a day", core.ProcessInfo{State: process.Running, Pid: 5, Start: at(0).Add(time.Second), Now: at(86401 + 3661)}, "pid 5, uptime 1 day, 1:01:01"},
		{"running for days", core.ProcessInfo{State: process.Running, Pid: 5, Start: at(1), Now: at(10*86400 + 1)}, "pid 5, uptime 10 days, 0:00:00"},
		{"running while the clock is set back", core.ProcessInfo{State: process.Running, Pid: 5, Start: at(100), Now: at(50)}, "pid 5, uptime 0:00:00"},
		{"stopped", core.ProcessInfo{State: process.Stopped, Start: at(100), Stop: stopped}, stopped.Format("Jan 02 03:04 PM")},
		{"exited", core.ProcessInfo{State: process.Exited, Start: at(100), Stop: stopped}, stopped.Format("Jan 02 03:04 PM")},
		{"never started", core.ProcessInfo{State: process.Stopped}, "Not started"},
		{"fatal", core.ProcessInfo{State: process.Fatal, SpawnErr: "Exited too quickly"}, "Exited too quickly"},
		{"fatal for no reason", core.ProcessInfo{State: process.Fatal, Name: "x"}, `unknown error (try "tail x")`},
		{"starting", core.ProcessInfo{State: process.Starting}, ""},
		{"unknown", core.ProcessInfo{State: process.Unknown}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Description(&tt.info); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	s := xmlrpc.Record(processInfo(&core.ProcessInfo{Name: "a", Group: "g", State: process.Exited, ExitStatus: -1, HasExit: true, Start: at(1 << 40), StdoutLog: "/o"})).(xmlrpc.Struct)
	for name, want := range map[string]any{"exitstatus": -1, "start": 1<<31 - 1, "stop": 0, "logfile": "/o", "stderr_logfile": "", "statename": "EXITED", "state": 100} {
		if got, _ := s.Get(name); got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

func TestAllConfigInfoHasSupervisorsMembers(t *testing.T) {
	got, err := newTestDispatcher(newFake()).Call(context.Background(), Control, "supervisor.getAllConfigInfo", nil)
	if err != nil {
		t.Fatal(err)
	}
	all := got.([]xmlrpc.Struct)
	if len(all) != 2 || len(all[0]) != 30 {
		t.Fatalf("got %v", all)
	}
	check := func(s xmlrpc.Struct, want map[string]any) {
		for name, v := range want {
			if got, ok := s.Get(name); !ok || !reflect.DeepEqual(got, v) {
				t.Errorf("%s = %#v, want %#v", name, got, v)
			}
		}
	}
	check(all[0], map[string]any{"name": "a", "autorestart": "unexpected", "uid": "none", "directory": "none", "inuse": false, "stdout_logfile": "auto", "stderr_logfile": "none", "serverurl": "none", "group_prio": 1})
	check(all[1], map[string]any{"name": "z", "autorestart": true, "uid": 1000, "directory": "/tmp", "inuse": true, "stdout_logfile": "/tmp/z.log", "stopsignal": 15, "exitcodes": []any{0, 2}})
}

func TestAddedNamespacesComeAndGo(t *testing.T) {
	d := newTestDispatcher(newFake())
	answer := func(v any) Method {
		return Method{Name: "get", Call: func(context.Context, []any) (any, error) { return v, nil }}
	}
	d.SetNamespaces([]Namespace{{Name: "cache", Methods: []Method{answer("x")}}, {Name: "system", Methods: []Method{answer("evil")}}})
	if v, err := d.Call(context.Background(), Control, "cache.get", nil); v != "x" || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := d.Call(context.Background(), Control, "system.get", nil); err == nil {
		t.Error("system was replaced")
	}
	if _, err := d.Call(context.Background(), Control, "system.methodSignature", []any{"cache.get"}); err == nil || err.Error() != "fault 4: SIGNATURE_UNSUPPORTED" {
		t.Errorf("a method that tells nothing of itself has a signature: %v", err)
	}
	d.SetNamespaces(nil)
	if _, err := d.Call(context.Background(), Control, "cache.get", nil); err == nil {
		t.Error("cache is still there")
	}
}
