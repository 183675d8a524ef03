package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func deadlettersAction() Action {
	return Action{
		Name: "deadletters", Extra: true,
		Help: "deadletters [<name>...]\tShow the events that listener pools and notifiers gave up, or those of\n" +
			"\t\t\tsome of them: when, who, which event, after how many tries, and why.",
		Flags: []Flag{
			{Name: "send-again", Help: "give them to the queues of their pools and notifiers again"},
			{Name: "limit", Value: true, Help: "show so many of the newest (100), at most 5000"},
			jsonFlag(),
		},
		Complete: completeOutlets, Run: deadletters,
	}
}

func deadletters(r *run, arg string) error {
	names := []any{}
	for _, name := range strings.Fields(arg) {
		names = append(names, name)
	}
	if _, again := r.flags["send-again"]; again {
		return r.sendLetters(names)
	}
	limit, ok := 100, true
	if given, is := r.flags["limit"]; is {
		var err error
		limit, err = strconv.Atoi(given)
		ok = err == nil && limit >= 1 && limit <= 5000
	}
	if !ok {
		r.misuse(exitInvalidArgs, "Error: --limit takes a number from 1 to 5000")
		return nil
	}
	v, ok, err := r.ask("getDeadLetters", names, limit)
	if f := asFault(err); f != nil && f.Code == faultBadName {
		r.refuse(noOwner(f))
		return nil
	}
	if !ok {
		return err
	}
	all, _ := v.(xmlrpc.Struct)
	if r.wantsJSON() {
		return r.printJSON(structJSON(all))
	}
	letters, _ := all.Get("letters")
	var rows [][]string
	for _, l := range structsOf(letters) {
		rows = append(rows, []string{moment(intOf(l, "time")), sectionOf(l), eventsOf(l), count0(l, "tries"), stringOf(l, "reason")})
	}
	if len(rows) == 0 {
		r.println("There are no dead letters.")
	} else {
		r.table("TIME OF EVENT TRIES REASON", rows)
	}
	if older := intOf(all, "total") - len(rows); older > 0 {
		r.printf("%d older ones are not shown (--limit).\n", older)
	}
	if n := intOf(all, "unreadable"); n > 0 {
		r.printf("%d lines of the files are no dead letters.\n", n)
	}
	return nil
}

// noOwner says which name nobody has.
func noOwner(f *xmlrpc.Fault) string {
	return strings.TrimPrefix(f.String, "BAD_NAME: ") + ": ERROR (no such listener pool or notifier, and no dead letters of one)"
}

// sendLetters has dead letters sent again. The status tells where some are kept.
func (r *run) sendLetters(names []any) error {
	v, ok, err := r.ask("sendDeadLetters", names)
	if f := asFault(err); f != nil {
		if f.Code == faultBadName {
			r.refuse(noOwner(f))
		} else {
			r.refuse("Error: " + printable(f.String))
		}
		return nil
	}
	if !ok {
		return err
	}
	all := structsOf(v)
	for _, s := range all {
		if intOf(s, "kept") > 0 || stringOf(s, "reason") != "" {
			r.status = exitGeneric
		}
	}
	if r.wantsJSON() {
		return r.printJSON(jsonStructs(all))
	}
	if len(all) == 0 {
		r.println("There are no dead letters.")
	}
	for _, s := range all {
		line := sectionOf(s) + ": " + count0(s, "sent") + " sent again"
		if kept := intOf(s, "kept"); kept > 0 {
			line += fmt.Sprintf(", %d kept", kept)
		}
		if reason := stringOf(s, "reason"); reason != "" {
			line += " (" + printable(reason) + ")"
		}
		r.println(line)
	}
	return nil
}

// sectionOf is whose a dead letter is.
func sectionOf(s xmlrpc.Struct) string {
	if stringOf(s, "kind") == "pool" {
		return "eventlistener:" + stringOf(s, "name")
	}
	return "notifier:" + stringOf(s, "name")
}

// eventsOf is what a dead letter tells of: its first event, and how many follow.
func eventsOf(letter xmlrpc.Struct) string {
	v, _ := letter.Get("events")
	events := structsOf(v)
	if len(events) == 0 {
		return ""
	}
	first := events[0]
	text := stringOf(first, "eventname")
	if about := namespecIn(first); about != "" {
		text += " " + about
	}
	if more := intOf(letter, "event_count") - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// moment is a time of an answer (seconds since 1970) for people; "" where it is not known.
func moment(at int) string {
	if at == 0 {
		return ""
	}
	return time.Unix(int64(at), 0).Format("2006-01-02 15:04:05")
}
