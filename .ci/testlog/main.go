// Testlog reads what go test -json writes, on its standard input, and prints what go test would say without -json, then every test that
// was skipped, with its reason.
//
// Of a package that passed that is its closing line. Of one that failed it is all that its failed tests and those that did not end
// have written, and what others printed past their own logs.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
}

// line is one line of go test -json, see go doc test2json.
type line struct {
	Action  string
	Package string
	Test    string
	Output  string
}

// said is a piece of output, in the order of its arrival. test is "" for the package's own.
type said struct{ test, text string }

// pkg is what is known of a package that has not ended.
type pkg struct {
	said   []said
	result map[string]string // by test: pass, fail or skip; "" while it runs
}

// report is the state of one reading.
type report struct {
	out     *bufio.Writer
	open    map[string]*pkg
	order   []string // of open, as they began
	failed  bool
	skipped []string
}

func run(in io.Reader, out io.Writer) error {
	r := &report{out: bufio.NewWriter(out), open: map[string]*pkg{}}
	for lines := bufio.NewReader(in); ; {
		text, err := lines.ReadString('\n')
		if text != "" {
			r.read(text)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if lines.Buffered() == 0 {
			if err := r.out.Flush(); err != nil {
				return err
			}
		}
	}
	r.end()
	return r.out.Flush()
}

func (r *report) read(text string) {
	var l line
	if !strings.HasPrefix(text, "{") || json.Unmarshal([]byte(text), &l) != nil {
		_, _ = r.out.WriteString(text) // go itself has something to say
		return
	}
	switch l.Action {
	case "build-output":
		_, _ = r.out.WriteString(l.Output)
		return
	case "build-fail":
		r.failed = true
		return
	}
	p := r.open[l.Package]
	if p == nil {
		p = &pkg{result: map[string]string{}}
		r.open[l.Package] = p
		r.order = append(r.order, l.Package)
	}
	switch l.Action {
	case "run":
		p.result[l.Test] = ""
	case "output":
		p.said = append(p.said, said{l.Test, l.Output})
	case "pass", "fail", "skip":
		if l.Test == "" {
			r.close(l.Package, p, l.Action)
			return
		}
		p.result[l.Test] = l.Action
		if l.Action == "skip" {
			r.skipped = append(r.skipped, fmt.Sprintf("%s %s: %s", l.Package, l.Test, p.reason(l.Test)))
		}
	}
}

// frames are the lines by which go test -v says what it does.
var frames = regexp.MustCompile(`^(=== (RUN|PAUSE|CONT|NAME) |PASS$|\s*--- (PASS|SKIP): )`)

// logged is how a line of t.Log begins.
var logged = regexp.MustCompile(`^\s+\S+\.go:\d+: `)

// reason is what a skipped test logged, in one line.
func (p *pkg) reason(test string) string {
	var parts []string
	for _, s := range p.said {
		if s.test == test && !frames.MatchString(s.text) {
			parts = append(parts, strings.TrimSpace(logged.ReplaceAllString(s.text, "")))
		}
	}
	if len(parts) == 0 {
		return "no reason given"
	}
	return strings.Join(parts, " ")
}

// close prints what is to be seen of a package that has ended.
func (r *report) close(name string, p *pkg, result string) {
	delete(r.open, name)
	if result == "fail" {
		r.failed = true
		r.explain(p)
		return
	}
	for i := len(p.said) - 1; i >= 0; i-- { // its closing line is its last
		if s := p.said[i]; s.test == "" {
			_, _ = r.out.WriteString(s.text)
			return
		}
	}
}

// explain prints what a package has said, except for what its passed tests logged: test by test, because parallel ones are mixed, and
// the package's own last.
func (r *report) explain(p *pkg) {
	seen := map[string]bool{"": true}
	for _, s := range p.said {
		if !seen[s.test] {
			seen[s.test] = true
			r.explainTest(p, s.test)
		}
	}
	r.explainTest(p, "")
}

func (r *report) explainTest(p *pkg, test string) {
	result, isTest := p.result[test]
	passed := result == "pass" || result == "skip"
	if isTest && result == "" {
		fmt.Fprintf(r.out, "--- NOT ENDED: %s\n", test)
	}
	var texts []string
	for _, s := range p.said {
		switch {
		case s.test != test || frames.MatchString(s.text) || passed && strings.HasPrefix(s.text, "    "):
		case strings.HasPrefix(strings.TrimLeft(s.text, " "), "--- FAIL: "): // it is written last
			_, _ = r.out.WriteString(s.text)
		default:
			texts = append(texts, s.text)
		}
	}
	for _, text := range texts {
		_, _ = r.out.WriteString(text)
	}
}

// end prints what go test did not come to say, and what was skipped.
func (r *report) end() {
	for _, name := range r.order {
		p := r.open[name]
		if p == nil {
			continue
		}
		r.failed = true
		r.explain(p)
		fmt.Fprintf(r.out, "FAIL\t%s [not ended]\n", name)
	}
	if n := len(r.skipped); n > 0 {
		fmt.Fprintf(r.out, "Skipped tests, and why (%d):\n", n)
		for _, s := range r.skipped {
			fmt.Fprintln(r.out, "  "+s)
		}
	}
	if r.failed {
		fmt.Fprintln(r.out, "FAIL")
	}
}
