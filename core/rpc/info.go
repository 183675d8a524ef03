package rpc

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// The methods about processes and their configuration.

// ProcessInfo is the state of a process (rpcinterface.py, getProcessInfo), its members in Supervisor's order.
type ProcessInfo struct {
	Name          string `rpc:"name" doc:"the process"`
	Group         string `rpc:"group" doc:"its group"`
	Start         int    `rpc:"start" doc:"when it was last started, in seconds since 1970; 0: never"`
	Stop          int    `rpc:"stop" doc:"when it last ended"`
	Now           int    `rpc:"now" doc:"when this was asked, by supervisord's clock"`
	State         int    `rpc:"state" doc:"its state, a number"`
	StateName     string `rpc:"statename" doc:"its state, a name"`
	SpawnErr      string `rpc:"spawnerr" doc:"why it could not start; empty if it could"`
	ExitStatus    int    `rpc:"exitstatus" doc:"of its last end; -1 for a signal, 0 if it never ended"`
	Logfile       string `rpc:"logfile" doc:"stdout_logfile, for old clients"`
	StdoutLogfile string `rpc:"stdout_logfile" doc:"the log of its stdout; empty if there is none"`
	StderrLogfile string `rpc:"stderr_logfile" doc:"the log of its stderr"`
	Pid           int    `rpc:"pid" doc:"its process id; 0 if it does not run"`
	Description   string `rpc:"description" doc:"its state in words, as supervisorctl status shows it"`
}

func (n *supervisorNamespace) getProcessInfo(ctx context.Context, a struct{ Name oneProcess }) (ProcessInfo, error) {
	info, err := n.sup.ProcessInfo(ctx, a.Name.group, a.Name.name)
	if err != nil {
		return ProcessInfo{}, faultOf(err, a.Name.given)
	}
	return processInfo(&info), nil
}

func (n *supervisorNamespace) getAllProcessInfo(ctx context.Context, _ noArguments) (xmlrpc.List[ProcessInfo], error) {
	all, err := n.sup.AllProcessInfo(ctx)
	if err != nil {
		return xmlrpc.List[ProcessInfo]{}, faultOf(err, "")
	}
	return xmlrpc.List[ProcessInfo]{N: len(all), At: func(i int) ProcessInfo { return processInfo(&all[i]) }}, nil
}

func processInfo(p *core.ProcessInfo) ProcessInfo {
	info := ProcessInfo{
		Name: p.Name, Group: p.Group, Start: xmlrpc.Seconds(p.Start), Stop: xmlrpc.Seconds(p.Stop), Now: xmlrpc.Seconds(p.Now), State: int(p.State), StateName: p.State.String(), SpawnErr: p.SpawnErr,
		Logfile: p.StdoutLog, StdoutLogfile: p.StdoutLog, StderrLogfile: p.StderrLog, Pid: p.Pid, Description: Description(p),
	}
	if p.HasExit {
		info.ExitStatus = p.ExitStatus
	}
	return info
}

