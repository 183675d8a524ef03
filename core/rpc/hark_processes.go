package rpc

import (
	"context"
	"errors"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// Selections is what concerns many processes at once; *core.Supervisor with its Selections is one.
type Selections interface {
	Mood() core.Mood
	StartSelected(ctx context.Context, sel *core.Selection, wait bool) ([]core.Outcome, error)
	StopSelected(ctx context.Context, sel *core.Selection, wait bool) ([]core.Outcome, error)
	RestartSelected(ctx context.Context, sel *core.Selection) ([]core.Outcome, error)
	SignalSelected(ctx context.Context, sel *core.Selection, sig syscall.Signal) ([]core.Outcome, error)
	SelectedNames(ctx context.Context, sel *core.Selection) ([]core.Outcome, error)
	WaitFor(ctx context.Context, sel *core.Selection, states []process.State) ([]core.Waited, error)
	AllProcessInfo(ctx context.Context) ([]core.ProcessInfo, error)
	ClearProcessLogs(ctx context.Context, group, name string) error
}

// ProcessStats reports what processes use; *procstat.Reader is one.
type ProcessStats interface {
	Read(pids []int) (map[int]procstat.Stat, error)
}

// maxWait is the longest that one waitProcesses lasts, in seconds: a client that wants
// more asks again, and one that forgot to go away does not stay forever.
const maxWait = 3600

// selectionMethods are the methods of the hark namespace on many processes.
type selectionMethods struct {
	sup   Selections
	stats ProcessStats
}

func (n *selectionMethods) table() []Method {
	var (
		patterns = Param{"array", "patterns", "names, group:*, patterns such as web:* and job-??, or all"}
		wait     = Param{"boolean", "wait", "whether to answer only when it is done; default true"}
		status   = Param{"array", "result", "a struct of name, group, status and description for each process acted on, as it was done; a pattern that chooses none has status 10"}
	)
	methods := []Method{
		{
			Name: "startProcesses", Waits: true, Params: []Param{patterns, wait}, Optional: 1, Returns: status,
			Call: n.whileRunning(func(ctx context.Context, sel *core.Selection, args []any) (any, error) {
				return statuses(n.sup.StartSelected(ctx, sel, waits(args, 1)))("")
			}),
			Help: "Start processes, together.",
		},
		{
			Name: "stopProcesses", Waits: true, Params: []Param{patterns, wait}, Optional: 1, Returns: status,
			Call: n.whileRunning(func(ctx context.Context, sel *core.Selection, args []any) (any, error) {
				return statuses(n.sup.StopSelected(ctx, sel, waits(args, 1)))("")
			}),
			Help: "Stop processes, together.",
		},
		{
			Name: "restartProcesses", Waits: true, Params: []Param{patterns},
			Returns: Param{"array", "result", "as that of startProcesses, and step (stop or start): a process that ran has both"},
			Call:    n.whileRunning(n.restart),
			Help:    "Stop processes that run and start them, each as soon as it has itself stopped;\nthose that don't run are started. It is carried through even when the caller goes away, but\nfor processes that somebody else is stopping, which stay stopped then.",
		},
		{
			Name: "signalProcesses", Params: []Param{patterns, {"string", "signal", "a signal's name, such as HUP, or its number"}}, Returns: status,
			Call: n.whileRunning(n.signal),
			Help: "Send a signal to processes.",
		},
		{
			Name: "clearProcessLogs", Params: []Param{patterns}, Returns: status,
			Call: n.whileRunning(n.clearLogs),
			Help: "Empty the logs of processes.",
		},
		{
			Name: "waitProcesses", ReadOnly: true, Waits: true, Optional: 1,
			Params: []Param{patterns, {"array", "states", "names of states, such as RUNNING"}, {"double", "timeout", "seconds, at most 3600, which is the default; 0 only looks"}},
			Returns: Param{"array", "result",
				"a struct of name, group, state, statename, pid, description and the booleans reached (one of the states) and gone (its group was removed) for each process"},
			Call: n.selected(n.wait),
			Help: "Wait until each process has reached one of the states, is FATAL, or was removed. The answer\ncomes at the transition, or when the timeout is over.",
		},
	}
	if n.stats == nil {
		return methods
	}
	return append(methods, Method{
		Name: "getProcessStats", ReadOnly: true, Optional: 1,
		Params:  []Param{patterns},
		Returns: Param{"array", "result", "a struct for each process: its state, and what it and its descendants use"},
		Call:    n.getProcessStats,
		Help:    "Return what processes use: CPU time, memory, threads and open files of each, including\nits descendants. Default all. A process that does not run has none of these members.",
	})
}

// selected makes a method of one whose first argument is a selection: an array, or
// a single name.
func (n *selectionMethods) selected(call func(context.Context, *core.Selection, []any) (any, error)) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		names, ok := names(args[0])
		if !ok {
			return nil, incorrectParameters()
		}
		sel, err := core.ParseSelection(names)
		if err != nil {
			return nil, faultOf(err, "")
		}
		return call(ctx, sel, args)
	}
}

