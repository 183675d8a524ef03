package main

import (
	"strings"
	"testing"
)

// A misspelt flag of one of Hark's actions is no argument: a silence would cover everything, with the flag as its comment.
func TestUnknownFlagsOfHarksActionsAreRefused(t *testing.T) {
	silence, restart, plugin := verbs{}.Silence(), verbs{}.Restart(), verbs{}.Plugin()
	for _, c := range []struct {
		action *Action
		arg    string
		rest   string
		err    string // what it contains
	}{
		{&silence, "web 1h --evnts=PROCESS_STATE", "", "option --evnts not recognized: silence takes --events, --notifiers"},
		{&silence, "web 1h --evnts PROCESS_STATE", "", "option --evnts not recognized"},
		{&silence, "web 1h --events PROCESS_STATE a comment", "web 1h a comment", ""},
		{&silence, "web 1h -- --evnts is a comment", "web 1h --evnts is a comment", ""},
		{&restart, "--no-such web", "--no-such web", ""}, // as in Supervisor: a name
		{&plugin, "check --values a=b -- prog --x", "check --values a=b -- prog --x", ""},
	} {
		rest, _, err := c.action.cutFlags(c.arg)
		switch {
		case c.err == "" && (err != nil || rest != c.rest):
			t.Errorf("%s %s: the rest is %q, %v", c.action.Name, c.arg, rest, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s %s: %v", c.action.Name, c.arg, err)
		}
	}
}