// Description says in words how a process is, as supervisorctl status and the
// web page show it (rpcinterface.py, _interpretProcessInfo).
func Description(p *core.ProcessInfo) string {
	switch p.State {
	case process.Running:
		return "pid " + strconv.Itoa(p.Pid) + ", uptime " + uptime(xmlrpc.Seconds(p.Now)-xmlrpc.Seconds(p.Start))
	case process.Fatal, process.Backoff:
		if p.SpawnErr == "" {
			return `unknown error (try "tail ` + p.Name + `")`
		}
		return p.SpawnErr
	case process.Stopped, process.Exited:
		if xmlrpc.Seconds(p.Start) == 0 {
			return "Not started"
		}
		return time.Unix(int64(xmlrpc.Seconds(p.Stop)), 0).Format("Jan 02 03:04 PM")
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

// ConfigInfo is the settings of a process.
type ConfigInfo struct {
	AutoStart             bool   `rpc:"autostart" doc:"whether it is started with the daemon"`
	AutoRestart           any    `rpc:"autorestart" doc:"whether it is restarted: true, false or unexpected"`
	Directory             string `rpc:"directory" doc:"where it runs; none: where the daemon does"`
	UID                   any    `rpc:"uid" doc:"the user id that it runs as, or none"`
	Command               string `rpc:"command" doc:"its command line"`
	ExitCodes             []int  `rpc:"exitcodes" doc:"exit statuses that are expected"`
	Group                 string `rpc:"group" doc:"its group"`
	GroupPriority         int    `rpc:"group_prio" doc:"the priority of its group"`
	InUse                 bool   `rpc:"inuse" doc:"whether its group is active"`
	KillAsGroup           bool   `rpc:"killasgroup" doc:"whether its descendants are killed with it"`
	Name                  string `rpc:"name" doc:"the process"`
	ProcessPriority       int    `rpc:"process_prio" doc:"its priority in the group"`
	RedirectStderr        bool   `rpc:"redirect_stderr" doc:"whether its stderr goes where its stdout goes"`
	StartRetries          int    `rpc:"startretries" doc:"how many failures to start are followed by another try"`
	StartSecs             int64  `rpc:"startsecs" doc:"how long it has to run to be RUNNING"`
	StdoutCaptureMaxBytes int64  `rpc:"stdout_capture_maxbytes" doc:"how much of its stdout is captured for an event"`
	StdoutEventsEnabled   bool   `rpc:"stdout_events_enabled" doc:"whether its stdout makes events"`
	StdoutLogfile         string `rpc:"stdout_logfile" doc:"the log of its stdout, none or auto"`
	StdoutLogfileBackups  int    `rpc:"stdout_logfile_backups" doc:"how many rotated logs are kept"`
	StdoutLogfileMaxBytes int64  `rpc:"stdout_logfile_maxbytes" doc:"the size at which its log is rotated"`
	StdoutSyslog          bool   `rpc:"stdout_syslog" doc:"whether its stdout goes to syslog too"`
	StopSignal            int    `rpc:"stopsignal" doc:"the signal that stops it"`
	StopWaitSecs          int64  `rpc:"stopwaitsecs" doc:"how long it may take to stop before it is killed"`
	StderrCaptureMaxBytes int64  `rpc:"stderr_capture_maxbytes" doc:"as for stdout"`
	StderrEventsEnabled   bool   `rpc:"stderr_events_enabled" doc:"as for stdout"`
	StderrLogfile         string `rpc:"stderr_logfile" doc:"as for stdout"`
	StderrLogfileBackups  int    `rpc:"stderr_logfile_backups" doc:"as for stdout"`
	StderrLogfileMaxBytes int64  `rpc:"stderr_logfile_maxbytes" doc:"as for stdout"`
	StderrSyslog          bool   `rpc:"stderr_syslog" doc:"as for stdout"`
	ServerURL             string `rpc:"serverurl" doc:"the server named in its environment, none or auto"`
}

func (n *supervisorNamespace) getAllConfigInfo(ctx context.Context, _ noArguments) ([]ConfigInfo, error) {
	all, err := n.sup.ConfigInfo(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b core.ConfigInfo) int { return strings.Compare(a.Process.Name, b.Process.Name) })
	answer := make([]ConfigInfo, len(all))
	for i := range all {
		answer[i] = configInfo(&all[i])
	}
	return answer, nil
}

func configInfo(c *core.ConfigInfo) ConfigInfo {
	p := c.Process
	var uid any = "none"
	if p.User != nil {
		uid = p.User.UID
	}
	return ConfigInfo{
		AutoStart: p.AutoStart, AutoRestart: autoRestart(p.AutoRestart), Directory: orNone(p.Directory), UID: uid, Command: p.Command.Line, ExitCodes: p.ExitCodes,
		Group: c.Group.Name, GroupPriority: c.Group.Priority, InUse: c.InUse, KillAsGroup: p.KillAsGroup, Name: p.Name, ProcessPriority: p.Priority,
		RedirectStderr: p.RedirectStderr, StartRetries: p.StartRetries, StartSecs: int64(p.StartWait / time.Second),
		StdoutCaptureMaxBytes: p.Stdout.CaptureMaxBytes, StdoutEventsEnabled: p.Stdout.EventsEnabled, StdoutLogfile: orNone(c.StdoutLog),
		StdoutLogfileBackups: p.Stdout.Backups, StdoutLogfileMaxBytes: p.Stdout.MaxBytes, StdoutSyslog: p.Stdout.Syslog,
		StopSignal: int(p.StopSignal), StopWaitSecs: int64(p.StopWait / time.Second),
		StderrCaptureMaxBytes: p.Stderr.CaptureMaxBytes, StderrEventsEnabled: p.Stderr.EventsEnabled, StderrLogfile: orNone(c.StderrLog),
		StderrLogfileBackups: p.Stderr.Backups, StderrLogfileMaxBytes: p.Stderr.MaxBytes, StderrSyslog: p.Stderr.Syslog,
		ServerURL: orNone(config.URLText(p.ServerURL)),
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

// groupDiff is an array in an array: the names of the groups added, changed and removed.
type groupDiff [][][]string

func (n *supervisorNamespace) reloadConfig(ctx context.Context, _ noArguments) (groupDiff, error) {
	diff, err := n.sup.Reload(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	return groupDiff{{diff.Added, diff.Changed, diff.Removed}}, nil
}
