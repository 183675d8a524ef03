package daemonlog

import (
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core/config"
)

// NewLogger makes a logger whose lines go into the activity log.
func NewLogger(write func(config.Level, string)) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: activityWriter{write}, DisableTime: true})
}

// HCLevel is the level of such a logger for one of the activity log.
func HCLevel(level config.Level) hclog.Level {
	switch {
	case level < config.DEBG:
		return hclog.Trace
	case level < config.INFO:
		return hclog.Debug
	case level > config.WARN:
		return hclog.Error
	case level > config.INFO:
		return hclog.Warn
	}
	return hclog.Info
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
