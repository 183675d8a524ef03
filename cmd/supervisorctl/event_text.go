package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// happened is an event of a stream as it is shown to people.
type happened struct {
	kind  string // the name of its type
	when  time.Time
	text  string // a sentence
	style string
}

// line is the event with its time; the day is there where it is not today.
func (h *happened) line(now time.Time, style func(sgr, text string) string) string {
	clock := "15:04:05"
	if h.when.IsZero() {
		return style(h.style, h.text)
	}
	if h.when.YearDay() != now.YearDay() || h.when.Year() != now.Year() {
		clock = "Jan 02 15:04:05"
	}
	return style(styleDim, h.when.Format(clock)) + "  " + style(h.style, h.text)
}

// isTick reports whether it is one of the events that come with time.
func (h *happened) isTick() bool {
	t, ok := eventlistener.ParseType(h.kind)
	return ok && t.Is(eventlistener.TickEvent)
}

// happening is an event, as a daemon sends it, for people. One of an unknown type is shown by its members.
func happening(data string) happened {
	members, err := orderedMembers(data)
	if err != nil {
		return happened{text: printable(data)}
	}
	e := eventMembers{}
	for _, m := range members {
		e[m[0]] = m[1]
	}
	h := happened{kind: e["eventname"]}
	if at, err := time.Parse(time.RFC3339, e["time"]); err == nil {
		h.when = at.Local()
	}
	h.text, h.style = e.sentence()
	if h.text == "" {
		h.text = membersLine(members)
	}
	return h
}

// membersLine is an event by its members, as they come.
func membersLine(members [][2]string) string {
	var words []string
	for _, m := range members {
		switch m[0] {
		case "eventname":
			words = append([]string{printable(m[1])}, words...)
		case "time", "seq":
		default:
			if strings.ContainsAny(m[1], " \"=") || m[1] == "" || printable(m[1]) != m[1] {
				m[1] = strconv.Quote(m[1])
			}
			words = append(words, printable(m[0])+"="+m[1])
		}
	}
	return strings.Join(words, " ")
}

// eventMembers are the members of an event, as text.
type eventMembers map[string]string

// of is a member that is safe to print.
func (e eventMembers) of(name string) string { return printable(e[name]) }

// who is the process that it is about.
func (e eventMembers) who() string {
	return printable(pytext.Namespec(e["groupname"], e["processname"]))
}

// sentence describes the event, "" if its type is not known.
func (e eventMembers) sentence() (text, style string) {
	kind := e["eventname"]
	if state, ok := strings.CutPrefix(kind, "PROCESS_STATE_"); ok {
		return e.processSentence(state)
	}
	if state, ok := strings.CutPrefix(kind, "PLUGIN_STATE_"); ok {
		return e.pluginSentence(state)
	}
	switch kind {
	case "PROCESS_LOG_STDOUT", "PROCESS_LOG_STDERR":
		return e.who() + " wrote to " + e.of("channel") + ": " + e.payload(), ""
	case "PROCESS_COMMUNICATION_STDOUT", "PROCESS_COMMUNICATION_STDERR":
		return e.who() + " says: " + e.payload(), ""
	case "REMOTE_COMMUNICATION":
		return "a client says " + e.of("type") + ": " + e.payload(), ""
	case "SUPERVISOR_STATE_CHANGE_RUNNING":
		return "supervisord is running", styleGood
	case "SUPERVISOR_STATE_CHANGE_STOPPING":
		return "supervisord is stopping", styleBusy
	case "TICK_5", "TICK_60", "TICK_3600":
		return "a period of " + strings.TrimPrefix(kind, "TICK_") + " seconds begins", styleDim
	case "PROCESS_GROUP_ADDED":
		return "group " + e.of("groupname") + " was added", ""
	case "PROCESS_GROUP_REMOVED":
		return "group " + e.of("groupname") + " was removed", ""
	case "CONFIG_RELOADED":
		return "the configuration was read: " + e.reloaded(), ""
	case "EVENTS_DISCARDED":
		return e.of("subscriber") + " has lost " + e.counted("discarded", "event") + ": it had no room for more", styleBad
	case "LOG_DROPPED":
		text := e.counted("bytes", "byte")
		if e["processname"] != "" {
			text += " of " + e.of("channel") + " of " + e.who()
		}
		if e["sink"] != "" {
			return text + " will not reach the log sink " + e.of("sink"), styleBad
		}
		return text + " reached no log", styleBad
	}
	return "", ""
}

