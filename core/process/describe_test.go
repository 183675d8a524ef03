package process

import (
	"fmt"
	"strings"
	"time"
)

// describe writes an effect as the tables of this package show it.
func describe(e Effect) string {
	switch e := e.(type) {
	case Spawn:
		return "spawn"
	case CancelSpawn:
		return "cancel spawn"
	case Kill:
		s := "kill " + SignalName(e.Signal)
		if e.Group {
			s += " group"
		}
		if e.Final {
			s += " final"
		}
		return s
	case Changed:
		s := fmt.Sprintf("%s→%s", e.From, e.To)
		switch e.To {
		case Starting, Backoff:
			s += fmt.Sprintf(" tries:%d", e.Tries)
		case Exited:
			s += fmt.Sprintf(" expected:%t pid:%d", e.Expected, e.Pid)
		case Running, Stopping, Stopped:
			s += fmt.Sprintf(" pid:%d", e.Pid)
		}
		return s
	case Log:
		s := e.Kind.String()
		if e.Group {
			s += " group"
		}
		if e.Signal != 0 {
			s += " " + SignalName(e.Signal)
		}
		if e.Msg != "" {
			s += " (" + e.Msg
			if e.Kind == LogExited || e.Kind == LogStopped {
				s += map[bool]string{true: "; expected", false: "; not expected"}[e.Expected]
			}
			s += ")"
		}
		return `"` + s + `"`
	default:
		return fmt.Sprintf("%#v", e)
	}
}

func describeAll(effects []Effect) string {
	s := make([]string, len(effects))
	for i, e := range effects {
		s[i] = describe(e)
	}
	return strings.Join(s, ", ")
}

func describeDeadline(m *Machine, now time.Time) string {
	due, ok := m.Deadline()
	if !ok {
		return "none"
	}
	if d := due.Sub(now); d > 0 {
		return "+" + d.String()
	}
	return "at once"
}
