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
// more asks again, and an abandoned one does not stay forever.
const maxWait = 3600

// selectionMethods are the methods of the hark namespace on many processes.
type selectionMethods struct {
	sup   Selections
	stats ProcessStats
}

type selectionAndWait struct {
	Patterns selection
	Wait     waiting
}

func (n selectionMethods) start(ctx context.Context, a selectionAndWait) ([]Outcome, error) {
	return statuses(n.sup.StartSelected(ctx, a.Patterns.Selection, a.Wait.wait()))("")
}

func (n selectionMethods) stop(ctx context.Context, a selectionAndWait) ([]Outcome, error) {
	return statuses(n.sup.StopSelected(ctx, a.Patterns.Selection, a.Wait.wait()))("")
}

// Step is the result of one step of a restart.
type Step struct {
	Outcome
	Step string `rpc:"step" doc:"stop or start"`
}

func (n selectionMethods) restart(ctx context.Context, a struct{ Patterns selection }) ([]Step, error) {
	outcomes, err := n.sup.RestartSelected(ctx, a.Patterns.Selection)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]Step, len(outcomes))
	for i, o := range outcomes {
		answer[i] = Step{outcomeOf(o), o.Step}
	}
	return answer, nil
}

func (n selectionMethods) signal(ctx context.Context, a struct {
	Patterns selection
	Signal   signalArgument
}) ([]Outcome, error) {
	if !a.Signal.ok {
		return nil, a.Signal.fault()
	}
	return statuses(n.sup.SignalSelected(ctx, a.Patterns.Selection, a.Signal.sig))("")
}

func (n selectionMethods) clearLogs(ctx context.Context, a struct{ Patterns selection }) ([]Outcome, error) {
	outcomes, err := n.sup.SelectedNames(ctx, a.Patterns.Selection)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]Outcome, len(outcomes))
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
		answer[i] = outcomeOf(o)
	}
	return answer, nil
}

// Waited is a process that was waited for.
type Waited struct {
	processState
	Reached bool `rpc:"reached" doc:"it is in one of the states"`
	Gone    bool `rpc:"gone" doc:"its group was removed"`
}

// processState is what answers about many processes have of each.
type processState struct {
	Name        string `rpc:"name" doc:"the process"`
	Group       string `rpc:"group" doc:"its group"`
	State       int    `rpc:"state" doc:"its state, a number"`
	StateName   string `rpc:"statename" doc:"its state, a name"`
	Pid         int    `rpc:"pid" doc:"its process id; 0 if it does not run"`
	Description string `rpc:"description" doc:"its state in words"`
	*ending
}

// ending is how the last process ended that has ended.
type ending struct {
	ExitStatus int    `rpc:"exitstatus" doc:"of its last process that has ended, which another may have followed; -1 for a signal; missing, like signal and coredump, if none has"`
	Signal     string `rpc:"signal,omitempty" doc:"the signal that ended it, such as SIGSEGV; missing for none"`
	CoreDump   bool   `rpc:"coredump,omitempty" doc:"whether it left a core file; missing if it did not"`
}

func stateOf(p *core.ProcessInfo) processState {
	s := processState{p.Name, p.Group, int(p.State), p.State.String(), p.Pid, Description(p), nil}
	if p.HasEnd {
		s.ending = &ending{ExitStatus: p.End.Code, CoreDump: p.End.CoreDump}
		if p.End.Signal != 0 {
			s.ending.Signal = process.SignalName(p.End.Signal)
		}
	}
	return s
}

func (n selectionMethods) wait(ctx context.Context, a struct {
	Patterns selection
	States   stateNames
	Timeout  float64 `rpc:"timeout,optional" default:"3600" doc:"seconds; 3600 is the default, and more is taken as 3600; 0 only looks"`
}) ([]Waited, error) {
	var states []process.State
	for _, name := range a.States {
		state, ok := stateNamed(name)
		if !ok {
			return nil, fault(BadArguments, "there is no state "+pytext.Quote(name))
		}
		states = append(states, state)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(max(0, min(a.Timeout, maxWait))*float64(time.Second)))
	defer cancel()
	rows, err := n.sup.WaitFor(ctx, a.Patterns.Selection, states)
	if err != nil {
		return nil, faultOf(err, detailOf(err))
	}
	answer := make([]Waited, len(rows))
	for i := range rows {
		row := &rows[i]
		answer[i] = Waited{stateOf(&row.ProcessInfo), row.Reached, row.Gone}
	}
	return answer, nil
}

// detailOf is the detail of an error of the core, where the core names the one of several names that is wrong.
func detailOf(err error) string {
	if refused, ok := errors.AsType[*core.Error](err); ok {
		return refused.Detail
	}
	return ""
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

// ProcessStat is what a process and its descendants use together.
type ProcessStat struct {
	processState
	Start    time.Time `rpc:"start" doc:"when it was last started, in seconds since 1970"`
	Now      time.Time `rpc:"now" doc:"when this was asked"`
	Restarts int       `rpc:"restarts" doc:"starts that nobody requested, since its group was added"`
	*usage
}

// usage is known of a process that runs.
type usage struct {
	Processes  int           `rpc:"processes" doc:"how many they are; this and what follows is missing for a process that does not run"`
	CPU        time.Duration `rpc:"cpu_seconds" doc:"the CPU time that they have used"`
	RSS        int64         `rpc:"rss,double" doc:"memory, in bytes"`
	Threads    int           `rpc:"threads" doc:"threads"`
	CPUPercent *float64      `rpc:"cpu_percent,omitempty" doc:"CPU time per time since an earlier call at least a second before, 100 is one CPU; missing in the first call"`
	FDs        *int          `rpc:"fds,omitempty" doc:"open files; missing where the daemon may not read it"`
}

func (n selectionMethods) getProcessStats(ctx context.Context, a struct {
	Patterns selection `rpc:"patterns,optional"`
}) ([]ProcessStat, error) {
	all, err := n.sup.AllProcessInfo(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	if a.Patterns.Selection != nil {
		if all, err = n.choose(ctx, all, a.Patterns.Selection); err != nil {
			return nil, err
		}
	}
	pids := make([]int, 0, len(all))
	for i := range all {
		if all[i].Pid != 0 {
			pids = append(pids, all[i].Pid)
		}
	}
	var stats map[int]procstat.Stat
	if len(pids) > 0 { // of those that do not run it is known without reading all of /proc
		if stats, err = n.stats.Read(pids); err != nil && !errors.Is(err, procstat.ErrUnsupported) {
			return nil, faultOf(err, "")
		}
	}
	answer := make([]ProcessStat, len(all))
	for i := range all {
		p := &all[i]
		answer[i] = ProcessStat{processState: stateOf(p), Start: p.Start, Now: p.Now, Restarts: p.Restarts}
		if stat, ok := stats[p.Pid]; ok {
			answer[i].usage = usageOf(&stat)
		}
	}
	return answer, nil
}

func usageOf(s *procstat.Stat) *usage {
	u := &usage{Processes: s.Processes, CPU: s.CPU, RSS: s.RSS, Threads: s.Threads}
	if s.HasPercent {
		u.CPUPercent = &s.Percent
	}
	if s.FDs >= 0 {
		u.FDs = &s.FDs
	}
	return u
}

// choose keeps the processes that are named, in order.
func (n selectionMethods) choose(ctx context.Context, all []core.ProcessInfo, sel *core.Selection) ([]core.ProcessInfo, error) {
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
