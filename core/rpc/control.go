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

// whole calls a process method by its namespec; a whole group (group:*) goes to
// onGroup.
func whole(name string, onGroup, onProcess func(group, name string) (any, error)) (any, error) {
	group, proc, all := pytext.SplitNamespec(name)
	if all {
		return onGroup(group, name)
	}
	return onProcess(group, proc)
}

func (n *supervisorNamespace) startProcess(ctx context.Context, args []any) (any, error) {
	name, ok := text(args[0])
	if !ok {
		return nil, incorrectParameters()
	}
	wait := waits(args, 1)
	return whole(name, func(group, name string) (any, error) {
		return statuses(n.sup.StartGroup(ctx, group, wait))(name)
	}, func(group, proc string) (any, error) {
		return succeeded(n.sup.StartProcess(ctx, group, proc, wait), name)
	})
}

func (n *supervisorNamespace) stopProcess(ctx context.Context, args []any) (any, error) {
	name, ok := text(args[0])
	if !ok {
		return nil, incorrectParameters()
	}
	wait := waits(args, 1)
	return whole(name, func(group, name string) (any, error) {
		return statuses(n.sup.StopGroup(ctx, group, wait))(name)
	}, func(group, proc string) (any, error) {
		return succeeded(n.sup.StopProcess(ctx, group, proc, wait), name)
	})
}

func (n *supervisorNamespace) signalProcess(ctx context.Context, args []any) (any, error) {
	name, ok := text(args[0])
	if !ok {
		return nil, incorrectParameters()
	}
	return whole(name, func(group, name string) (any, error) {
		return n.signalGroup(ctx, group, name, args[1])
	}, func(group, proc string) (any, error) {
		sig, ok := parseSignal(args[1])
		if !ok {
			// A bad name goes before a bad signal.
			if _, err := n.sup.ProcessInfo(ctx, group, proc); err != nil {
				return nil, faultOf(err, name)
			}
			return nil, badSignal(args[1])
		}
		return succeeded(n.sup.SignalProcess(ctx, group, proc, sig), name)
	})
}

func (n *supervisorNamespace) signalProcessGroup(ctx context.Context, args []any) (any, error) {
	name, err := groupName(args[0])
	if err != nil {
		return nil, err
	}
	return n.signalGroup(ctx, name, name, args[1])
}

func (n *supervisorNamespace) signalGroup(ctx context.Context, group, given string, signal any) (any, error) {
	sig, ok := parseSignal(signal)
	if ok {
		return statuses(n.sup.SignalGroup(ctx, group, sig))(given)
	}
	return n.refuseSignal(ctx, signal, given, func(info *core.ProcessInfo) bool { return info.Group == group },
		func(none syscall.Signal) ([]core.Outcome, error) { return n.sup.SignalGroup(ctx, group, none) })
}

func (n *supervisorNamespace) signalAllProcesses(ctx context.Context, args []any) (any, error) {
	sig, ok := parseSignal(args[0])
	if ok {
		return statuses(n.sup.SignalAll(ctx, sig))("")
	}
	return n.refuseSignal(ctx, args[0], "", func(*core.ProcessInfo) bool { return true },
		func(syscall.Signal) ([]core.Outcome, error) { return nil, nil })
}

// refuseSignal answers BAD_SIGNAL for each process that could have taken a
// signal, as Supervisor does. Only when there is none is the group asked, with
// the signal that does nothing, whether it exists at all.
func (n *supervisorNamespace) refuseSignal(ctx context.Context, signal any, given string, chosen func(*core.ProcessInfo) bool, ask func(syscall.Signal) ([]core.Outcome, error)) (any, error) {
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
	answer := []xmlrpc.Struct{}
	f := badSignal(signal)
	for _, p := range names {
		if takes[key{p.Group, p.Name}] {
			answer = append(answer, status(p.Group, p.Name, f))
		}
	}
	return answer, nil
}

func badSignal(signal any) *xmlrpc.Fault {
	if signal == nil {
		return plainFault(BadSignal) // a None is no detail there
	}
	return fault(BadSignal, display(signal))
}

