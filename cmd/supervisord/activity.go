package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/syslog"
)

// activity is the daemon's own log for one life: the file, the terminal in the
// foreground, and syslog as configured.
type activity struct {
	level  config.Level
	writer *logs.Activity
	syslog *syslog.Writer // also for children with *_syslog=true
}

// openLog opens the activity log (options.py, make_logger).
func (d *daemon) openLog() (*activity, error) {
	set := d.conf.Supervisord
	log := &activity{level: set.LogLevel, syslog: syslog.New(syslog.Options{})}
	var o logs.ActivityOptions
	if set.NoDaemon && !set.Silent {
		stdout, err := logs.OpenDescriptor(1, "stdout", logs.Options{})
		if err != nil {
			return nil, err
		}
		o.Files = append(o.Files, stdout)
	}
	if set.LogfileSyslog {
		o.Syslog = log.syslog
	} else {
		file, err := logs.Open(set.Logfile, logs.Options{MaxBytes: set.LogfileMaxBytes, Backups: set.LogfileBackups})
		if err != nil {
			return nil, err
		}
		o.Files = append(o.Files, file)
	}
	o.Trouble = func(err error) { log.write(config.ERRO, err.Error()) }
	log.writer = logs.NewActivity(o)
	return log, nil
}

// write is Logger.log: lines below the level are not written. It never blocks.
func (a *activity) write(level config.Level, text string) {
	if level >= a.level {
		a.writer.Log(time.Now(), int(level), text)
	}
}

func (a *activity) reopen() { a.writer.Reopen(nil) }

// clear is the clearLog call's (rpcinterface.py); it waits for the disk. As in Supervisor,
// its line goes into the file that is removed, so that the new one is empty.
func (a *activity) clear() error {
	a.write(config.INFO, "reopening log file")
	done := make(chan error, 1)
	a.writer.Clear(func(err error) { done <- err })
	return <-done
}

// flush waits so long for the disk to take what was written.
func (a *activity) flush(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = a.writer.Flush(ctx)
}

func (a *activity) close() {
	_ = a.writer.Close()
	_ = a.syslog.Close()
}

// begin writes what was noted before there was a log: who we are, then as
// Supervisor does criticals, warnings and information.
func (a *activity) begin(d *daemon) {
	a.write(config.INFO, fmt.Sprintf("hark %s (commit %s), compatible with supervisor %s", version, commit, supervisorVersion))
	for _, text := range d.conf.Criticals {
		a.write(config.CRIT, text)
	}
	for _, text := range d.conf.Warnings {
		a.write(config.WARN, text)
	}
	for _, text := range append(d.conf.Infos, d.infos...) {
		a.write(config.INFO, text)
	}
	d.infos = nil
}

// reaped logs the end of a process that is nobody's (supervisord.py, reap).
func (d *daemon) reaped(pid int, ws syscall.WaitStatus) {
	if log := d.log.Load(); log != nil {
		by := process.ReapedBy(ws)
		log.write(config.INFO, fmt.Sprintf("reaped unknown pid %d (%s)", pid, process.WaitMessage(by.Code, by.Signal, by.CoreDump)))
	}
}
