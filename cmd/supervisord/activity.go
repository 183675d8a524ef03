package main

import (
	"context"
	"fmt"
	"slices"
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

// openLogFiles opens the files of the activity log (options.py, make_logger).
func openLogFiles(set *config.Supervisord) (files []*logs.File, err error) {
	if set.NoDaemon && !set.Silent {
		stdout, err := logs.OpenDescriptor(1, "stdout", logs.Options{})
		if err != nil {
			return nil, err
		}
		files = append(files, stdout)
	}
	if set.LogfileSyslog {
		return files, nil
	}
	file, err := logs.Open(set.Logfile, logs.Options{MaxBytes: set.LogfileMaxBytes, Backups: set.LogfileBackups})
	if err != nil {
		for _, f := range files {
			_ = f.Close()
		}
		return nil, err
	}
	return append(files, file), nil
}

// newActivity begins the activity log. Its files may have been opened a while ago: should they have been moved away since, they are opened again.
func (d *daemon) newActivity(set *config.Supervisord, files []*logs.File) *activity {
	log := &activity{level: set.LogLevel, syslog: syslog.New(syslog.Options{})}
	o := logs.ActivityOptions{Files: files, Trouble: func(err error) { log.write(config.ERRO, err.Error()) }}
	if set.LogfileSyslog {
		o.Syslog = log.syslog
	}
	log.writer = logs.NewActivity(o)
	log.reopen()
	return log
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
func (a *activity) begin(d *daemon, conf *config.Config) {
	a.write(config.INFO, fmt.Sprintf("hark %s (commit %s), compatible with supervisor %s", version, commit, supervisorVersion))
	for _, text := range conf.Criticals {
		a.write(config.CRIT, text)
	}
	for _, text := range conf.Warnings {
		a.write(config.WARN, text)
	}
	for _, text := range slices.Concat(conf.Infos, d.infos) {
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
