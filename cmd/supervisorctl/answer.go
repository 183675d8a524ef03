package main

import (
	"errors"
	"strings"
)

// answer is what an action comes to. An action that takes its time reports lines as it goes (run.report) and answers without a value;
// one that asks and shows answers with one. print.go prints both, for people and as JSON.
type answer struct {
	// value is the document of --json, encoded by its tags. nil: the lines that were reported.
	value any
	// text is value for people, in whole lines; it comes after the lines that were reported.
	text string
	// hints go to standard error, after text.
	hints []string
	// status is the exit status; 0 leaves it to the lines that were reported.
	status int
	// printed: the action has written to the run's output itself, as it came: a log, events, a conversation.
	printed bool
}

// line is one line of an action, printed at once, and with --json an object of an array.
type line struct {
	Name    string `json:"name,omitempty" doc:"missing if the line is not about a process or group"` // of the process, group or section
	Message string `json:"message"`
	OK      bool   `json:"ok"`

	text   string // as it is printed, without the end of line
	status int    // what the exit status becomes; 0 leaves it as it is
}

// said is a line about nothing in particular.
func said(text string) line { return line{Message: text, OK: true, text: text} }

// did is a line about what was done to a process, group or section.
func did(name, message string) line {
	return line{Name: name, Message: message, OK: true, text: name + ": " + message}
}

// problem is a line about a process, group or section to which it could not be done.
func problem(status int, name, reason string) line {
	return line{Name: name, Message: reason, text: name + ": ERROR (" + reason + ")", status: status}
}

// failed is a line about what went wrong, in Supervisor's words as they are printed.
func failed(status int, text string) line {
	return line{Message: strings.TrimPrefix(strings.TrimPrefix(text, "ERROR: "), "Error: "), text: text, status: status}
}

// refusal is an error that an action has words of its own for; any other is printed as the exception that Supervisor would meet.
type refusal struct {
	lines []line
}

func (e *refusal) Error() string {
	texts := make([]string, len(e.lines))
	for i, l := range e.lines {
		texts[i] = l.text
	}
	return strings.Join(texts, "\n")
}

// refuse is a refusal of one line.
func refuse(l line) error { return &refusal{lines: []line{l}} }

// refuseText is a refusal about nothing in particular, with the exit status of a failure.
func refuseText(text string) error { return refuse(failed(exitGeneric, text)) }

// misuse says what is wrong with the arguments, then how the action is used.
func (r *run) misuse(status int, text string) error {
	lines := []line{failed(status, text)}
	if r.onTerminal() { // where a whole help would push the error off the screen
		return withHints(&refusal{lines: lines}, "help "+r.action.Name+" explains the action")
	}
	for help := range strings.SplitSeq(r.action.Help, "\n") {
		lines = append(lines, said(help))
	}
	return &refusal{lines: lines}
}

// withStatus replaces the exit status of a refusal; other errors are unchanged.
func withStatus(err error, status int) error {
	var own *refusal
	if errors.As(err, &own) {
		own.lines[0].status = status
	}
	return err
}

// withHints adds hints to an error, which follow it.
func withHints(err error, hints ...string) error {
	if err == nil || len(hints) == 0 {
		return err
	}
	return &hinted{err, hints}
}

// hinted is an error with hints.
type hinted struct {
	error
	hints []string
}

func (e *hinted) Unwrap() error { return e.error }

// hintsOf are the hints of an error.
func hintsOf(err error) (hints []string) {
	var more *hinted
	if errors.As(err, &more) {
		hints = append(hintsOf(more.error), more.hints...)
	}
	return hints
}
