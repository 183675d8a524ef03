package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
	records "github.com/hark-supervisor/hark/sdk/client"
)

func (verbs) Deadletters() Action {
	return Action{
		Name: "deadletters", Extra: true,
		Help: "deadletters [<name>...]\tShow the events that listener pools and notifiers gave up, or those of\n" +
			"\t\t\tsome of them: when, who, which event, after how many tries, and why.",
		Flags: []Flag{
			{Name: "send-again", Help: "give them to the queues of their pools and notifiers again"},
			{Name: "to", Value: true, Help: "with --send-again: give those of the names to this pool or notifier instead, such as those of a section that is no longer there"},
			{Name: "limit", Value: true, Help: "show so many of the newest (100), at most 5000"},
		},
		Complete: completeSubscribers, Run: deadletters,
		JSON: []document{
			{form: "deadletters", value: records.DeadLetters{}, text: structText("hark.getDeadLetters")},
			{form: "deadletters --send-again", value: []records.SentLetters{}, text: structsText("hark.sendDeadLetters")},
		},
	}
}

func deadletters(r *run, arg string) (answer, error) {
	names := []any{}
	for _, name := range strings.Fields(arg) {
		names = append(names, name)
	}
	to, elsewhere := r.flags["to"]
	if _, again := r.flags["send-again"]; again {
		if elsewhere && (to == "" || len(names) == 0) {
			return answer{}, r.misuse(exitInvalidArgs, "Error: --to requires the name of a pool or notifier, and the names of those whose dead letters it gets")
		}
		return r.sendLetters(names, to)
	}
	if elsewhere {
		return answer{}, r.misuse(exitInvalidArgs, "Error: --to is for --send-again")
	}
	limit := 100
	if given, is := r.flags["limit"]; is {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > 5000 {
			return answer{}, r.misuse(exitInvalidArgs, "Error: --limit takes a number from 1 to 5000")
		}
		limit = n
	}
	all, err := asked[records.DeadLetters](r.ask("getDeadLetters", names, limit))
	if err != nil {
		return answer{}, noOwner(err)
	}
	var rows [][]string
	for i := range all.Letters {
		l := &all.Letters[i]
		rows = append(rows, []string{moment(l.Time), sectionOf(l.Kind, l.Name), aboutLetter(l), decimal(l.Tries), l.Reason})
	}
	text := table("TIME OF EVENT TRIES REASON", "There are no dead letters.", rows)
	if older := int(all.Total) - len(rows); older > 0 {
		text += fmt.Sprintf("%d older ones are not shown (--limit).\n", older)
	}
	if n := all.Unreadable; n > 0 {
		text += fmt.Sprintf("%d lines of the files are no dead letters.\n", n)
	}
	return answer{value: all, text: text}, nil
}

// noOwner names the unknown name, if that is the error.
func noOwner(err error) error {
	var f *xmlrpc.Fault
	if errors.As(err, &f) && f.Code == faultBadName {
		return refuse(problem(exitGeneric, strings.TrimPrefix(f.String, "BAD_NAME: "), "no such listener pool or notifier, and no dead letters of one"))
	}
	return err
}

// sendLetters has dead letters sent again. The status is that of a failure where some are kept.
func (r *run) sendLetters(names []any, to string) (answer, error) {
	args := []any{names}
	if to != "" {
		args = append(args, to)
	}
	all, err := asked[[]records.SentLetters](r.ask("sendDeadLetters", args...))
	if f := asFault(err); f != nil && f.Code != faultBadName {
		return answer{}, refuseText("Error: " + printable(f.String))
	}
	if err != nil {
		return answer{}, noOwner(err)
	}
	a := answer{value: all}
	if len(all) == 0 {
		a.text = "There are no dead letters.\n"
		if len(names) == 0 {
			left, err := asked[records.DeadLetters](r.ask("getDeadLetters", names, 1))
			if err == nil && left.Total > 0 {
				a.text = fmt.Sprintf("Only sections that no longer exist have dead letters (%d): deadletters NAME --send-again --to NEW gives them to another pool or notifier.\n", left.Total)
			}
		}
	}
	for _, s := range all {
		a.text += fmt.Sprintf("%s: %d sent again", sectionOf(s.Kind, s.Name), s.Sent)
		if s.Kept > 0 {
			a.text += fmt.Sprintf(", %d kept", s.Kept)
		}
		if s.Reason != "" {
			a.text += " (" + printable(s.Reason) + ")"
		}
		a.text += "\n"
		if s.Kept > 0 || s.Reason != "" {
			a.status = exitGeneric
		}
	}
	return a, nil
}

// sectionOf returns the section of a dead letter.
func sectionOf(kind, name string) string {
	if kind == "pool" {
		return "eventlistener:" + name
	}
	return "notifier:" + name
}

// aboutLetter is what a dead letter is about: its first event, and how many follow.
func aboutLetter(l *records.DeadLetter) string {
	if len(l.Events) == 0 {
		return ""
	}
	text := l.Events[0].Type
	if name := pytext.Namespec(l.Events[0].Group, l.Events[0].Process); name != "" {
		text += " " + name
	}
	if more := l.Count - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
