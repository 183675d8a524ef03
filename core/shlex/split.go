// Package shlex splits command lines into arguments as Python's shlex does, because that is how Supervisor splits command=.
package shlex

import (
	"errors"
	"strings"
)

// The errors of Split, in the words of Python's shlex.
var (
	ErrNoClosingQuotation = errors.New("No closing quotation") //nolint:staticcheck // shown to users as Python words it
	ErrNoEscapedCharacter = errors.New("No escaped character") //nolint:staticcheck // shown to users as Python words it
)

// Split parts a command= into arguments exactly as Python's shlex.split does
// (supervisor/process.py, get_execv_args): blanks, tabs and line ends part; single quotes keep
// everything; double quotes keep all but a backslash before a double quote or a backslash; elsewhere
// a backslash keeps the next character. '#' is an ordinary character, nothing is
// expanded. An empty or blank command has no arguments and no error; the caller
// refuses it.
//
// The errors are ErrNoClosingQuotation and ErrNoEscapedCharacter.
func Split(command string) ([]string, error) {
	const (
		between  = iota // outside any argument
		bare            // in an argument, outside quotes
		single          // within '…'
		double          // within "…"
		escaped         // after a backslash outside quotes
		escaped2        // after a backslash within "…"
	)
	var args []string
	var arg strings.Builder
	state := between
	for i := range len(command) { // bytes: every special character is ASCII
		c := command[i]
		switch state {
		case between, bare:
			switch c {
			case ' ', '\t', '\r', '\n':
				if state == bare {
					args = append(args, arg.String())
					arg.Reset()
				}
				state = between
			case '\'':
				state = single
			case '"':
				state = double
			case '\\':
				state = escaped
			default:
				arg.WriteByte(c)
				state = bare
			}
		case single:
			if c == '\'' {
				state = bare
			} else {
				arg.WriteByte(c)
			}
		case double:
			switch c {
			case '"':
				state = bare
			case '\\':
				state = escaped2
			default:
				arg.WriteByte(c)
			}
		case escaped:
			arg.WriteByte(c)
			state = bare
		case escaped2:
			if c != '"' && c != '\\' {
				arg.WriteByte('\\')
			}
			arg.WriteByte(c)
			state = double
		}
	}
	switch state {
	case single, double:
		return nil, ErrNoClosingQuotation
	case escaped, escaped2:
		return nil, ErrNoEscapedCharacter
	case bare: // an argument, maybe an empty one of quotes
		args = append(args, arg.String())
	}
	return args, nil
}
