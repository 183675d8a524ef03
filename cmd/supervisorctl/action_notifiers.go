package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func notifiersAction() Action {
	return Action{
		Name: "notifiers", Extra: true,
		Help: "notifiers\t\tShow each notifier: whether it is served, what waits, what was lost,\n" +
			"\t\t\tits last delivery and its last error. Exit status 3 where one is not served.",
		Flags: []Flag{jsonFlag()}, Complete: completeNothing, Run: notifiers,
	}
}

func sinksAction() Action {
	return Action{
		Name: "sinks", Extra: true,
		Help: "sinks\t\t\tShow each log sink: whether it is served, the bytes that wait and were\n" +
			"\t\t\tlost, its last delivery and its last error. Exit status 3 where one is not served.",
		Flags: []Flag{jsonFlag()}, Complete: completeNothing, Run: sinks,
	}
}

func notifierAction() Action {
	return Action{
		Name: "notifier", Extra: true,
		Help:  "notifier test <name>\tSend a sample notification and say what became of it",
		Flags: []Flag{jsonFlag()}, Complete: completeNothing, Run: notifierTest,
	}
}

// notServed is the exit status of notifiers and sinks where one is not served, as that of
// status where a process does not run.
const notServed = exitStatusNotRunning

// outlets prints notifiers or sinks, each by row, whose cells follow name and state and
// precede the last delivery and the error.
func (r *run) outlets(kind, header string, all []xmlrpc.Struct, row func(xmlrpc.Struct) []string) error {
	sections, err := r.servedSections()
	if err != nil {
		return err
	}
	now := time.Now()
	var rows [][]string
	for i, s := range all {
		name := stringOf(s, "name")
		state, trouble := "served", stringOf(s, "last_error")
		if at, known := sections[kind+":"+name]; known && !at.ready {
			state, r.status = "not served", notServed
			if at.trouble != "" {
				trouble = at.trouble
			}
		} else if trouble != "" {
			state = "failing"
		}
		all[i] = append(s, xmlrpc.Member{Name: "state", Value: state}, xmlrpc.Member{Name: "trouble", Value: trouble})
		cells := append([]string{name, state}, row(s)...)
		rows = append(rows, append(cells, ago(now, intOf(s, "last_delivery")), trouble))
	}
	if r.wantsJSON() {
		return r.printJSON(jsonStructs(all))
	}
	if len(rows) == 0 {
		r.println("There are none ([" + kind + ":x]).")
		return nil
	}
	r.table(header, rows)
	return nil
}

func notifiers(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	v, ok, err := r.ask("getEventListeners")
	if !ok {
		return err
	}
	return r.outlets("notifier", "NAME STATE QUEUED DELIVERED HELD-BACK LOST LAST-DELIVERY TROUBLE", ofKind(v, "notifier"), func(s xmlrpc.Struct) []string {
		return []string{count0(s, "queued"), count0(s, "delivered"), count0(s, "suppressed"), lostOf(s)}
	})
}

func sinks(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	v, ok, err := r.ask("getLogSinks")
	if !ok {
		return err
	}
	return r.outlets("logsink", "NAME STATE QUEUED WRITTEN LOST LAST-DELIVERY TROUBLE", structsOf(v), func(s xmlrpc.Struct) []string {
		return []string{size(floatOf(s, "queued", 0)), size(floatOf(s, "written", 0)), size(floatOf(s, "dropped", 0))}
	})
}

// size is a number of bytes for people.
func size(n float64) string {
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 1024 {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + unit
		}
		n /= 1024
	}
	return fmt.Sprintf("%.1fTB", n)
}

func notifierTest(r *run, arg string) error {
	words := strings.Fields(arg)
	if len(words) != 2 || words[0] != "test" {
		r.misuse(exitInvalidArgs, "Error: notifier takes test and the name of a [notifier:x] section")
		return nil
	}
	name := strings.TrimPrefix(words[1], "notifier:")
	if ok, err := r.up(); !ok {
		return err
	}
	v, err := r.waitHark("testNotifier", name)
	if f := asFault(err); f != nil {
		switch f.Code {
		case faultBadName:
			r.refuse(name + ": ERROR (no such notifier)")
			return nil
		case faultUnknownMethod:
			r.println("Error: this supervisord does not know hark.testNotifier; it is Supervisor's, or an old one")
			r.status = exitUnimplementedFeature
			return nil
		}
	}
	if err != nil {
		return err
	}
	t, _ := v.(xmlrpc.Struct)
	outcome := stringOf(t, "outcome")
	if outcome != "delivered" {
		r.status = exitGeneric
	}
	if r.wantsJSON() {
		return r.printJSON(structJSON(t))
	}
	switch outcome {
	case "delivered":
		r.printf("%s: delivered in %.1f s: %s\n", name, floatOf(t, "seconds", 0), printable(stringOf(t, "title")))
	case "unavailable":
		r.printf("%s: ERROR (not served: %s)\n", name, printable(stringOf(t, "error")))
	case "retry":
		r.printf("%s: ERROR (%s; an alert would be tried again)\n", name, printable(stringOf(t, "error")))
	default:
		r.printf("%s: ERROR (%s; an alert would be given up)\n", name, printable(stringOf(t, "error")))
	}
	return nil
}
