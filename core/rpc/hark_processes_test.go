package rpc

import (
	"context"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// chosen answers calls on selections with fixed outcomes.
type chosen struct {
	*fake
	did      string
	deadline time.Duration // of the last wait
}

var outcomes = []core.Outcome{
	{Name: "x*", Group: "x*", Err: &core.Error{Kind: core.BadName, Detail: "x*"}},
	{Name: "a", Group: "web"},
	{Name: "cat", Group: "cat", Err: &core.Error{Kind: core.NotRunning, Detail: "cat"}},
}

func (c *chosen) StartSelected(_ context.Context, _ *core.Selection, wait bool) ([]core.Outcome, error) {
	c.did = "start"
	if !wait {
		c.did += " without waiting"
	}
	return outcomes, nil
}

func (c *chosen) StopSelected(context.Context, *core.Selection, bool) ([]core.Outcome, error) {
	c.did = "stop"
	return outcomes, nil
}

func (c *chosen) RestartSelected(context.Context, *core.Selection) ([]core.Outcome, error) {
	c.did = "restart"
	return []core.Outcome{{Name: "a", Group: "web", Step: core.StepStop}, {Name: "a", Group: "web", Step: core.StepStart}}, nil
}

func (c *chosen) SignalSelected(_ context.Context, _ *core.Selection, sig syscall.Signal) ([]core.Outcome, error) {
	c.did = "signal " + sig.String()
	return outcomes, nil
}

func (c *chosen) SelectedNames(context.Context, *core.Selection) ([]core.Outcome, error) {
	return outcomes[1:2], nil
}

func (c *chosen) WaitFor(ctx context.Context, sel *core.Selection, states []process.State) ([]core.Waited, error) {
	at, _ := ctx.Deadline()
	c.deadline = time.Until(at)
	if len(states) == 0 {
		return nil, &core.Error{Kind: core.BadName, Detail: "nobody"}
	}
	return []core.Waited{{ProcessInfo: core.ProcessInfo{Name: "a", Group: "web", State: states[0], Pid: 7}, Reached: true}}, nil
}

// fixedStats knows pid 123 only.
type fixedStats struct{ err error }

func (f fixedStats) Read([]int) (map[int]procstat.Stat, error) {
	return map[int]procstat.Stat{123: {Pid: 123, Processes: 2, CPU: 1500 * time.Millisecond, RSS: 3 << 30, Threads: 4, FDs: -1, Percent: 12.5, HasPercent: true}}, f.err
}

func TestMethodsOnManyProcesses(t *testing.T) {
	type args = []any
	row := func(group, name string, code int, text string) xmlrpc.Struct {
		return xmlrpc.Struct{{Name: "name", Value: name}, {Name: "group", Value: group}, {Name: "status", Value: code}, {Name: "description", Value: text}}
	}
	three := []any{row("x*", "x*", 10, "BAD_NAME: x*"), row("web", "a", 80, "OK"), row("cat", "cat", 70, "NOT_RUNNING: cat")}
	step := func(name string) xmlrpc.Struct {
		return append(row("web", "a", 80, "OK"), xmlrpc.Member{Name: "step", Value: name})
	}
	waited := xmlrpc.Struct{{Name: "name", Value: "a"}, {Name: "group", Value: "web"}, {Name: "state", Value: 200}, {Name: "statename", Value: "FATAL"},
		{Name: "pid", Value: 7}, {Name: "description", Value: `unknown error (try "tail a")`}, {Name: "reached", Value: true}, {Name: "gone", Value: false}}
	for _, tt := range []struct {
		method string
		args   args
		want   any
		fault  string
		did    string
	}{
		{method: "startProcesses", args: args{args{"x*", "web:a"}}, want: three, did: "start"},
		{method: "startProcesses", args: args{"all", false}, want: three, did: "start without waiting"},
		{method: "startProcesses", args: args{args{1}}, fault: "2 INCORRECT_PARAMETERS"},
		{method: "startProcesses", args: args{args{"["}}, fault: `3 BAD_ARGUMENTS: cannot use pattern "["`},
		{method: "stopProcesses", args: args{args{"x*"}}, want: three, did: "stop"},
		{method: "restartProcesses", args: args{args{"x*"}}, want: []any{step("stop"), step("start")}, did: "restart"},
		{method: "signalProcesses", args: args{args{"x*"}, "hup"}, want: three, did: "signal hangup"},
		{method: "signalProcesses", args: args{args{"x*"}, "nosuch"}, fault: "11 BAD_SIGNAL: nosuch"},
		{method: "clearProcessLogs", args: args{args{"x*"}}, want: []any{row("web", "a", 30, "FAILED: the core's own wording")}},
		{method: "waitProcesses", args: args{args{"web:a"}, args{"fatal", "RUNNING"}, 2}, want: []any{waited}},
		{method: "waitProcesses", args: args{"web:a", "Fatal", 0.5}, want: []any{waited}},
		{method: "waitProcesses", args: args{"nobody", args{}}, fault: "10 BAD_NAME: nobody"},
		{method: "waitProcesses", args: args{"web:a", "sleeping"}, fault: "3 BAD_ARGUMENTS: there is no state 'sleeping'"},
		{method: "waitProcesses", args: args{"web:a", "running", "soon"}, fault: "2 INCORRECT_PARAMETERS"},
	} {
		sup := &chosen{fake: newFake()}
		d := NewDispatcher(nil, Hark{Selections: sup}.Namespace())
		got, err := d.Call(context.Background(), Control, "hark."+tt.method, tt.args)
		if tt.fault != "" {
			if f, ok := err.(*xmlrpc.Fault); !ok || f.Error() != "fault "+strings.Replace(tt.fault, " ", ": ", 1) {
				t.Errorf("%s%v: %v, want %s", tt.method, tt.args, err, tt.fault)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(plain(t, got), tt.want) || tt.did != sup.did {
			t.Errorf("%s%v: %+v, %v (%s), want %+v", tt.method, tt.args, got, err, sup.did, tt.want)
		}
		if sup.deadline > maxWait*time.Second {
			t.Errorf("a wait of %v", sup.deadline)
		}
		sup.mood.Store(int64(core.MoodShutdown))
		if _, err = d.Call(context.Background(), Control, "hark."+tt.method, tt.args); tt.method != "waitProcesses" && !isFault(err, ShutdownState) {
			t.Errorf("%s in shutdown: %v", tt.method, err)
		}
		if _, err = d.Call(context.Background(), ReadOnly, "hark."+tt.method, tt.args); (tt.method == "waitProcesses") != (err == nil) {
			t.Errorf("%s with read-only credentials: %v", tt.method, err)
		}
	}
}

func isFault(err error, code int) bool {
	f, ok := err.(*xmlrpc.Fault)
	return ok && f.Code == code
}

func TestProcessStatsTellWhatIsKnown(t *testing.T) {
	sup := &chosen{fake: newFake()}
	sup.set("web", "a", process.Running)
	for _, p := range sup.procs {
		if p.Name == "a" {
			p.Pid, p.Restarts = 123, 3
			p.End, p.HasEnd = process.Reaped{Code: -1, Signal: syscall.SIGSEGV, CoreDump: true}, true
		}
	}
	d := NewDispatcher(nil, Hark{Selections: sup, Stats: fixedStats{}}.Namespace())
	call := func(args ...any) []any {
		t.Helper()
		got, err := d.Call(context.Background(), ReadOnly, "hark.getProcessStats", args)
		if err != nil {
			t.Fatal(err)
		}
		return plain(t, got).([]any)
	}
	if all := call(); len(all) != 4 {
		t.Errorf("%d of 4", len(all))
	}
	rows := call("web:a")
	if len(rows) != 1 {
		t.Fatalf("%v", rows)
	}
	a := rows[0].(xmlrpc.Struct)
	for name, want := range map[string]any{"cpu_seconds": 1.5, "cpu_percent": 12.5, "rss": float64(3 << 30), "threads": 4, "processes": 2, "restarts": 3, "statename": "RUNNING",
		"exitstatus": -1, "signal": "SIGSEGV", "coredump": true} {
		if v, _ := a.Get(name); v != want {
			t.Errorf("%s is %v, want %v", name, v, want)
		}
	}
	if _, ok := a.Get("fds"); ok {
		t.Error("there are open files, which were not told")
	}
	for _, row := range call() {
		s := row.(xmlrpc.Struct)
		if name, _ := s.Get("name"); name != "a" {
			for _, member := range []string{"rss", "exitstatus", "signal"} {
				if _, ok := s.Get(member); ok {
					t.Errorf("%v has a member %s without having run", name, member)
				}
			}
		}
	}
	d = NewDispatcher(nil, Hark{Selections: sup, Stats: fixedStats{procstat.ErrUnsupported}}.Namespace())
	if all := call(); len(all) != 4 {
		t.Errorf("%d of 4 on a system that tells nothing", len(all))
	}
}