// groupCall makes a method (group, wait) of a call on a group.
func (n *supervisorNamespace) groupCall(call func(context.Context, string, bool) ([]core.Outcome, error)) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		name, err := groupName(args[0])
		if err != nil {
			return nil, err
		}
		return statuses(call(ctx, name, waits(args, 1)))(name)
	}
}

// allCall makes a method (wait) of a call on all processes.
func (n *supervisorNamespace) allCall(call func(context.Context, bool) ([]core.Outcome, error)) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		return statuses(call(ctx, waits(args, 0)))("")
	}
}

// onGroup makes a method (group) of a call that answers nothing.
func (n *supervisorNamespace) onGroup(call func(context.Context, string) error) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		name, err := groupName(args[0])
		if err != nil {
			return nil, err
		}
		return succeeded(call(ctx, name), name)
	}
}

// groupName takes a group's name. What isn't a string can't be one, so it is a
// bad name; what Python can't look up in a dict, a bad parameter.
func groupName(v any) (string, error) {
	if name, ok := text(v); ok {
		return name, nil
	}
	switch v.(type) {
	case nil:
		return "", plainFault(BadName)
	case int, bool, float64:
		return "", fault(BadName, display(v))
	}
	return "", incorrectParameters()
}

// addGroup is addProcessGroup, which compares the name with each that there is: what is not
// string is the name of none.
func (n *supervisorNamespace) addGroup(ctx context.Context, args []any) (any, error) {
	switch v := args[0].(type) {
	case []any, xmlrpc.Struct:
		return nil, fault(BadName, display(v))
	}
	return n.onGroup(n.sup.AddGroup)(ctx, args)
}

func succeeded(err error, given string) (any, error) {
	if err != nil {
		return nil, faultOf(err, given)
	}
	return true, nil
}

// statuses makes the answer of a call on several processes; the function
// returned is given the name that the caller used for them.
func statuses(outcomes []core.Outcome, err error) func(given string) (any, error) {
	return func(given string) (any, error) {
		if err != nil {
			return nil, faultOf(err, given)
		}
		answer := make([]xmlrpc.Struct, 0, len(outcomes))
		for _, o := range outcomes {
			var f *xmlrpc.Fault
			if o.Err != nil {
				f = faultFor(o.Err, pytext.Namespec(o.Group, o.Name))
			}
			answer = append(answer, status(o.Group, o.Name, f))
		}
		return answer, nil
	}
}

func status(group, name string, f *xmlrpc.Fault) xmlrpc.Struct {
	code, description := Success, "OK"
	if f != nil {
		code, description = f.Code, f.String
	}
	return xmlrpc.Struct{
		{Name: "name", Value: name}, {Name: "group", Value: group},
		{Name: "status", Value: code}, {Name: "description", Value: description},
	}
}

func (n *supervisorNamespace) sendProcessStdin(ctx context.Context, args []any) (any, error) {
	chars, ok := text(args[1])
	if !ok {
		if args[1] == nil {
			return nil, incorrectParameters()
		}
		return nil, fault(IncorrectParameters, display(args[1]))
	}
	group, proc, name, err := oneProcess(args[0])
	if err != nil {
		return nil, err
	}
	err = n.sup.SendStdin(ctx, group, proc, []byte(chars))
	var refused *core.Error
	if errors.As(err, &refused) && refused.Kind == core.NoFile {
		return nil, fault(NoFile, name)
	}
	return succeeded(err, name)
}

// sendRemoteCommEvent takes anything, as Supervisor does, and shows what isn't a
// string.
func (n *supervisorNamespace) sendRemoteCommEvent(ctx context.Context, args []any) (any, error) {
	return succeeded(n.sup.SendRemoteComm(ctx, display(args[0]), display(args[1])), "")
}

// oneProcess takes the name of a single process.
func oneProcess(v any) (group, proc, name string, err error) {
	name, ok := text(v)
	if !ok {
		return "", "", "", incorrectParameters()
	}
	group, proc, all := pytext.SplitNamespec(name)
	if all {
		return "", "", "", fault(BadName, name)
	}
	return group, proc, name, nil
}
