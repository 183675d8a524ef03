package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
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

// report writes the table for people.
func report(w io.Writer, p palette, all []verdict) error {
	var b strings.Builder
	count := map[outcome]int{}
	warned := 0
	for _, v := range all {
		word, colour := string(v.outcome), map[outcome]string{pass: p.pass, fail: p.fail, skip: p.skip}[v.outcome]
		if v.outcome == fail && v.rule.level == should {
			word, colour = "warn", p.warn
			warned++
		} else {
			count[v.outcome]++
		}
		_, _ = fmt.Fprintf(&b, "%s%s%s  %-4s %-6s %s\n", colour, word, p.off, v.rule.id, v.rule.level, v.rule.text)
		if v.detail != "" {
			_, _ = fmt.Fprintf(&b, "                   %s\n", printable(v.detail))
		}
		if v.outcome == fail {
			_, _ = fmt.Fprintf(&b, "                   PROTOCOL.md#%s, section %s\n", strings.ToLower(v.rule.id), v.rule.section)
		}
	}
	_, _ = fmt.Fprintf(&b, "%d passed, %d failed, %d broken that should be kept, %d not tried\n", count[pass], count[fail], warned, count[skip])
	_, err := io.WriteString(w, b.String())
	return err
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
	Seconds float64 `json:"seconds"`
}

func reportJSON(w io.Writer, s settings, all []verdict, ok bool, took time.Duration) error {
	r := jsonReport{Command: s.command, OK: ok, Rules: []jsonRule{}, Seconds: took.Seconds(), See: section11}
	for _, v := range all {
		r.Rules = append(r.Rules, jsonRule{v.rule.id, v.rule.level, v.rule.text, v.rule.section, v.outcome, v.detail, v.took.Seconds()})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}
