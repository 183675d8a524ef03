package rpc

import (
	"context"
	"errors"
	"syscall"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// The methods that start, stop and signal processes, and add and remove groups.

// Outcome is the result for one process of a call on several.
type Outcome struct {
	Name        string `rpc:"name" doc:"the process"`
	Group       string `rpc:"group" doc:"its group"`
	Status      int    `rpc:"status" doc:"80 for a success, otherwise a fault's code"`
	Description string `rpc:"description" doc:"OK, or the fault's text"`
}

// doneOrOutcomes is true for one process, and outcomes for a whole group.
type doneOrOutcomes any

// either is the result of a call on a process or, by group:*, on a whole group.
func either[T any](result T, err error) (doneOrOutcomes, error) {
	if err != nil {
		return nil, err
	}
	return result, nil
}

type processAndWait struct {
	Name processOrGroup
	Wait waiting
}

func (n *supervisorNamespace) startProcess(ctx context.Context, a processAndWait) (doneOrOutcomes, error) {
	p := a.Name
	if p.whole {
		return either(statuses(n.sup.StartGroup(ctx, p.group, a.Wait.wait()))(p.given))
	}
	return either(succeeded(n.sup.StartProcess(ctx, p.group, p.name, a.Wait.wait()), p.given))
}

func (n *supervisorNamespace) stopProcess(ctx context.Context, a processAndWait) (doneOrOutcomes, error) {
	p := a.Name
	if p.whole {
		return either(statuses(n.sup.StopGroup(ctx, p.group, a.Wait.wait()))(p.given))
	}
	return either(succeeded(n.sup.StopProcess(ctx, p.group, p.name, a.Wait.wait()), p.given))
}

func (n *supervisorNamespace) signalProcess(ctx context.Context, a struct {
	Name   processOrGroup
	Signal signalArgument
}) (doneOrOutcomes, error) {
	p := a.Name
	switch {
	case p.whole:
		return either(n.signalGroup(ctx, p.group, p.given, a.Signal))
	case !a.Signal.ok:
		// A bad name goes before a bad signal.
		if _, err := n.sup.ProcessInfo(ctx, p.group, p.name); err != nil {
			return nil, faultOf(err, p.given)
		}
		return nil, a.Signal.fault()
	}
	return either(succeeded(n.sup.SignalProcess(ctx, p.group, p.name, a.Signal.sig), p.given))
}

func (n *supervisorNamespace) signalProcessGroup(ctx context.Context, a struct {
	Name   groupName
	Signal signalArgument
}) ([]Outcome, error) {
	return n.signalGroup(ctx, string(a.Name), string(a.Name), a.Signal)
}

func (n *supervisorNamespace) signalGroup(ctx context.Context, group, given string, signal signalArgument) ([]Outcome, error) {
	if signal.ok {
		return statuses(n.sup.SignalGroup(ctx, group, signal.sig))(given)
	}
	return n.refuseSignal(ctx, signal, given, func(info *core.ProcessInfo) bool { return info.Group == group },
		func(none syscall.Signal) ([]core.Outcome, error) { return n.sup.SignalGroup(ctx, group, none) })
}

func (n *supervisorNamespace) signalAllProcesses(ctx context.Context, a struct{ Signal signalArgument }) ([]Outcome, error) {
	if a.Signal.ok {
		return statuses(n.sup.SignalAll(ctx, a.Signal.sig))("")
	}
	return n.refuseSignal(ctx, a.Signal, "", func(*core.ProcessInfo) bool { return true },
		func(syscall.Signal) ([]core.Outcome, error) { return nil, nil })
}

// refuseSignal answers BAD_SIGNAL for each process that could have taken a
// signal, as Supervisor does. Only when there is none is the group asked, with
// the signal that does nothing, whether it exists at all.
func (n *supervisorNamespace) refuseSignal(ctx context.Context, signal signalArgument, given string, chosen func(*core.ProcessInfo) bool, ask func(syscall.Signal) ([]core.Outcome, error)) ([]Outcome, error) {
	all, err := n.sup.AllProcessInfo(ctx)
	if err != nil {
		return nil, faultOf(err, given)
	}
	names, err := n.sup.ProcessNames(ctx)
	if err != nil {
		return nil, faultOf(err, given)
	}
	type key struct{ group, name string }
	takes := make(map[key]bool, len(all))
	found := false
	for i := range all {
		info := &all[i]
		if !chosen(info) {
			continue
		}
		found = true
		switch info.State {
		case process.Running, process.Starting, process.Stopping:
			takes[key{info.Group, info.Name}] = true
		}
	}
	if !found {
		return statuses(ask(0))(given)
	}
	var answer []Outcome
	f := signal.fault()
	for _, p := range names {
		if takes[key{p.Group, p.Name}] {
			answer = append(answer, outcome(p.Group, p.Name, f))
		}
	}
	return answer, nil
}

// groupCall makes a method of a call on a group.
func groupCall(call func(context.Context, string, bool) ([]core.Outcome, error)) func(context.Context, struct {
	Name groupName
	Wait waiting
}) ([]Outcome, error) {
	return func(ctx context.Context, a struct {
		Name groupName
		Wait waiting
	}) ([]Outcome, error) {
		return statuses(call(ctx, string(a.Name), a.Wait.wait()))(string(a.Name))
	}
}

// allCall makes a method of a call on all processes.
func allCall(call func(context.Context, bool) ([]core.Outcome, error)) func(context.Context, struct{ Wait waiting }) ([]Outcome, error) {
	return func(ctx context.Context, a struct{ Wait waiting }) ([]Outcome, error) {
		return statuses(call(ctx, a.Wait.wait()))("")
	}
}

func succeeded(err error, given string) (bool, error) {
	if err != nil {
		return false, faultOf(err, given)
	}
	return true, nil
}

// statuses makes the answer of a call on several processes; the function
// returned is given the name that the caller used for them.
func statuses(outcomes []core.Outcome, err error) func(given string) ([]Outcome, error) {
	return func(given string) ([]Outcome, error) {
		if err != nil {
			return nil, faultOf(err, given)
		}
		answer := make([]Outcome, len(outcomes))
		for i, o := range outcomes {
			answer[i] = outcomeOf(o)
		}
		return answer, nil
	}
}

// outcomeOf words an outcome of the core. Its fault names the process, as the caller may have named others with it.
func outcomeOf(o core.Outcome) Outcome {
	var f *xmlrpc.Fault
	if o.Err != nil {
		f = faultFor(o.Err, pytext.Namespec(o.Group, o.Name))
	}
	return outcome(o.Group, o.Name, f)
}

func outcome(group, name string, f *xmlrpc.Fault) Outcome {
	if f != nil {
		return Outcome{Name: name, Group: group, Status: f.Code, Description: f.String}
	}
	return Outcome{Name: name, Group: group, Status: Success, Description: "OK"}
}

func (n *supervisorNamespace) sendProcessStdin(ctx context.Context, a struct {
	Name  any `rpc:"name" doc:"the process, as name or group:name"`
	Chars any `rpc:"chars" doc:"the characters, sent as UTF-8"`
}) (bool, error) {
	chars, ok := text(a.Chars)
	if !ok { // which Supervisor sees before it looks for the process
		if a.Chars == nil {
			return false, incorrectParameters()
		}
		return false, fault(IncorrectParameters, display(a.Chars))
	}
	var p oneProcess
	if err := p.take(a.Name); err != nil {
		return false, err
	}
	err := n.sup.SendStdin(ctx, p.group, p.name, []byte(chars))
	var refused *core.Error
	if errors.As(err, &refused) && refused.Kind == core.NoFile {
		return false, fault(NoFile, p.given)
	}
	return succeeded(err, p.given)
}

// sendRemoteCommEvent takes anything, as Supervisor does, and shows what isn't a
// string.
func (n *supervisorNamespace) sendRemoteCommEvent(ctx context.Context, a struct {
	Type shown `rpc:"type" doc:"the event's type key"`
	Data shown `rpc:"data" doc:"the event's body"`
}) (bool, error) {
	return succeeded(n.sup.SendRemoteComm(ctx, string(a.Type), string(a.Data)), "")
}
