package rpc

import (
	"context"
	"errors"
	"os"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// The methods that read, tail and clear log files.

// maxLogRead bounds one read of a log, in bytes. A longer read ends early, as at the end of a file.
const maxLogRead = 64 << 20

type logRange struct {
	Offset offset
	Length length
}

type processLogRange struct {
	Name   oneProcess
	Offset offset
	Length length
}

func (n *supervisorNamespace) readLog(_ context.Context, a logRange) (LogSlice, error) {
	return n.read(n.sup.Logfile(), a.Offset, a.Length)
}

func (n *supervisorNamespace) readProcessLog(channel string) func(context.Context, processLogRange) (LogSlice, error) {
	return func(ctx context.Context, a processLogRange) (LogSlice, error) {
		path, err := n.logPath(ctx, a.Name, channel)
		if err != nil {
			return nil, err
		}
		return n.read(path, a.Offset, a.Length)
	}
}

func (n *supervisorNamespace) logPath(ctx context.Context, p oneProcess, channel string) (string, error) {
	path, err := n.sup.LogPath(ctx, p.group, p.name, channel)
	if err != nil {
		return "", faultOf(err, p.given)
	}
	return path, nil
}

func (n *supervisorNamespace) read(path string, from offset, count length) (LogSlice, error) {
	if path == "" {
		return nil, plainFault(NoFile)
	}
	if !exists(path) {
		return nil, fault(NoFile, path)
	}
	if !from.ok || !count.ok {
		return nil, incorrectParameters()
	}
	begin, size := from.n, count.n
	if begin < 0 {
		begin = max(begin, -maxLogRead)
	} else if size == 0 || size > maxLogRead {
		size = maxLogRead
	}
	data, err := n.logs.Read(path, begin, size)
	if err != nil {
		return nil, readFault(err, path)
	}
	return data, nil
}

// readFault returns a fault without detail, except for a file that no longer exists.
func readFault(err error, path string) *xmlrpc.Fault {
	var refused *core.Error
	if errors.As(err, &refused) {
		switch refused.Kind {
		case core.BadArguments:
			return plainFault(BadArguments)
		case core.NoFile:
			return fault(NoFile, path)
		}
	}
	return plainFault(Failed)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// logTail is the text of a log's end, the log's end, and whether bytes were passed over.
type logTail []any

func (n *supervisorNamespace) tailProcessLog(channel string) func(context.Context, processLogRange) (logTail, error) {
	return func(ctx context.Context, a processLogRange) (logTail, error) {
		path, err := n.logPath(ctx, a.Name, channel)
		if err != nil {
			return nil, err
		}
		if path == "" || !exists(path) {
			return logTail{"", 0, false}, nil
		}
		if !a.Offset.ok || !a.Length.ok {
			return nil, incorrectParameters()
		}
		data, end, overflow, err := n.logs.Tail(path, a.Offset.n, min(a.Length.n, maxLogRead))
		if err != nil {
			return logTail{"", a.Offset.n, false}, nil
		}
		return logTail{data, end, overflow}, nil
	}
}

func (n *supervisorNamespace) clearLog(ctx context.Context, _ noArguments) (bool, error) {
	path := n.sup.Logfile()
	if path == "" || !exists(path) {
		return false, plainFault(NoFile)
	}
	if err := n.sup.ClearMainLog(ctx); err != nil {
		if f := faultFor(err, ""); f != nil {
			return false, plainFault(f.Code)
		}
		return false, err
	}
	return true, nil
}

func (n *supervisorNamespace) clearProcessLogs(ctx context.Context, a struct{ Name oneProcess }) (bool, error) {
	p := a.Name
	return succeeded(n.clear(ctx, p.group, p.name, p.given), p.given)
}

// clear is ClearProcessLogs with its failure about the name given.
func (n *supervisorNamespace) clear(ctx context.Context, group, proc, given string) error {
	err := n.sup.ClearProcessLogs(ctx, group, proc)
	var refused *core.Error
	if errors.As(err, &refused) && refused.Kind == core.Failed {
		return &core.Error{Kind: core.Failed, Detail: given}
	}
	return err
}

func (n *supervisorNamespace) clearAllProcessLogs(ctx context.Context, _ noArguments) ([]Outcome, error) {
	all, err := n.sup.ProcessNames(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]Outcome, len(all))
	for i, p := range all {
		name := pytext.Namespec(p.Group, p.Name)
		var f *xmlrpc.Fault
		if err := n.clear(ctx, p.Group, p.Name, name); err != nil {
			if f = faultFor(err, name); f == nil {
				return nil, err
			}
		}
		answer[i] = outcome(p.Group, p.Name, f)
	}
	return answer, nil
}
