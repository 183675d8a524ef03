// Package daemonlog has the daemon's own log, that Supervisor calls the activity log: the file, the terminal in the
// foreground and syslog, as configured.
package daemonlog

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/syslog"
)

// Log is the daemon's own log for one life. Its methods may be called from any goroutine.
type Log struct {
	Level  config.Level   // what is below it is not written
	Syslog *syslog.Writer // also for children with *_syslog=true
	writer *logs.Activity
}

// OpenFiles opens the files of the activity log (options.py, make_logger).
func OpenFiles(set *config.Supervisord) (files []*logs.File, err error) {
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

// New begins the activity log. Its files may have been opened a while ago: should they have been moved away since, they are opened again.
func New(set *config.Supervisord, files []*logs.File) *Log {
	log := &Log{Level: set.LogLevel, Syslog: syslog.New(syslog.Options{})}
	o := logs.ActivityOptions{Files: files, Trouble: func(err error) { log.Write(config.ERRO, err.Error()) }}
	if set.LogfileSyslog {
		o.Syslog = log.Syslog
	}
	log.writer = logs.NewActivity(o)
	log.Reopen()
	return log
}

// Write is Logger.log: lines below the level are not written. It never blocks.
func (a *Log) Write(level config.Level, text string) {
	if level >= a.Level {
		a.writer.Log(time.Now(), int(level), text)
	}
}

// Reopen opens the files again.
func (a *Log) Reopen() { a.writer.Reopen(nil) }

// Clear is the clearLog call's (rpcinterface.py); it waits for the disk. As in Supervisor,
// its line goes into the file that is removed, so that the new one is empty.
func (a *Log) Clear() error {
	a.Write(config.INFO, "reopening log file")
	done := make(chan error, 1)
	a.writer.Clear(func(err error) { done <- err })
	return <-done
}

// Flush waits so long for the disk to take what was written.
func (a *Log) Flush(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_ = a.writer.Flush(ctx)
}

// Close writes the log to its end.
func (a *Log) Close() {
	_ = a.writer.Close()
	_ = a.Syslog.Close()
}

// Begin writes what was noted before there was a log: who we are, then as Supervisor does criticals, warnings and
// information.
func (a *Log) Begin(who string, criticals, warnings, infos []string) {
	a.Write(config.INFO, who)
	for _, part := range []struct {
		level config.Level
		texts []string
	}{{config.CRIT, criticals}, {config.WARN, warnings}, {config.INFO, infos}} {
		for _, text := range part.texts {
			a.Write(part.level, text)
		}
	}
}