// whileRunning is selected, refused while the daemon is stopping.
func (n *selectionMethods) whileRunning(call func(context.Context, *core.Selection, []any) (any, error)) func(context.Context, []any) (any, error) {
	selected := n.selected(call)
	return func(ctx context.Context, args []any) (any, error) {
		if n.sup.Mood() < core.MoodRunning {
			return nil, plainFault(ShutdownState)
		}
		return selected(ctx, args)
	}
}

// names takes an array of strings, or one string.
func names(v any) ([]string, bool) {
	if one, ok := text(v); ok {
		return []string{one}, true
	}
	array, ok := v.([]any)
	if !ok {
		return nil, false
	}
	all := make([]string, len(array))
	for i, v := range array {
		if all[i], ok = text(v); !ok {
			return nil, false
		}
	}
	return all, true
}

func (n *selectionMethods) restart(ctx context.Context, sel *core.Selection, _ []any) (any, error) {
	outcomes, err := n.sup.RestartSelected(ctx, sel)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]xmlrpc.Struct, len(outcomes))
	for i, o := range outcomes {
		answer[i] = append(outcomeStruct(o), xmlrpc.Member{Name: "step", Value: o.Step})
	}
	return answer, nil
}

func outcomeStruct(o core.Outcome) xmlrpc.Struct {
	if o.Err == nil {
		return status(o.Group, o.Name, nil)
	}
	return status(o.Group, o.Name, faultFor(o.Err, pytext.Namespec(o.Group, o.Name)))
}

func (n *selectionMethods) signal(ctx context.Context, sel *core.Selection, args []any) (any, error) {
	sig, ok := parseSignal(args[1])
	if !ok {
		return nil, badSignal(args[1])
	}
	return statuses(n.sup.SignalSelected(ctx, sel, sig))("")
}

func (n *selectionMethods) clearLogs(ctx context.Context, sel *core.Selection, _ []any) (any, error) {
	outcomes, err := n.sup.SelectedNames(ctx, sel)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]xmlrpc.Struct, len(outcomes))
	for i, o := range outcomes {
		if o.Err == nil {
			err := n.sup.ClearProcessLogs(ctx, o.Group, o.Name)
			var refused *core.Error
			if errors.As(err, &refused) {
				o.Err = refused
			} else if err != nil {
				return nil, faultOf(err, "")
			}
		}
		answer[i] = outcomeStruct(o)
	}
	return answer, nil
}

func (n *selectionMethods) wait(ctx context.Context, sel *core.Selection, args []any) (any, error) {
	wanted, ok := names(args[1])
	if !ok {
		return nil, incorrectParameters()
	}
	var states []process.State
	for _, name := range wanted {
		state, ok := stateNamed(name)
		if !ok {
			return nil, fault(BadArguments, "there is no state "+pytext.Quote(name))
		}
		states = append(states, state)
	}
	seconds := float64(maxWait)
	if len(args) > 2 {
		switch v := args[2].(type) {
		case int:
			seconds = float64(v)
		case float64:
			seconds = v
		default:
			return nil, incorrectParameters()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(0, min(seconds, maxWait))*float64(time.Second)))
	defer cancel()
	rows, err := n.sup.WaitFor(ctx, sel, states)
	if err != nil {
		var refused *core.Error
		if errors.As(err, &refused) {
			return nil, faultOf(err, refused.Detail)
		}
		return nil, faultOf(err, "")
	}
	answer := make([]xmlrpc.Struct, len(rows))
	for i := range rows {
		row := &rows[i]
		answer[i] = xmlrpc.Struct{
			{Name: "name", Value: row.Name}, {Name: "group", Value: row.Group},
			{Name: "state", Value: int(row.State)}, {Name: "statename", Value: row.State.String()},
			{Name: "pid", Value: row.Pid}, {Name: "description", Value: Description(&row.ProcessInfo)},
			{Name: "reached", Value: row.Reached}, {Name: "gone", Value: row.Gone},
		}
	}
	return answer, nil
}

