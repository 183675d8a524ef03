package main

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	records "github.com/hark-supervisor/hark/sdk/client"
)

func (verbs) Silence() Action {
	return Action{
		Name: "silence", Extra: true,
		Help: "silence <pattern>... <time> [comment]\n" +
			"\t\t\tKeep notifiers from reporting these processes for a time such as\n" +
			"\t\t\t90s, 30m, 1h or 2d; all is every event.",
		Flags: []Flag{
			{Name: "events", Value: true, Help: "of these event types only, separated by commas"},
			{Name: "notifiers", Value: true, Help: "of these notifiers only, separated by commas"},
		},
		Complete: completeProcesses, Run: silence,
		JSON: []document{{form: "silence", args: "web:* 1h night", value: silenced{}}},
	}
}

func (verbs) Silences() Action {
	return Action{
		Name: "silences", Extra: true,
		Help:     "silences\t\tShow the silences that last, with what each has kept back.",
		Complete: completeNothing, Run: silences,
		JSON: []document{{form: "silences", value: []silenceInfo{}, text: structsText("hark.getSilences")}},
	}
}

func (verbs) Unsilence() Action {
	return Action{
		Name: "unsilence", Extra: true,
		Help:     "unsilence <number>...|all\tEnd silences before their time.",
		Complete: completeNothing, Run: unsilence, JSON: lines("unsilence", "3"),
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

// silenced is a new silence.
type silenced struct {
	ID    int `json:"id"`
	Until int `json:"until" doc:"seconds since 1970"`
}

// silenceInfo is a silence that lasts (hark.getSilences).
type silenceInfo struct{ records.Silence }

// silencesOf returns the silences that apply to a notifier.
func silencesOf(all []silenceInfo, notifier string) []silenceInfo {
	return slices.DeleteFunc(append([]silenceInfo{}, all...), func(s silenceInfo) bool {
		return len(s.Notifiers) > 0 && !slices.ContainsFunc(s.Notifiers, func(pattern string) bool {
			ok, _ := path.Match(strings.ReplaceAll(pattern, "[!", "[^"), notifier) // as the daemon does
			return ok
		})
	})
}

// line says of the silence what it is about and how long it lasts.
func (s *silenceInfo) line() string {
	about := []string{"all processes", "all events", "all notifiers"}
	for i, words := range [][]string{s.Programs, s.Events, s.Notifiers} {
		if len(words) > 0 {
			about[i] = strings.Join(words, ",")
		}
	}
	text := fmt.Sprintf("silence %d until %s: %s", s.ID, moment(s.Until), strings.Join(about, "; "))
	if s.Comment != "" {
		text += " (" + s.Comment + ")"
	}
	return printable(text) + "\n"
}

func silence(r *run, arg string) (answer, error) {
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
		return answer{}, r.misuse(exitInvalidArgs, "Error: silence requires a time such as 30m or 2h, from 1s to 366d, behind the patterns")
	case len(patterns) == 0:
		return answer{}, r.misuse(exitInvalidArgs, "Error: silence requires a pattern such as web:*, or all")
	}
	if slices.Contains(patterns, "all") {
		patterns = []any{} // every event, those about no process too
	}
	id, err := asked[int](r.ask("silence", patterns, int(lasts.Seconds()), strings.Join(words, " "), commas(r.flags["events"]), commas(r.flags["notifiers"])))
	if f := asFault(err); f != nil {
		return answer{}, refuseText("Error: " + f.String)
	}
	if err != nil {
		return answer{}, err
	}
	s := silenced{ID: id, Until: int(time.Now().Add(lasts).Unix())}
	return answer{value: s, hints: r.matchesNothing(patterns, commas(r.flags["notifiers"])), text: fmt.Sprintf("silence %d lasts until %s; unsilence %d ends it\n", id, moment(int64(s.Until)), id)}, nil
}

// matchesNothing says which patterns no process matches now, and which notifiers there are not: a silence of them may be a slip, or be meant for what
// is yet to come.
func (r *run) matchesNothing(patterns, notifiers []any) (hints []string) {
	if len(patterns) > 0 {
		infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
		if err != nil {
			return nil
		}
		for _, p := range patterns {
			pattern, _ := p.(string)
			programs, err := eventlistener.ParsePrograms([]string{pattern})
			if err == nil && !slices.ContainsFunc(infos, func(i processInfo) bool { return programs.Match(i.Group, i.Name) }) {
				hints = append(hints, "no process matches "+printable(pattern)+" now")
			}
		}
	}
	if len(notifiers) > 0 {
		all, err := asked[[]subscriber](r.ask("getEventListeners"))
		if err != nil {
			return hints
		}
		var known []string
		for _, s := range ofKind(all, "notifier") {
			known = append(known, s.Name)
		}
		for _, n := range notifiers {
			name, _ := n.(string)
			if slices.Contains(known, name) {
				continue
			}
			text := "there is no notifier " + printable(name) + " now"
			if near := config.Nearest(name, known); near != "" {
				text += "; is " + near + " meant?"
			}
			hints = append(hints, text)
		}
	}
	return hints
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

func silences(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	all, err := asked[[]silenceInfo](r.ask("getSilences"))
	if err != nil {
		return answer{}, err
	}
	listed := func(words []string) string {
		if len(words) == 0 {
			return "all"
		}
		return strings.Join(words, ",")
	}
	now := time.Now()
	var rows [][]string
	for _, s := range all {
		rows = append(rows, []string{decimal(s.ID), listed(s.Programs), listed(s.Events), listed(s.Notifiers),
			span(time.Unix(int64(s.Until), 0).Sub(now)), decimal(s.Matched), s.Comment})
	}
	return answer{value: all, text: table("ID PROGRAMS EVENTS NOTIFIERS LEFT KEPT-BACK COMMENT", "There are no silences.", rows)}, nil
}

func unsilence(r *run, arg string) (answer, error) {
	words := strings.Fields(arg)
	if len(words) == 0 {
		return answer{}, r.misuse(exitInvalidArgs, "Error: unsilence requires the number of a silence, or all")
	}
	all, err := asked[[]silenceInfo](r.ask("getSilences"))
	if err != nil {
		return answer{}, err
	}
	var ids []int
	for _, w := range words {
		if w == "all" {
			for _, s := range all {
				ids = append(ids, int(s.ID))
			}
			continue
		}
		id, err := strconv.Atoi(w)
		if err != nil {
			return answer{}, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: %q is not the number of a silence", w))
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		name := strconv.Itoa(id)
		_, err := r.server.call(r.ctx, "hark.unsilence", id)
		if f := asFault(err); f != nil && f.Code == faultBadName {
			r.report(problem(exitGeneric, name, "no such silence"))
			continue
		}
		if err != nil {
			return answer{}, err
		}
		r.report(did(name, "ended"))
	}
	return answer{}, nil
}
