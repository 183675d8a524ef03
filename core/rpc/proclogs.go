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

func (n *supervisorNamespace) readLog(_ context.Context, args []any) (any, error) {
	return n.read(n.sup.Logfile(), args[0], args[1])
}

func (n *supervisorNamespace) readProcessLog(channel string) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		path, err := n.logPath(ctx, args[0], channel)
		if err != nil {
			return nil, err
		}
		return n.read(path, args[1], args[2])
	}
}

func (n *supervisorNamespace) logPath(ctx context.Context, v any, channel string) (string, error) {
	group, proc, name, err := oneProcess(v)
	if err != nil {
		return "", err
	}
	path, err := n.sup.LogPath(ctx, group, proc, channel)
	if err != nil {
		return "", faultOf(err, name)
	}
	return path, nil
}

func (n *supervisorNamespace) read(path string, from, count any) (any, error) {
	if path == "" {
		return nil, plainFault(NoFile)
	}
	if !exists(path) {
		return nil, fault(NoFile, path)
	}
	offset, ok := number(from)
	length, ok2 := number(count)
	if !ok || !ok2 {
		return nil, incorrectParameters()
	}
	if offset < 0 {
		offset = max(offset, -maxLogRead)
	} else if length == 0 || length > maxLogRead {
		length = maxLogRead
	}
	data, err := n.logs.Read(path, offset, length)
	if err != nil {
		return nil, readFault(err, path)
	}
	return data, nil
}

// readFault is a fault without detail, but for a file that isn't there any more.
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

func (n *supervisorNamespace) tailProcessLog(channel string) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		path, err := n.logPath(ctx, args[0], channel)
		if err != nil {
			return nil, err
		}
		if path == "" || !exists(path) {
			return []any{"", 0, false}, nil
		}
		offset, ok := number(args[1])
		length, ok2 := number(args[2])
		if !ok || !ok2 {
			return nil, incorrectParameters()
		}
		data, end, overflow, err := n.logs.Tail(path, offset, min(length, maxLogRead))
		if err != nil {
			return []any{"", offset, false}, nil
		}
		return []any{data, end, overflow}, nil
	}
}

func (n *supervisorNamespace) clearLog(ctx context.Context, _ []any) (any, error) {
	path := n.sup.Logfile()
	if path == "" || !exists(path) {
		return nil, plainFault(NoFile)
	}
	if err := n.sup.ClearMainLog(ctx); err != nil {
		if f := faultFor(err, ""); f != nil {
			return nil, plainFault(f.Code)
		}
		return nil, err
	}
	return true, nil
}

func (n *supervisorNamespace) clearProcessLogs(ctx context.Context, args []any) (any, error) {
	group, proc, name, err := oneProcess(args[0])
	if err != nil {
		return nil, err
	}
	return succeeded(n.clear(ctx, group, proc, name), name)
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

func (n *supervisorNamespace) clearAllProcessLogs(ctx context.Context, _ []any) (any, error) {
	all, err := n.sup.ProcessNames(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]xmlrpc.Struct, 0, len(all))
	for _, p := range all {
		name := pytext.Namespec(p.Group, p.Name)
		var f *xmlrpc.Fault
		if err := n.clear(ctx, p.Group, p.Name, name); err != nil {
			if f = faultFor(err, name); f == nil {
				return nil, err
			}
		}
		answer = append(answer, status(p.Group, p.Name, f))
	}
	return answer, nil
}
