package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
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

// parseOptions reads a command line as Python's getopt and optparse do: short
// options may be joined, long ones abbreviated, and "--" ends them. With mixed,
// options may also follow what is none, as in optparse. -h and --help return
// errHelp.
func parseOptions(args []string, mixed bool, options []option) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case strings.HasPrefix(arg, "--"):
			args, err = longOption(arg[2:], args, options)
		case len(arg) > 1 && arg[0] == '-':
			args, err = shortOptions(arg[1:], args, options)
		default:
			rest = append(rest, arg)
			if !mixed {
				return append(rest, args...), nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func longOption(arg string, args []string, options []option) ([]string, error) {
	name, value, given := strings.Cut(arg, "=")
	if name == "help" {
		return nil, errHelp
	}
	var found *option
	matches := 0
	for i := range options {
		switch {
		case options[i].long == name:
			found, matches = &options[i], -len(options) // exactly it, whatever else begins so
		case matches >= 0 && options[i].long != "" && strings.HasPrefix(options[i].long, name):
			found = &options[i]
			matches++
		}
	}
	switch {
	case found == nil:
		return nil, fmt.Errorf("option --%s is not known", name)
	case matches > 1:
		return nil, fmt.Errorf("option --%s is not unique", name)
	case found.flag != nil && given:
		return nil, fmt.Errorf("option --%s takes no value", found.long)
	case found.flag != nil:
		found.flag()
		return args, nil
	case !given && len(args) == 0:
		return nil, fmt.Errorf("option --%s requires a value", found.long)
	case !given:
		value, args = args[0], args[1:]
	}
	if err := found.takes(value); err != nil {
		return nil, fmt.Errorf("option --%s: %w", found.long, err)
	}
	return args, nil
}

func shortOptions(letters string, args []string, options []option) ([]string, error) {
	for letters != "" {
		letter := letters[0]
		letters = letters[1:]
		if letter == 'h' {
			return nil, errHelp
		}
		var found *option
		for i := range options {
			if options[i].short == letter {
				found = &options[i]
			}
		}
		switch {
		case found == nil:
			return nil, fmt.Errorf("option -%c is not known", letter)
		case found.flag != nil:
			found.flag()
			continue
		case letters == "" && len(args) == 0:
			return nil, fmt.Errorf("option -%c requires a value", letter)
		case letters == "":
			letters, args = args[0], args[1:]
		}
		if err := found.takes(letters); err != nil {
			return nil, fmt.Errorf("option -%c: %w", letter, err)
		}
		return args, nil
	}
	return args, nil
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
