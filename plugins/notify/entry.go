package notify

import (
	"fmt"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk"
)

// entry is an event on its way through a notifier.
type entry struct {
	*eventlistener.Event
	pos      uint64 // its place in the spool; 0: none
	severity sdk.Severity
	arrived  time.Time // in the queue
}

// subject is what an event is about.
type subject struct{ kind, group, process string }

func subjectOf(e *eventlistener.Event) subject {
	p, _ := e.Process()
	return subject{e.Type().String(), p.Group, p.Name}
}

// convert makes an event that plugins get.
func convert(e *eventlistener.Event) sdk.Event {
	p, _ := e.Process()
	change, _ := e.StateChange()
	payload := e.Payload()
	asJSON, _ := e.PayloadIn(eventlistener.JSONForm)
	out := sdk.Event{
		Seq: e.Seq(), Type: e.Type().String(), Time: e.Time(),
		Group: p.Group, Process: p.Name, Pid: p.Pid,
		From: change.From, Tries: change.Tries, Expected: change.Expected,
		Data: e.Data(), Payload: payload, JSON: asJSON,
	}
	if x := change.Exit; x.Ended {
		out.Exit = &sdk.Exit{Status: x.Status, Signal: x.Signal, CoreDumped: x.CoreDumped, Uptime: x.Uptime}
	}
	return out
}

// describe describes an event in a line without its end, for people.
func describe(e *sdk.Event) string {
	who := e.Namespec()
	if who == "" {
		text := strings.TrimSpace(string(e.Payload))
		if e.Type == "REMOTE_COMMUNICATION" {
			text = strings.TrimSpace(string(e.Data))
		}
		return strings.TrimSpace(e.Type + " " + firstLine(text))
	}
	state, isState := strings.CutPrefix(e.Type, "PROCESS_STATE_")
	switch {
	case !isState && len(e.Data) > 0:
		return fmt.Sprintf("%s wrote: %s", who, firstLine(string(e.Data)))
	case !isState:
		return fmt.Sprintf("%s %s %s", who, e.Type, firstLine(string(e.Payload)))
	case state == "EXITED":
		return who + exitText(e)
	case state == "FATAL":
		return who + " could not be started and is FATAL"
	case state == "BACKOFF":
		return fmt.Sprintf("%s exited too soon after its start (%d in a row)%s", who, e.Tries, exitDetail(e))
	}
	return fmt.Sprintf("%s is %s", who, state)
}

func exitText(e *sdk.Event) string {
	if e.Expected {
		return " exited" + exitDetail(e)
	}
	return " exited unexpectedly" + exitDetail(e)
}

func exitDetail(e *sdk.Event) string {
	x := e.Exit
	if x == nil {
		return ""
	}
	text := fmt.Sprintf(" with status %d", x.Status)
	if x.Signal != 0 {
		text = fmt.Sprintf(" by signal %d", x.Signal)
		if x.CoreDumped {
			text += " (core dumped)"
		}
	}
	if x.Uptime > 0 {
		text += " after " + x.Uptime.Round(100*time.Millisecond).String()
	}
	return text
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(s, "\r\n"), "\n")
	return strings.TrimSpace(line)
}
