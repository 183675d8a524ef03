package sdk

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math"

	"github.com/hashicorp/go-hclog"
)

// logger is an instance's logger. hclog writes a line as one document of JSON and, where a value in it cannot be one, as NaN cannot, writes no line
// at all: such a value becomes text before.
type logger struct{ hclog.Logger }

// Log is hclog.Logger's, and so are the others.
func (l logger) Log(level hclog.Level, msg string, args ...any) {
	l.Logger.Log(level, msg, writable(args)...)
}

// Trace writes at that level.
func (l logger) Trace(msg string, args ...any) { l.Logger.Trace(msg, writable(args)...) }

// Debug writes at that level.
func (l logger) Debug(msg string, args ...any) { l.Logger.Debug(msg, writable(args)...) }

// Info writes at that level.
func (l logger) Info(msg string, args ...any) { l.Logger.Info(msg, writable(args)...) }

// Warn writes at that level.
func (l logger) Warn(msg string, args ...any) { l.Logger.Warn(msg, writable(args)...) }

// Error writes at that level.
func (l logger) Error(msg string, args ...any) { l.Logger.Error(msg, writable(args)...) }

// With returns a logger all of whose lines have args.
func (l logger) With(args ...any) hclog.Logger { return logger{l.Logger.With(writable(args)...)} }

// Named returns a logger with a longer name.
func (l logger) Named(name string) hclog.Logger { return logger{l.Logger.Named(name)} }

// ResetNamed returns a logger of another name.
func (l logger) ResetNamed(name string) hclog.Logger { return logger{l.Logger.ResetNamed(name)} }

// writable is keys and values of a line, each value one that JSON has.
func writable(args []any) []any {
	var made []any
	for i, v := range args {
		text, ok := writableValue(v)
		if ok {
			continue
		}
		if made == nil {
			made = append(made, args...) // the caller's stay as they are
		}
		made[i] = text
	}
	if made == nil {
		return args
	}
	return made
}

// writableValue reports whether JSON has a value, and returns a text in its place where it has not.
func writableValue(v any) (text string, ok bool) {
	switch v := v.(type) {
	case nil, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, hclog.CapturedStacktrace, hclog.Format:
		return "", true
	case float64:
		return fmt.Sprint(v), !math.IsNaN(v) && !math.IsInf(v, 0)
	case float32:
		return fmt.Sprint(v), !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0)
	case error:
		switch v.(type) { //nolint:errorlint // hclog looks at the error itself, not into it
		case json.Marshaler, encoding.TextMarshaler:
		default:
			return "", true // hclog writes what it says
		}
	}
	defer func() {
		if p := recover(); p != nil { // a method of the value's own
			text, ok = fmt.Sprintf("%T: %v", v, p), false
		}
	}()
	if _, err := json.Marshal(v); err != nil {
		return fmt.Sprintf("%T: %v", v, err), false
	}
	return "", true
}
