package main

import (
	"fmt"
	"strings"
	"time"

	records "github.com/hark-supervisor/hark/sdk/client"
)

func (verbs) Notifiers() Action {
	return Action{
		Name: "notifiers", Extra: true,
		Help: "notifiers\t\tShow each notifier: whether it is served, what waits, what was lost,\n" +
			"\t\t\tits last delivery and its last error; and the silences that last.\n" +
			"\t\t\tExit status 3 where one is not served or its last delivery was given up.",
		Complete: completeNothing, Run: notifiers,
		JSON: []document{{form: "notifiers", value: []notifierRow{},
			text: structsText("hark.getEventListeners") + ", with `state`, `trouble` and `silences` (as `silences` shows them) besides"}},
	}
}

func (verbs) Sinks() Action {
	return Action{
		Name: "sinks", Extra: true,
		Help: "sinks\t\t\tShow each log sink: whether it is served, the bytes that wait and were\n" +
			"\t\t\tlost, its last delivery and its last error. Exit status 3 where one is not served\n" +
			"\t\t\tor its last delivery was given up.",
		Complete: completeNothing, Run: sinks,
		JSON: []document{{form: "sinks", value: []sinkRow{}, text: structsText("hark.getLogSinks") + ", with `state` and `trouble` besides"}},
	}
}

func (verbs) Notifier() Action {
	return Action{
		Name: "notifier", Extra: true,
		Help:     "notifier test <name>\tSend a sample notification and say what became of it",
		Complete: completeNothing, Run: notifierTest,
		JSON: []document{{form: "notifier test", args: "ops", value: records.NotifierTest{}, text: structText("hark.testNotifier")}},
	}
}

// notServed is the exit status of notifiers and sinks where one is not served as it is
// configured, and of listeners where one is in trouble, as that of status where a process does not run.
const notServed = exitStatusNotRunning

// status is the exit status that it makes.
func (o condition) status() int {
	if o.State == "served" || o.State == "failing" && !o.dead {
		return exitSuccess
	}
	return notServed
}

// condition is how a notifier or sink does, all in all.
type condition struct {
	State   string `json:"state"`   // served, previous settings (see previousSettings), not served or failing
	Trouble string `json:"trouble"` // "" for none
	dead    bool   // its last delivery was given up
}

type notifierRow struct {
	subscriber
	condition
	Silences []silenceInfo `json:"silences"` // those that apply to it
}

type sinkRow struct {
	records.LogSink
	condition
}

// givenUpText begins what is said of a notifier or sink whose last delivery was given up.
const givenUpText = "given up: "

// conditions asks how sections of a kind do. The function returned is given each by name, with its last error and why its last
// delivery was given up.
func (r *run) conditions(kind string) (func(name, lastError, givenUp string) condition, error) {
	sections, err := r.servedSections()
	return func(name, lastError, givenUp string) condition {
		at, known := sections[kind+":"+name]
		switch {
		case known && at.previous:
			return condition{State: "previous settings", Trouble: at.trouble}
		case known && !at.ready && at.trouble != "":
			return condition{State: "not served", Trouble: at.trouble}
		case known && !at.ready:
			return condition{State: "not served", Trouble: lastError}
		case givenUp != "":
			return condition{State: "failing", Trouble: givenUpText + givenUp, dead: true}
		case lastError != "":
			return condition{State: "failing", Trouble: lastError}
		}
		return condition{State: "served"}
	}, err
}

func notifiers(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	all, err := asked[[]subscriber](r.ask("getEventListeners"))
	if err != nil {
		return answer{}, err
	}
	how, err := r.conditions("notifier")
	if err != nil {
		return answer{}, err
	}
	silences, err := asked[[]silenceInfo](r.server.call(r.ctx, "hark.getSilences")) // getEventListeners has shown what the daemon knows
	if err != nil {
		return answer{}, err
	}
	a, value, now := answer{}, []notifierRow{}, time.Now()
	var rows [][]string
	for _, s := range ofKind(all, "notifier") {
		o := how(s.Name, s.LastError, s.GivenUp)
		a.status = max(a.status, o.status())
		value = append(value, notifierRow{s, o, silencesOf(silences, s.Name)})
		rows = append(rows, []string{s.Name, o.State, decimal(s.Queued), decimal(s.InFlight), decimal(s.Delivered), decimal(s.Suppressed), s.lost(),
			ago(now, s.LastDelivery), o.Trouble})
	}
	a.value = value
	a.text = table("NAME STATE QUEUED IN-FLIGHT DELIVERED HELD-BACK LOST LAST-DELIVERY TROUBLE", "There are none ([notifier:x]).", rows)
	for i := range silences {
		a.text += silences[i].line()
	}
	return a, nil
}

func sinks(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	all, err := asked[[]records.LogSink](r.ask("getLogSinks"))
	if err != nil {
		return answer{}, err
	}
	how, err := r.conditions("logsink")
	if err != nil {
		return answer{}, err
	}
	a, value, now := answer{}, []sinkRow{}, time.Now()
	var rows [][]string
	for _, s := range all {
		o := how(s.Name, s.LastError, s.GivenUp)
		a.status = max(a.status, o.status())
		value = append(value, sinkRow{s, o})
		rows = append(rows, []string{s.Name, o.State, size(s.Queued), size(s.Written), size(s.Dropped), ago(now, s.LastDelivery), o.Trouble})
	}
	a.value = value
	a.text = table("NAME STATE QUEUED WRITTEN LOST LAST-DELIVERY TROUBLE", "There are none ([logsink:x]).", rows)
	return a, nil
}

func notifierTest(r *run, arg string) (answer, error) {
	words := strings.Fields(arg)
	if len(words) != 2 || words[0] != "test" {
		return answer{}, r.misuse(exitInvalidArgs, "Error: notifier takes test and the name of a [notifier:x] section")
	}
	name := strings.TrimPrefix(words[1], "notifier:")
	if err := r.up(); err != nil {
		return answer{}, err
	}
	v, err := r.waitHark("testNotifier", name)
	if f := asFault(err); f != nil && f.Code == faultBadName {
		return answer{}, refuse(problem(exitGeneric, name, "no such notifier"))
	}
	t, err := asked[records.NotifierTest](knows("testNotifier", v, err))
	if err != nil {
		return answer{}, err
	}
	l := line{}
	switch t.Outcome {
	case "delivered":
		l = did(name, fmt.Sprintf("delivered in %.1f s: %s", t.Took, printable(t.Title)))
	case "unavailable":
		l = problem(exitGeneric, name, "not served: "+printable(t.Error))
	case "retry":
		l = problem(exitGeneric, name, printable(t.Error)+"; an alert would be tried again")
	default:
		l = problem(exitGeneric, name, printable(t.Error)+"; an alert would be given up")
	}
	return answer{value: t, text: l.text + "\n", status: l.status}, nil
}
