package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// section11 is where the rules are explained.
const section11 = "PROTOCOL.md#11-rules-a-listener-is-held-to"

// runRules plays the rules and reports; it returns the exit status.
func runRules(s settings, stdout *os.File, stderr io.Writer) int {
	began := time.Now()
	all, err := judge(s)
	if err != nil {
		return usage(stderr, err)
	}
	status := exitKept
	for _, v := range all {
		if v.outcome == fail && v.rule.level == must {
			status = exitBroken
		}
	}
	if s.json {
		err = reportJSON(stdout, s, all, status == exitKept, time.Since(began))
	} else {
		err = report(stdout, paletteFor(stdout, os.Getenv), all)
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "supervisor-listener-test: cannot write the report: %v\n", err)
		return exitBroken
	}
	return status
}

// palette is how outcomes are coloured; the zero value is not at all.
type palette struct{ pass, fail, skip, warn, off string }

// paletteFor has colours where a person looks on and has not refused them
// (no-color.org).
func paletteFor(f *os.File, getenv func(string) string) palette {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 || getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return palette{}
	}
	return palette{pass: "\x1b[32m", fail: "\x1b[31m", skip: "\x1b[2m", warn: "\x1b[33m", off: "\x1b[0m"}
}

// report writes the table for people: what was tried in order, what was not tried in a line for each reason, and at the end, where a terminal shows
// it, again what is broken, with how to mend it.
func report(w io.Writer, p palette, all []verdict) error {
	var b strings.Builder
	var broken []verdict
	passed, failed, warned := 0, 0, 0
	skipped := map[string][]string{} // reason: ids
	var reasons []string
	for _, v := range all {
		word, colour := string(v.outcome), p.pass
		switch {
		case v.outcome == skip:
			if skipped[v.detail] == nil {
				reasons = append(reasons, v.detail)
			}
			skipped[v.detail] = append(skipped[v.detail], v.rule.id)
			continue
		case v.outcome == fail && v.rule.level == should:
			word, colour, broken = "warn", p.warn, append(broken, v)
			warned++
		case v.outcome == fail:
			colour, broken = p.fail, append(broken, v)
			failed++
		default:
			passed++
		}
		_, _ = fmt.Fprintf(&b, "%s%s%s  %-4s %-6s %s\n", colour, word, p.off, v.rule.id, v.rule.level, v.rule.text)
		if v.detail != "" {
			_, _ = fmt.Fprintf(&b, "                   %s\n", printable(v.detail))
		}
	}
	notTried := 0
	for _, reason := range reasons {
		notTried += len(skipped[reason])
		_, _ = fmt.Fprintf(&b, "%sskip%s  %s: %s\n", p.skip, p.off, runs(skipped[reason]), printable(reason))
	}
	if len(broken) > 0 {
		b.WriteString("\nTo mend:\n")
	}
	how := mends()
	for _, v := range broken {
		_, _ = fmt.Fprintf(&b, "%-4s %s\n     %s\n     PROTOCOL.md#%s, section %s\n", v.rule.id, printable(v.detail), how[v.rule.id], strings.ToLower(v.rule.id), v.rule.section)
	}
	if len(broken) > 0 {
		b.WriteString("\n")
	}
	_, _ = fmt.Fprintf(&b, "%d passed, %d failed, %d broken that should be kept, %d not tried\n", passed, failed, warned, notTried)
	_, err := io.WriteString(w, b.String())
	return err
}

// runs is a list of ids, neighbours drawn together: R2 to R25, F1.
func runs(ids []string) string {
	var parts []string
	for i := 0; i < len(ids); {
		j := i + 1
		for j < len(ids) && follows(ids[j-1], ids[j]) {
			j++
		}
		if j-i > 2 {
			parts = append(parts, ids[i]+" to "+ids[j-1])
		} else {
			parts = append(parts, ids[i:j]...)
		}
		i = j
	}
	return strings.Join(parts, ", ")
}

// follows reports whether an id is the next of its letter.
func follows(before, id string) bool {
	a, errA := strconv.Atoi(before[1:])
	b, errB := strconv.Atoi(id[1:])
	return before[0] == id[0] && errA == nil && errB == nil && b == a+1
}

// printable keeps what a listener said from playing with the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// jsonReport is the form for machines.
type jsonReport struct {
	Command []string   `json:"command"`
	OK      bool       `json:"ok"` // no MUST rule was broken
	Rules   []jsonRule `json:"rules"`
	Seconds float64    `json:"seconds"`
	See     string     `json:"see"`
}

type jsonRule struct {
	ID      string  `json:"id"`
	Level   level   `json:"level"`
	Rule    string  `json:"rule"`
	Section string  `json:"section"`
	Outcome outcome `json:"outcome"`
	Detail  string  `json:"detail,omitempty"`
	Mend    string  `json:"mend,omitempty"` // of a rule that is broken
	Seconds float64 `json:"seconds"`
}

func reportJSON(w io.Writer, s settings, all []verdict, ok bool, took time.Duration) error {
	r := jsonReport{Command: s.command, OK: ok, Rules: []jsonRule{}, Seconds: took.Seconds(), See: section11}
	for _, v := range all {
		rule := jsonRule{v.rule.id, v.rule.level, v.rule.text, v.rule.section, v.outcome, v.detail, "", v.took.Seconds()}
		if v.outcome == fail {
			rule.Mend = mends()[v.rule.id]
		}
		r.Rules = append(r.Rules, rule)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
