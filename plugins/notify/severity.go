package notify

import (
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk"
)

// ParseSeverity finds a severity by its name.
func ParseSeverity(name string) (sdk.Severity, error) {
	for s := sdk.Info; s <= sdk.Critical; s++ {
		if s.String() == strings.ToLower(name) {
			return s, nil
		}
	}
	return sdk.Info, fmt.Errorf("there is no severity %q; accepted: info, warning, error or critical", name)
}

// severityOf is how bad an event is. Types are judged by the last word of their names, so that the states of
// plugins go as those of processes do.
func severityOf(e *eventlistener.Event, rules []SeverityRule) sdk.Severity {
	for _, r := range rules {
		if e.Type().Is(r.Type) {
			return r.Severity
		}
	}
	switch e.Type() {
	case eventlistener.EventsDiscarded, eventlistener.LogDropped:
		return sdk.Warning
	case eventlistener.ProcessStateExited:
		if change, _ := e.StateChange(); change.Expected {
			return sdk.Info
		}
		return sdk.Error
	}
	name := e.Type().String()
	switch {
	case !strings.Contains(name, "_STATE_"):
	case strings.HasSuffix(name, "_FATAL"):
		return sdk.Critical
	case strings.HasSuffix(name, "_UNKNOWN"):
		return sdk.Error
	case strings.HasSuffix(name, "_BACKOFF"):
		return sdk.Warning
	}
	return sdk.Info
}
