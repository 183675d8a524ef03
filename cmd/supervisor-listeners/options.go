package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// option is one option of a command line.
type option struct {
	short byte   // 0 for none
	long  string // "" for none
	takes func(value string) error
	flag  func() // instead of takes, for an option without a value
}

func textOption(short byte, long string, to *string) option {
	return option{short: short, long: long, takes: func(v string) error { *to = v; return nil }}
}

func listOption(short byte, long string, to *[]string) option {
	return option{short: short, long: long, takes: func(v string) error { *to = append(*to, v); return nil }}
}

func flagOption(short byte, long string, to *bool) option {
	return option{short: short, long: long, flag: func() { *to = true }}
}

func numberOption(short byte, long string, to *int) option {
	return option{short: short, long: long, takes: func(v string) (err error) {
		if *to, err = strconv.Atoi(strings.TrimSpace(v)); err != nil {
			return fmt.Errorf("cannot use %q: not a number", v)
		}
		return nil
	}}
}

// parseOptions reads a command line as Python's getopt does or, with mixed, as its gnu_getopt: options may then also
// follow other arguments, as in optparse. -h and --help return errHelp.
func parseOptions(args []string, mixed bool, options []option) (rest []string, err error) {
	known := []pytext.Option{{Short: 'h', Long: "help"}}
	for _, o := range options {
		known = append(known, pytext.Option{Short: o.short, Long: o.long, Value: o.flag == nil})
	}
	getopt := pytext.Getopt
	if mixed {
		getopt = pytext.GNUGetopt
	}
	given, rest, err := getopt(args, known)
	if err != nil {
		return nil, optionProblem(err)
	}
	for _, g := range given {
		if g.Option == 0 {
			return nil, errHelp
		}
		switch o := options[g.Option-1]; {
		case o.flag != nil:
			o.flag()
		default:
			if err := o.takes(g.Value); err != nil {
				return nil, fmt.Errorf("option %s: %w", g.As, err)
			}
		}
	}
	return rest, nil
}

// optionProblem says what getopt says in these programs' words.
func optionProblem(err error) error {
	var of *pytext.OptionError
	if !errors.As(err, &of) {
		return err
	}
	return fmt.Errorf("option %s %s", of.Option, map[pytext.Problem]string{
		pytext.NotRecognized: "is not known", pytext.NotUnique: "is not unique",
		pytext.RequiresArgument: "requires a value", pytext.TakesNoArgument: "takes no value",
	}[of.Problem])
}

// parseSize reads a number of bytes with KB, MB or GB or without
// (supervisor/datatypes.py, byte_size).
func parseSize(s string) (int64, error) {
	n, err := parseSuffixed(s, map[string]int64{"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30})
	if err != nil {
		return 0, fmt.Errorf("cannot use %q: not a size in bytes, KB, MB or GB", s)
	}
	return n, nil
}

// parseSeconds reads a number of seconds with s, m, h or d or without.
func parseSeconds(s string) (time.Duration, error) {
	n, err := parseSuffixed(s, map[string]int64{"s": 1, "m": 60, "h": 3600, "d": 86400})
	if err != nil || n > int64(1<<62/time.Second) {
		return 0, fmt.Errorf("cannot use %q: not a time in s, m, h or d", s)
	}
	return time.Duration(n) * time.Second, nil
}

func parseSuffixed(s string, units map[string]int64) (int64, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	factor := int64(1)
	for suffix, f := range units {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			s, factor = strings.TrimSpace(number), f
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && (n < 0 || n > (1<<62)/factor) {
		err = strconv.ErrRange
	}
	return n * factor, err
}
