package main

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// level is how binding a rule is, in the words of RFC 2119.
type level string

const (
	must   level = "MUST"
	should level = "SHOULD"
)

// rule is one row of PROTOCOL.md's section 11: a test holds the two together.
type rule struct {
	id      string
	level   level
	text    string
	section string // of PROTOCOL.md, where the rule comes from
	play    func(*trial) error
}

// basics are the rules that every other scenario builds on: where one of them is
// broken the rest cannot be judged.
var basics = []string{"R1", "R2", "R3", "R4", "R5"}

// rules are all of them, in order. The F rules are played only when asked for.
func rules() []rule {
	return []rule{
		{"R1", must, "says `READY\\n` when it has started: six bytes, nothing before them", "3", playReady},
		{"R2", must, "answers an event", "3", playAnswer},
		{"R3", must, "writes its answer as `RESULT n\\n` and exactly n bytes, `OK` or `FAIL`", "2", playExact},
		{"R4", must, "writes nothing else to standard output", "2", playQuiet},
		{"R5", must, "answers an event once, and says READY once, after the answer", "3", playReadyAgain},
		{"R6", must, "reads an event however it is cut into pieces", "2", playPieces},
		{"R7", must, "reads an empty payload", "2", playEmpty},
		{"R8", must, "reads a payload that is not ASCII to its last byte and no further: `bytes` bytes or `len` characters", "2", playWide},
		{"R9", must, "reads a big payload", "6", playBig},
		{"R10", must, "reads any text: CR LF, NUL, text like a header, `Undecodable:`", "6", playOdd},
		{"R11", must, "accepts the header's tokens in any order and ignores keys it does not know", "2", playTokens},
		{"R12", should, "accepts values with spaces and colons in the header", "2", playValues},
		{"R13", must, "accepts every type it is subscribed to", "6", playTypes},
		{"R14", should, "tolerates a type it does not know", "6", playUnknownType},
		{"R15", must, "keeps working over many events", "4", playMany},
		{"R16", should, "tolerates an event that comes again, in the same run and in the next", "4", playAgain},
		{"R17", must, "ends upon SIGTERM within `stopwaitsecs` when it has no event", "4", playStopIdle},
		{"R18", must, "ends upon SIGTERM within `stopwaitsecs` in the middle of an event, and leaves no incomplete message", "4", playStopBusy},
		{"R19", should, "ends when its standard input ends", "4", playEndOfInput},
		{"R20", must, "speaks the classic protocol where `SUPERVISOR_EVENT_PROTOCOL` is missing", "7", playClassic},
		{"R21", must, "never has more than `max_in_flight` credits and unanswered events, and answers them all", "7", playCredits},
		{"R22", must, "ignores words of `SUPERVISOR_EVENT_PROTOCOL` that it does not know", "7", playWords},
		{"R23", should, "reads `payload=extended`", "7", playExtended},
		{"R24", should, "reads `payload=json`", "7", playJSON},
		{"R25", should, "leaves standard error open", "1", playStderr},

		{"F1", must, "accepts the event again after it was killed within the header, within the payload or before its answer", "4", playKilled},
		{"F2", should, "answers every copy of an event that is delivered many times", "4", playDuplicates},
		{"F3", must, "waits for the rest of an event that stalls", "2", playStalls},
		{"F4", should, "ends when nobody reads its answers any longer", "4", playReaderGone},
		{"F5", should, "ends, without an answer, when its input ends in the middle of an event", "4", playCutOff},
		{"F6", should, "does not answer a line that is not a header", "2", playGarbage},
	}
}

func findRule(id string) *rule {
	for _, r := range rules() {
		if r.id == id {
			return &r
		}
	}
	return nil
}

func (r rule) isFault() bool { return r.id[0] == 'F' }

func isBasic(id string) bool {
	for _, b := range basics {
		if b == id {
			return true
		}
	}
	return false
}

// breach is a rule that was broken, and how. Without a rule it is the one being
// tried.
type breach struct {
	rule string
	what string
}

func (b *breach) Error() string { return b.what }

func broken(format string, args ...any) error {
	return &breach{what: fmt.Sprintf(format, args...)}
}

func breaks(rule, format string, args ...any) error {
	return &breach{rule, fmt.Sprintf(format, args...)}
}

// notApplicable is why a rule cannot be tried on this listener.
type notApplicable string

func (n notApplicable) Error() string { return string(n) }

// outcome is how a rule was judged.
type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
)

// verdict is a rule and how it was judged.
type verdict struct {
	rule    rule
	outcome outcome
	detail  string // why not "pass"
	took    time.Duration
}

// trial is one rule being tried.
type trial struct {
	settings
	locale   []string // variables of one
	sessions []*session
}

// errCannotRun is a command that cannot be started at all.
var errCannotRun = errors.New("cannot run the listener")

// judge plays the scenarios and returns a verdict for each rule that is to be
// tried. None is final before the end: a scenario may show that a rule is broken
// whose own scenario passed.
func judge(s settings) ([]verdict, error) {
	var all []verdict
	at := map[string]int{}
	for _, r := range rules() {
		if s.rules[r.id] || s.rules == nil && (!r.isFault() || s.faults) || s.rules != nil && isBasic(r.id) {
			at[r.id] = len(all)
			all = append(all, verdict{rule: r, outcome: skip, detail: "not tried"})
		}
	}
	for i := range all {
		v := &all[i]
		if cause := brokenBasic(all); cause != "" && (!isBasic(v.rule.id) || v.outcome != fail) {
			if v.outcome != fail {
				v.detail = "builds on " + cause
			}
			continue
		}
		began := time.Now()
		err := playOne(s, v.rule)
		v.took = time.Since(began)
		if errors.Is(err, errCannotRun) {
			return nil, err
		}
		var b *breach
		var n notApplicable
		switch {
		case err == nil:
			if v.outcome != fail {
				v.outcome, v.detail = pass, ""
			}
		case errors.As(err, &n):
			if v.outcome != fail {
				v.detail = string(n)
			}
		case errors.As(err, &b):
			id := b.rule
			if id == "" {
				id = v.rule.id
			}
			if id != v.rule.id {
				if v.outcome != fail {
					v.detail = "broken off: " + id + " was broken"
				}
				b.what += " (while " + v.rule.id + " was tried)"
			}
			if j, ok := at[id]; ok && all[j].outcome != fail {
				all[j].outcome, all[j].detail = fail, b.what
			} else if !ok { // a rule that was not asked for, but it was broken
				at[id] = len(all)
				all = append(all, verdict{rule: *findRule(id), outcome: fail, detail: b.what})
			}
		default:
			return nil, err
		}
	}
	return all, nil
}

// brokenBasic is the first basic rule that is known to be broken.
func brokenBasic(all []verdict) string {
	for _, v := range all {
		if isBasic(v.rule.id) && v.outcome == fail {
			return v.rule.id
		}
	}
	return ""
}

func playOne(s settings, r rule) error {
	t := &trial{settings: s}
	defer t.close()
	return r.play(t)
}

func list(w io.Writer) {
	for _, r := range rules() {
		_, _ = fmt.Fprintf(w, "%-4s %-6s %s (PROTOCOL.md, section %s)\n", r.id, r.level, r.text, r.section)
	}
}
