package rpc

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// The methods that tell of processes and of their configuration.

func (n *supervisorNamespace) getProcessInfo(ctx context.Context, args []any) (any, error) {
	group, proc, name, err := oneProcess(args[0])
	if err != nil {
		return nil, err
	}
	info, err := n.sup.ProcessInfo(ctx, group, proc)
	if err != nil {
		return nil, faultOf(err, name)
	}
	return ProcessStruct(&info), nil
}

func (n *supervisorNamespace) getAllProcessInfo(ctx context.Context, _ []any) (any, error) {
	all, err := n.sup.AllProcessInfo(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	answer := make([]xmlrpc.Struct, len(all))
	for i := range all {
		answer[i] = ProcessStruct(&all[i])
	}
	return answer, nil
}

// ProcessStruct is the struct that getProcessInfo answers (rpcinterface.py,
// getProcessInfo), its members in Supervisor's order.
func ProcessStruct(p *core.ProcessInfo) xmlrpc.Struct {
	exit := 0
	if p.HasExit {
		exit = p.ExitStatus
	}
	return xmlrpc.Struct{
		{Name: "name", Value: p.Name},
		{Name: "group", Value: p.Group},
		{Name: "start", Value: seconds(p.Start)},
		{Name: "stop", Value: seconds(p.Stop)},
		{Name: "now", Value: seconds(p.Now)},
		{Name: "state", Value: int(p.State)},
		{Name: "statename", Value: p.State.String()},
		{Name: "spawnerr", Value: p.SpawnErr},
		{Name: "exitstatus", Value: exit},
		{Name: "logfile", Value: p.StdoutLog},
		{Name: "stdout_logfile", Value: p.StdoutLog},
		{Name: "stderr_logfile", Value: p.StderrLog},
		{Name: "pid", Value: p.Pid},
		{Name: "description", Value: Description(p)},
	}
}

// seconds is whole seconds since 1970, kept within 32 bits as Supervisor does;
// 0 for a time that never was.
func seconds(t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return int(min(max(t.Unix(), math.MinInt32), math.MaxInt32))
}

// Description says in words how a process is, as supervisorctl status and the
// web page show it (rpcinterface.py, _interpretProcessInfo).
func Description(p *core.ProcessInfo) string {
	switch p.State {
	case process.Running:
		return "pid " + strconv.Itoa(p.Pid) + ", uptime " + uptime(seconds(p.Now)-seconds(p.Start))
	case process.Fatal, process.Backoff:
		if p.SpawnErr == "" {
			return `unknown error (try "tail ` + p.Name + `")`
		}
		return p.SpawnErr
	case process.Stopped, process.Exited:
		if seconds(p.Start) == 0 {
			return "Not started"
		}
		return time.Unix(int64(seconds(p.Stop)), 0).Format("Jan 02 03:04 PM")
	}
	return ""
}

// uptime is written as Python writes a timedelta: "1 day, 2:03:04".
func uptime(s int) string {
	s = max(s, 0) // the clock was set back
	b := make([]byte, 0, 24)
	if days := s / 86400; days > 0 {
		b = strconv.AppendInt(b, int64(days), 10)
		b = append(b, " day"...)
		if days > 1 {
			b = append(b, 's')
		}
		b = append(b, ", "...)
	}
	two := func(n int) {
		b = append(b, ':', byte('0'+n/10), byte('0'+n%10))
	}
	b = strconv.AppendInt(b, int64(s/3600%24), 10)
	two(s / 60 % 60)
	two(s % 60)
	return string(b)
}

func (n *supervisorNamespace) getAllConfigInfo(ctx context.Context, _ []any) (any, error) {
	all, err := n.sup.ConfigInfo(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b core.ConfigInfo) int { return strings.Compare(a.Process.Name, b.Process.Name) })
	answer := make([]xmlrpc.Struct, len(all))
	for i := range all {
		answer[i] = configStruct(&all[i])
	}
	return answer, nil
}

func configStruct(c *core.ConfigInfo) xmlrpc.Struct {
	p := c.Process
	exitcodes := make([]any, len(p.ExitCodes))
	for i, code := range p.ExitCodes {
		exitcodes[i] = code
	}
	var uid any = "none"
	if p.User != nil {
		uid = p.User.UID
	}
	return xmlrpc.Struct{
		{Name: "autostart", Value: p.AutoStart},
		{Name: "autorestart", Value: autoRestart(p.AutoRestart)},
		{Name: "directory", Value: orNone(p.Directory)},
		{Name: "uid", Value: uid},
		{Name: "command", Value: p.Command.Line},
		{Name: "exitcodes", Value: exitcodes},
		{Name: "group", Value: c.Group.Name},
		{Name: "group_prio", Value: c.Group.Priority},
		{Name: "inuse", Value: c.InUse},
		{Name: "killasgroup", Value: p.KillAsGroup},
		{Name: "name", Value: p.Name},
		{Name: "process_prio", Value: p.Priority},
		{Name: "redirect_stderr", Value: p.RedirectStderr},
		{Name: "startretries", Value: p.StartRetries},
		{Name: "startsecs", Value: int64(p.StartWait / time.Second)},
		{Name: "stdout_capture_maxbytes", Value: p.Stdout.CaptureMaxBytes},
		{Name: "stdout_events_enabled", Value: p.Stdout.EventsEnabled},
		{Name: "stdout_logfile", Value: orNone(c.StdoutLog)},
		{Name: "stdout_logfile_backups", Value: p.Stdout.Backups},
		{Name: "stdout_logfile_maxbytes", Value: p.Stdout.MaxBytes},
		{Name: "stdout_syslog", Value: p.Stdout.Syslog},
		{Name: "stopsignal", Value: int(p.StopSignal)},
		{Name: "stopwaitsecs", Value: int64(p.StopWait / time.Second)},
		{Name: "stderr_capture_maxbytes", Value: p.Stderr.CaptureMaxBytes},
		{Name: "stderr_events_enabled", Value: p.Stderr.EventsEnabled},
		{Name: "stderr_logfile", Value: orNone(c.StderrLog)},
		{Name: "stderr_logfile_backups", Value: p.Stderr.Backups},
		{Name: "stderr_logfile_maxbytes", Value: p.Stderr.MaxBytes},
		{Name: "stderr_syslog", Value: p.Stderr.Syslog},
		{Name: "serverurl", Value: orNone(config.URLText(p.ServerURL))},
	}
}

// autoRestart: Supervisor answers 500 for a program that always restarts; true
// is what its configuration says.
func autoRestart(a config.AutoRestart) any {
	switch a {
	case config.RestartNever:
		return false
	case config.RestartAlways:
		return true
	}
	return "unexpected"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func (n *supervisorNamespace) reloadConfig(ctx context.Context, _ []any) (any, error) {
	diff, err := n.sup.Reload(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	return []any{[]any{list(diff.Added), list(diff.Changed), list(diff.Removed)}}, nil
}

// list gives a plain array, empty rather than nil.
func list(names []string) []string { return append([]string{}, names...) }
