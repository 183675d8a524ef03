package rpc

import (
	"context"
	"syscall"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// Supervisor is what the methods call; *core.Supervisor is one. Every error is
// a *core.Error, the context's, or says that the supervisor has ended.
type Supervisor interface {
	Daemon
	Processes
	ProcessLogs
}

// Daemon is what concerns the daemon and its configuration.
type Daemon interface {
	Mood() core.Mood // doesn't block
	Identifier() string
	Logfile() string // of the activity log, "" when there is none
	ClearMainLog(ctx context.Context) error
	Reload(ctx context.Context) (core.GroupDiff, error)
	ConfigInfo(ctx context.Context) ([]core.ConfigInfo, error)
	AddGroup(ctx context.Context, name string) error
	RemoveGroup(ctx context.Context, name string) error
	Shutdown(ctx context.Context) error
	ShutdownWith(ctx context.Context, status int) error
	Restart(ctx context.Context) error
	SendRemoteComm(ctx context.Context, kind, data string) error
}

// Processes is what concerns processes. With wait, a call returns when the
// transition that decides its outcome has happened.
type Processes interface {
	StartProcess(ctx context.Context, group, name string, wait bool) error
	StopProcess(ctx context.Context, group, name string, wait bool) error
	SignalProcess(ctx context.Context, group, name string, sig syscall.Signal) error
	StartGroup(ctx context.Context, group string, wait bool) ([]core.Outcome, error)
	StopGroup(ctx context.Context, group string, wait bool) ([]core.Outcome, error)
	SignalGroup(ctx context.Context, group string, sig syscall.Signal) ([]core.Outcome, error)
	StartAll(ctx context.Context, wait bool) ([]core.Outcome, error)
	StopAll(ctx context.Context, wait bool) ([]core.Outcome, error)
	SignalAll(ctx context.Context, sig syscall.Signal) ([]core.Outcome, error)
	ProcessInfo(ctx context.Context, group, name string) (core.ProcessInfo, error)
	AllProcessInfo(ctx context.Context) ([]core.ProcessInfo, error) // by group, then name
	ProcessNames(ctx context.Context) ([]core.Outcome, error)       // by priority
	SendStdin(ctx context.Context, group, name string, chars []byte) error
}

// ProcessLogs is what concerns the log files of processes.
type ProcessLogs interface {
	LogPath(ctx context.Context, group, name, channel string) (string, error) // "" when there is none
	ClearProcessLogs(ctx context.Context, group, name string) error
}

// Logs reads log files; core/logs has the functions.
type Logs struct {
	// Read opens what supervisor/options.py, readFile, reads. Its errors are of the kinds
	// BadArguments, NoFile and Failed (*core.Error).
	Read func(path string, offset, length int64) (LogSlice, error)
	// Tail opens what supervisor/options.py, tailFile, reads.
	Tail func(path string, offset, length int64) (data LogSlice, end int64, overflow bool, err error)
	// Follow begins with at most the last head bytes of the file.
	Follow func(path string, head int64) (Follower, error)
}

// LogSlice is a part of a log that is open. It may come to have fewer bytes than its size.
type LogSlice interface {
	xmlrpc.Text
	Close() error
}

// Follower reads a file that grows, is rotated or truncated.
type Follower interface {
	// Next waits for more bytes; they are good until the next call. An error
	// ends the following; io.EOF is an orderly end.
	Next(ctx context.Context) ([]byte, error)
	// Past is how many of the bytes that come first were in the file when it was opened.
	Past() int64
	Close() error
}