func (e eventMembers) processSentence(state string) (text, style string) {
	who, tries := e.who(), e.number("tries")
	switch state {
	case "STARTING":
		if tries > 0 {
			return fmt.Sprintf("%s is starting, after %s", who, count(tries, "failure")), styleBusy
		}
		return who + " is starting", styleBusy
	case "RUNNING":
		return who + " is running, pid " + e.of("pid"), styleGood
	case "BACKOFF":
		if how := e.end(); how != "" {
			return fmt.Sprintf("%s ended too early (%s), failure %d; it may be tried again", who, how, tries), styleBusy
		}
		return fmt.Sprintf("%s could not be started, failure %d; it may be tried again", who, tries), styleBusy
	case "STOPPING":
		return who + " is being stopped", styleBusy
	case "EXITED":
		expected := ", which was not expected"
		if e["expected"] == "true" {
			expected = ", as expected"
		}
		switch how := e.end(); {
		case how == "":
			return who + " has exited" + expected, ""
		case e.number("signal") != 0:
			return who + " was ended by " + how + e.after() + expected, styleBad
		case e["expected"] == "true":
			return who + " has exited with " + how + e.after() + expected, ""
		default:
			return who + " has exited with " + how + e.after() + expected, styleBusy
		}
	case "STOPPED":
		if how := e.end(); how != "" {
			return who + " has stopped (" + how + ")" + e.after(), styleDim
		}
		return who + " has stopped", styleDim
	case "FATAL":
		return who + " is FATAL: it failed to start and is not tried again", styleBad
	case "UNKNOWN":
		return who + " is UNKNOWN: it could not be signalled", styleBad
	}
	return "", ""
}

func (e eventMembers) pluginSentence(state string) (text, style string) {
	text = "plugin " + e.of("pluginname") + " is " + printable(state)
	if reason := strings.TrimSpace(e["reason"]); reason != "" {
		text += ": " + printable(reason)
	}
	return text, stateStyle(state)
}

// end says how a process ended: "status 5", "SIGSEGV (core dumped)"; "" where it has not.
func (e eventMembers) end() string {
	if _, ended := e["exitstatus"]; !ended {
		return ""
	}
	number := e.number("signal")
	if number == 0 {
		return "status " + e.of("exitstatus")
	}
	name := unix.SignalName(syscall.Signal(number))
	if name == "" {
		name = fmt.Sprintf("signal %d", number)
	}
	if e["coredump"] == "true" {
		name += " (core dumped)"
	}
	return name
}

// after says how long the process was up.
func (e eventMembers) after() string {
	seconds, err := strconv.ParseFloat(e["uptime"], 64)
	if err != nil {
		return ""
	}
	if seconds < 10 {
		return fmt.Sprintf(" after %.1fs", seconds)
	}
	return " after " + span(time.Duration(seconds*float64(time.Second)))
}

// payload is what a program or a client has said, in a line.
func (e eventMembers) payload() string {
	data := e["data"]
	if raw, err := base64.StdEncoding.DecodeString(e["data_base64"]); err == nil && len(raw) > 0 {
		data = string(raw) // it is not UTF-8
	}
	return printable(strings.TrimRight(data, "\r\n"))
}

func (e eventMembers) number(name string) int {
	n, _ := strconv.Atoi(e[name]) // 0 where it is not a number
	return n
}

func (e eventMembers) counted(name, what string) string { return count(e.number(name), what) }

// reloaded says which groups differ.
func (e eventMembers) reloaded() string {
	var parts []string
	for _, list := range []string{"added", "changed", "removed"} {
		var names []string
		if json.Unmarshal([]byte(e[list]), &names) == nil && len(names) > 0 {
			parts = append(parts, list+" "+printable(strings.Join(names, ", ")))
		}
	}
	if len(parts) == 0 {
		return "nothing differs"
	}
	return strings.Join(parts, "; ")
}
