// Package templatefault is for what is said about templates of text that users write.
package templatefault

import (
	"fmt"
	"regexp"
	"strings"
)

// Of says what is wrong with a template, and where in it, without any of its words: these may be secret, and the errors of text/template
// quote them.
func Of(err error) string {
	text := err.Error()
	where, what := "", "it is not well formed"
	if m := regexp.MustCompile(`^template: [a-z_]*:(\d+)(?::(\d+))?: `).FindStringSubmatch(text); m != nil {
		where = "line " + m[1]
		if m[2] != "" {
			where += ", byte " + m[2]
		}
		where += ": "
	}
	if strings.Contains(text, ": executing ") {
		what = "it is of no use there"
	}
	for _, known := range []struct{ words, what string }{
		{"not defined", "there is no such function"},
		{"can't evaluate field", "there is no such field"},
		{"undefined variable", "there is no such variable"},
		{"unclosed action", "an action is not closed"},
		{"unclosed comment", "a comment is not closed"},
		{"unterminated", "a quotation is not closed"},
		{"unexpected EOF", "it ends before an {{end}}"},
		{"unexpected {{end}}", "an {{end}} closes nothing"},
		{"unexpected {{else}}", "an {{else}} belongs to nothing"},
		{"missing value", "a value is missing"},
		{"wrong number of args", "a function has too few or too many arguments"},
		{"out of range", "there are not so many"},
		{"index of untyped nil", "there is nothing to index"},
		{"wrong type", "a value is of the wrong type"},
		{"incompatible types", "two values are of different types"},
		{"expected ", "a value is of the wrong type"},
	} {
		if strings.Contains(text, known.words) {
			what = known.what
			break
		}
	}
	return fmt.Sprintf("%s%s", where, what)
}
