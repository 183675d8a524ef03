package main

import (
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core/config"
)

// hostLogger is a logger whose lines go into the activity log.
func hostLogger(log *activity) hclog.Logger {
	level := hclog.Info
	switch {
	case log.level < config.DEBG:
		level = hclog.Trace
	case log.level < config.INFO:
		level = hclog.Debug
	case log.level > config.WARN:
		level = hclog.Error
	case log.level > config.INFO:
		level = hclog.Warn
	}
	return hclog.New(&hclog.LoggerOptions{Level: level, Output: activityWriter{log.write}, DisableTime: true})
}

// activityWriter takes hclog's lines apart: "[WARN]  plugin.slack: message: key=value".
type activityWriter struct {
	write func(config.Level, string)
}

// Write is io.Writer's; hclog writes one entry at a time.
func (w activityWriter) Write(b []byte) (int, error) {
	text := strings.TrimRight(string(b), "\n")
	level := config.INFO
	if name, rest, ok := strings.Cut(text, "]"); ok {
		text = strings.TrimLeft(rest, " ")
		switch strings.TrimPrefix(name, "[") {
		case "ERROR":
			level = config.ERRO
		case "WARN":
			level = config.WARN
		case "DEBUG":
			level = config.DEBG
		case "TRACE":
			level = config.TRAC
		}
	}
	w.write(level, text)
	return len(b), nil
}
