package client

import (
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// ProcessState is the state of a process, with Supervisor's numbers
// (supervisor/states.py, ProcessStates).
type ProcessState int

// The process states.
const (
	Stopped  ProcessState = 0
	Starting ProcessState = 10
	Running  ProcessState = 20
	Backoff  ProcessState = 30
	Stopping ProcessState = 40
	Exited   ProcessState = 100
	Fatal    ProcessState = 200
	Unknown  ProcessState = 1000
)

// ProcessInfo is the state of a process (getProcessInfo). Times are whole seconds since 1970 by supervisord's clock, or
// 0 if the event has not happened.
type ProcessInfo struct {
	Name          string       `xmlrpc:"name"`
	Group         string       `xmlrpc:"group"`
	Start         int64        `xmlrpc:"start"` // when it was last started
	Stop          int64        `xmlrpc:"stop"`  // when it last ended
	Now           int64        `xmlrpc:"now"`   // the time of this answer
	State         ProcessState `xmlrpc:"state"`
	StateName     string       `xmlrpc:"statename"`
	SpawnErr      string       `xmlrpc:"spawnerr"`   // why it could not start; empty when it could
	ExitStatus    int          `xmlrpc:"exitstatus"` // of its last end; -1 for a signal, 0 when it never ended
	Logfile       string       `xmlrpc:"logfile"`    // as StdoutLogfile, for old clients
	StdoutLogfile string       `xmlrpc:"stdout_logfile"`
	StderrLogfile string       `xmlrpc:"stderr_logfile"`
	Pid           int          `xmlrpc:"pid"`         // 0 when it does not run
	Description   string       `xmlrpc:"description"` // in words, as supervisorctl status shows it
}

// Namespec returns the name of the process for other calls: "group:name", or the name alone if the group has the same
// name.
func (p *ProcessInfo) Namespec() string {
	return pytext.Namespec(p.Group, p.Name)
}

// Uptime returns how long a running process has been up; 0 for others.
func (p *ProcessInfo) Uptime() time.Duration {
	if p.State != Running || p.Now < p.Start {
		return 0
	}
	return time.Duration(p.Now-p.Start) * time.Second
}

// ConfigInfo is the configuration of a process (getAllConfigInfo). Members that an older supervisord does not send are
// zero. A string that is not set is "none"; a log file may be "auto".
type ConfigInfo struct {
	Name                  string `xmlrpc:"name"`
	Group                 string `xmlrpc:"group"`
	InUse                 bool   `xmlrpc:"inuse"` // whether the group is one of the running ones
	AutoStart             bool   `xmlrpc:"autostart"`
	AutoRestart           any    `xmlrpc:"autorestart"` // false, true or "unexpected"
	Command               string `xmlrpc:"command"`
	Directory             string `xmlrpc:"directory"`
	UID                   any    `xmlrpc:"uid"` // an int64, or "none"
	ExitCodes             []int  `xmlrpc:"exitcodes"`
	GroupPriority         int    `xmlrpc:"group_prio"`
	ProcessPriority       int    `xmlrpc:"process_prio"`
	KillAsGroup           bool   `xmlrpc:"killasgroup"`
	RedirectStderr        bool   `xmlrpc:"redirect_stderr"`
	StartRetries          int    `xmlrpc:"startretries"`
	StartSecs             int    `xmlrpc:"startsecs"`
	StopSignal            int    `xmlrpc:"stopsignal"`
	StopWaitSecs          int    `xmlrpc:"stopwaitsecs"`
	ServerURL             string `xmlrpc:"serverurl"`
	StdoutLogfile         string `xmlrpc:"stdout_logfile"`
	StdoutLogfileMaxBytes int64  `xmlrpc:"stdout_logfile_maxbytes"`
	StdoutLogfileBackups  int    `xmlrpc:"stdout_logfile_backups"`
	StdoutCaptureMaxBytes int64  `xmlrpc:"stdout_capture_maxbytes"`
	StdoutEventsEnabled   bool   `xmlrpc:"stdout_events_enabled"`
	StdoutSyslog          bool   `xmlrpc:"stdout_syslog"`
	StderrLogfile         string `xmlrpc:"stderr_logfile"`
	StderrLogfileMaxBytes int64  `xmlrpc:"stderr_logfile_maxbytes"`
	StderrLogfileBackups  int    `xmlrpc:"stderr_logfile_backups"`
	StderrCaptureMaxBytes int64  `xmlrpc:"stderr_capture_maxbytes"`
	StderrEventsEnabled   bool   `xmlrpc:"stderr_events_enabled"`
	StderrSyslog          bool   `xmlrpc:"stderr_syslog"`
}
