package sections

import (
	"cmp"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/plugins/delivery"
	"github.com/hark-supervisor/hark/plugins/logsink"
	"github.com/hark-supervisor/hark/plugins/notify"
	"github.com/hark-supervisor/hark/sdk"
)

// NotifierOptions are the options of a [notifier:x] section. Its severities were checked when it was read.
func NotifierOptions(name string, c *config.Notifier, childLogDir string) notify.Options {
	severity := func(name string) sdk.Severity {
		s, _ := notify.ParseSeverity(name)
		return s
	}
	o := notify.Options{
		Name: name, Events: c.Events, Programs: c.Programs, BufferSize: c.BufferSize, Overflow: c.Overflow,
		Timeout: c.Timeout, RetryDelay: c.RetryDelay, RetryMax: c.RetryMaxDelay, MaxRetries: c.MaxRetries, RetryFor: c.RetryFor, MaxAge: c.MaxAge,
		Dedupe: c.DedupeWindow, GroupWait: c.GroupWait, GroupMax: c.GroupMax, Rate: notify.Rate{Count: c.Rate.Count, Period: c.Rate.Period},
		Quiet:       notify.QuietHours{From: c.Quiet.From, To: c.Quiet.To, Passing: severity(c.QuietSeverity)},
		MinSeverity: severity(c.MinSeverity), Title: c.Title, Body: c.Body,
	}
	for _, r := range c.Severities {
		o.Severities = append(o.Severities, notify.SeverityRule{Type: r.Type, Severity: severity(r.Severity)})
	}
	if c.Overflow == eventlistener.SpoolEvents {
		o.Spool = spoolIn(c.Spool, childLogDir)
	}
	return o
}

// SinkOptions are the options of a [logsink:x] section.
func SinkOptions(name string, c *config.LogSink, childLogDir string) logsink.Options {
	overflow, _ := logsink.ParseOverflow(c.Overflow)
	o := logsink.Options{
		Name: name, Programs: c.Programs, Stdout: c.Stdout, Stderr: c.Stderr, BufferBytes: c.BufferBytes, Overflow: overflow, MaxInFlight: c.MaxInFlight, RetryMax: c.RetryMaxDelay, RetryFor: c.RetryFor,
	}
	if overflow == logsink.SpoolOverflow {
		o.Spool = *spoolIn(c.Spool, childLogDir)
	}
	return o
}

func spoolIn(s config.Spool, otherwise string) *delivery.Spool {
	return &delivery.Spool{Dir: cmp.Or(s.SpoolDir, otherwise), MaxBytes: s.SpoolMaxBytes, Sync: s.SpoolSync}
}
