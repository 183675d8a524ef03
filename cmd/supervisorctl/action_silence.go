package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

func silenceAction() Action {
	return Action{
		Name: "silence", Extra: true,
		Help: "silence <pattern>... <time> [comment]\n" +
			"\t\t\tKeep notifiers from telling of these processes for a time such as\n" +
			"\t\t\t90s, 30m, 1h or 2d; all is every event.",
		Flags: []Flag{
			{Name: "events", Value: true, Help: "of these event types only, separated by commas"},
			{Name: "notifiers", Value: true, Help: "of these notifiers only, separated by commas"},
		},
		Complete: completeProcesses, Run: silence,
	}
}

func silencesAction() Action {
	return Action{
		Name: "silences", Extra: true,
		Help:  "silences\t\tShow the silences that last, with what each has kept back.",
		Flags: []Flag{jsonFlag()}, Complete: completeNothing, Run: silences,
	}
}

func unsilenceAction() Action {
	return Action{
		Name: "unsilence", Extra: true,
		Help:     "unsilence <number>...|all\tEnd silences before their time.",
		Complete: completeNothing, Run: unsilence,
	}
}

// parseSpan reads a time such as 90s, 30m, 1h30m or 2d.
func parseSpan(s string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		return time.Duration(n * 24 * float64(time.Hour)), err == nil && n > 0 && n <= 366
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= time.Second && d <= 366*24*time.Hour
}

func silence(r *run, arg string) error {
	words := strings.Fields(arg)
	patterns := []any{}
	var lasts time.Duration
	timed := false
	for len(words) > 0 && !timed {
		if lasts, timed = parseSpan(words[0]); !timed {
			patterns = append(patterns, words[0])
		}
		words = words[1:]
	}
	switch {
	case !timed:
		r.misuse(exitInvalidArgs, "Error: silence requires a time such as 30m or 2h, from 1s to 366d, behind the patterns")
		return nil
	case len(patterns) == 0:
		r.misuse(exitInvalidArgs, "Error: silence requires a pattern such as web:*, or all")
		return nil
	}
	for _, p := range patterns {
		if p == "all" {
			patterns = []any{} // every event, those about no process too
			break
		}
	}
	id, ok, err := r.ask("silence", patterns, int(lasts.Seconds()), strings.Join(words, " "), commas(r.flags["events"]), commas(r.flags["notifiers"]))
	if f := asFault(err); f != nil {
		r.refuse("Error: " + f.String)
		return nil
	}
	if ok {
		r.printf("silence %v lasts until %s; unsilence %v ends it\n", id, moment(int(time.Now().Add(lasts).Unix())), id)
	}
	return err
}

// commas is what commas separate, as an array of an XML-RPC call.
func commas(s string) []any {
	all := []any{}
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	return all
}

func silences(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	v, ok, err := r.ask("getSilences")
	if !ok {
		return err
	}
	all := structsOf(v)
	if r.wantsJSON() {
		return r.printJSON(jsonStructs(all))
	}
	if len(all) == 0 {
		r.println("There are no silences.")
		return nil
	}
	now := time.Now()
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{count0(s, "id"), listed(s, "programs", "all"), listed(s, "events", "all"), listed(s, "notifiers", "all"),
			span(time.Unix(int64(intOf(s, "until")), 0).Sub(now)), count0(s, "matched"), stringOf(s, "comment")})
	}
	r.table("ID PROGRAMS EVENTS NOTIFIERS LEFT KEPT-BACK COMMENT", rows)
	return nil
}

// listed is a member that is an array of strings, with commas; empty, it is what is given.
func listed(s interface{ Get(string) (any, bool) }, name, empty string) string {
	v, _ := s.Get(name)
	array, _ := v.([]any)
	words := make([]string, len(array))
	for i, w := range array {
		words[i] = fmt.Sprint(w)
	}
	if len(words) == 0 {
		return empty
	}
	return strings.Join(words, ",")
}

func unsilence(r *run, arg string) error {
	words := strings.Fields(arg)
	if len(words) == 0 {
		r.misuse(exitInvalidArgs, "Error: unsilence requires the number of a silence, or all")
		return nil
	}
	v, ok, err := r.ask("getSilences")
	if !ok {
		return err
	}
	var ids []int
	for _, w := range words {
		if w == "all" {
			for _, s := range structsOf(v) {
				ids = append(ids, intOf(s, "id"))
			}
			continue
		}
		id, err := strconv.Atoi(w)
		if err != nil {
			r.misuse(exitInvalidArgs, fmt.Sprintf("Error: %q is not the number of a silence", w))
			return nil
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		_, err := r.server.call(r.ctx, "hark.unsilence", id)
		if f := asFault(err); f != nil && f.Code == faultBadName {
			r.refuse(fmt.Sprintf("%d: ERROR (no such silence)", id))
			continue
		}
		if err != nil {
			return err
		}
		r.printf("%d: ended\n", id)
	}
	return nil
}