// stateNamed finds a state by its name in any case.
func stateNamed(name string) (process.State, bool) {
	for _, s := range []process.State{process.Stopped, process.Starting, process.Running, process.Backoff,
		process.Stopping, process.Exited, process.Fatal, process.Unknown} {
		if strings.EqualFold(name, s.String()) {
			return s, true
		}
	}
	return 0, false
}

func (n *selectionMethods) getProcessStats(ctx context.Context, args []any) (any, error) {
	all, err := n.sup.AllProcessInfo(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	if len(args) > 0 {
		if all, err = n.choose(ctx, all, args[0]); err != nil {
			return nil, err
		}
	}
	pids := make([]int, 0, len(all))
	for i := range all {
		if all[i].Pid != 0 {
			pids = append(pids, all[i].Pid)
		}
	}
	stats, err := n.stats.Read(pids)
	if err != nil && !errors.Is(err, procstat.ErrUnsupported) {
		return nil, faultOf(err, "")
	}
	answer := make([]xmlrpc.Struct, len(all))
	for i := range all {
		answer[i] = statStruct(&all[i], stats)
	}
	return answer, nil
}

// choose keeps the processes that are named, in order.
func (n *selectionMethods) choose(ctx context.Context, all []core.ProcessInfo, patterns any) ([]core.ProcessInfo, error) {
	names, ok := names(patterns)
	if !ok {
		return nil, incorrectParameters()
	}
	sel, err := core.ParseSelection(names)
	if err != nil {
		return nil, faultOf(err, "")
	}
	outcomes, err := n.sup.SelectedNames(ctx, sel)
	if err != nil {
		return nil, faultOf(err, "")
	}
	type key struct{ group, name string }
	chosen := make(map[key]bool, len(outcomes))
	for _, o := range outcomes {
		if o.Err != nil {
			return nil, fault(BadName, o.Name)
		}
		chosen[key{o.Group, o.Name}] = true
	}
	return slices.DeleteFunc(all, func(p core.ProcessInfo) bool { return !chosen[key{p.Group, p.Name}] }), nil
}

func statStruct(p *core.ProcessInfo, stats map[int]procstat.Stat) xmlrpc.Struct {
	s := xmlrpc.Struct{
		{Name: "name", Value: p.Name}, {Name: "group", Value: p.Group},
		{Name: "state", Value: int(p.State)}, {Name: "statename", Value: p.State.String()},
		{Name: "pid", Value: p.Pid}, {Name: "description", Value: Description(p)},
		{Name: "start", Value: seconds(p.Start)}, {Name: "now", Value: seconds(p.Now)},
		{Name: "restarts", Value: p.Restarts},
	}
	stat, ok := stats[p.Pid]
	if !ok {
		return s
	}
	s = append(s,
		xmlrpc.Member{Name: "processes", Value: stat.Processes},
		xmlrpc.Member{Name: "cpu_seconds", Value: stat.CPU.Seconds()},
		xmlrpc.Member{Name: "rss", Value: float64(stat.RSS)}, // an int has 32 bits
		xmlrpc.Member{Name: "threads", Value: stat.Threads},
	)
	if stat.HasPercent {
		s = append(s, xmlrpc.Member{Name: "cpu_percent", Value: stat.Percent})
	}
	if stat.FDs >= 0 {
		s = append(s, xmlrpc.Member{Name: "fds", Value: stat.FDs})
	}
	return s
}
