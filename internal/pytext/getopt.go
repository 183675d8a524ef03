package pytext

import (
	"strings"
	"unicode/utf8"
)

// Option is an option that a command line may have.
type Option struct {
	Short byte   // 0: none
	Long  string // "": none
	Value bool   // it takes one
}

// Given is an option of a command line.
type Given struct {
	Option int    // its index in the options
	As     string // "-c" or, in full, "--configuration"
	Value  string
}

// Problem is what is wrong with an option.
type Problem string

// The problems, in getopt's words.
const (
	NotRecognized    Problem = "not recognized"
	NotUnique        Problem = "not a unique prefix"
	RequiresArgument Problem = "requires argument"
	TakesNoArgument  Problem = "must not have an argument"
)

// OptionError is an error of Getopt; its text is getopt's.
type OptionError struct {
	Option  string // with its - or --
	Problem Problem
}

func (e *OptionError) Error() string { return "option " + e.Option + " " + string(e.Problem) }

// Getopt is getopt.getopt: short options may be joined, long ones abbreviated; "--" or the first argument that is not
// an option ends them, and rest is what follows. The error is an *OptionError.
func Getopt(args []string, options []Option) (given []Given, rest []string, err error) {
	return getopt(args, options, false)
}

// GNUGetopt is getopt.gnu_getopt: options may also follow other arguments.
func GNUGetopt(args []string, options []Option) (given []Given, rest []string, err error) {
	return getopt(args, options, true)
}

func getopt(args []string, options []Option, mixed bool) ([]Given, []string, error) {
	p := optionParser{options: options, args: args}
	var others []string
	for len(p.args) > 0 {
		arg := p.args[0]
		if len(arg) < 2 || arg[0] != '-' {
			if !mixed {
				break
			}
			others, p.args = append(others, arg), p.args[1:]
			continue
		}
		p.args = p.args[1:]
		if arg == "--" {
			break
		}
		var err error
		if long, ok := strings.CutPrefix(arg, "--"); ok {
			err = p.long(long)
		} else {
			err = p.cluster(arg[1:])
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return p.given, append(others, p.args...), nil
}

// optionParser is the state of getopt between arguments.
type optionParser struct {
	options []Option
	args    []string // not read yet
	given   []Given
}

// long reads an option that began with "--".
func (p *optionParser) long(arg string) error {
	name, value, hasValue := strings.Cut(arg, "=")
	found, problem := p.find(name)
	if problem != "" {
		return &OptionError{"--" + name, problem}
	}
	as := "--" + p.options[found].Long
	switch takes := p.options[found].Value; {
	case !takes && hasValue:
		return &OptionError{as, TakesNoArgument}
	case takes && !hasValue:
		if len(p.args) == 0 {
			return &OptionError{as, RequiresArgument}
		}
		value, p.args = p.args[0], p.args[1:]
	}
	p.given = append(p.given, Given{found, as, value})
	return nil
}

// find looks for the option of that name, or for the only one that begins so.
func (p *optionParser) find(name string) (found int, problem Problem) {
	matches := 0
	for i := range p.options {
		switch long := p.options[i].Long; {
		case long == "" || !strings.HasPrefix(long, name):
		case long == name:
			return i, ""
		default:
			found = i
			matches++
		}
	}
	switch matches {
	case 0:
		return 0, NotRecognized
	case 1:
		return found, ""
	}
	return 0, NotUnique
}

// cluster reads short options that began with one "-".
func (p *optionParser) cluster(letters string) error {
	for letters != "" {
		_, n := utf8.DecodeRuneInString(letters)
		as := "-" + letters[:n]
		found := -1
		for i := range p.options {
			if n == 1 && p.options[i].Short == letters[0] {
				found = i
			}
		}
		letters = letters[n:]
		if found < 0 {
			return &OptionError{as, NotRecognized}
		}
		value := ""
		if p.options[found].Value {
			if value, letters = letters, ""; value == "" {
				if len(p.args) == 0 {
					return &OptionError{as, RequiresArgument}
				}
				value, p.args = p.args[0], p.args[1:]
			}
		}
		p.given = append(p.given, Given{found, as, value})
	}
	return nil
}

// OptionHelp is the line of an option in Supervisor's --help: -s/--long META -- text. short is 0 and meta "" where there is none.
func OptionHelp(short byte, long, meta, text string) string {
	name := "--" + long
	if short != 0 {
		name = "-" + string(short) + "/" + name
	}
	if meta != "" {
		name += " " + meta
	}
	return name + " -- " + text + "\n"
}
