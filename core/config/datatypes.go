package config

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// The conversions of supervisor/datatypes.py. Each error is Supervisor's text,
// offending value included: callers mask secrets before they get here.

// maxDigits is the longest decimal number CPython reads (sys.int_info).
const maxDigits = 4300

// integer is Python's int(s): white space around, a sign, underscores between
// digits, digits of any script. What exceeds an int64 becomes the nearest one:
// Python has no bound, and no setting means more by more.
func integer(s string) (int64, error) {
	return parseInt(s, 10)
}

// octal is int(s, 8) with Supervisor's error: 022, 22, 0o22.
func octal(s string) (int64, error) {
	n, err := parseInt(s, 8)
	if err != nil {
		return 0, fmt.Errorf("%s can not be converted to an octal type", s)
	}
	return n, nil
}

func parseInt(s string, base int) (int64, error) {
	bad := fmt.Errorf("invalid literal for int() with base %d: %s", base, pytext.FirstRunes(pytext.Quote(s), 200))
	digits := strip(s)
	negative := false
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		negative, digits = digits[0] == '-', digits[1:]
	}
	if base == 8 && len(digits) > 2 && digits[0] == '0' && (digits[1] == 'o' || digits[1] == 'O') {
		digits = strings.TrimPrefix(digits[2:], "_")
	}
	plain := make([]byte, 0, len(digits))
	underscore := true // none may come first
	for _, r := range digits {
		if r == '_' {
			if underscore {
				return 0, bad
			}
			underscore = true
			continue
		}
		d := decimalValue(r)
		if d < 0 || d >= base {
			return 0, bad
		}
		underscore = false
		plain = append(plain, byte('0'+d))
	}
	if underscore {
		return 0, bad
	}
	if base == 10 && len(plain) > maxDigits {
		return 0, fmt.Errorf("Exceeds the limit (%d digits) for integer string conversion: value has %d digits; "+ //nolint:staticcheck // Python's words
			"use sys.set_int_max_str_digits() to increase the limit", maxDigits, len(plain))
	}
	if n, err := strconv.ParseInt(string(plain), base, 64); err == nil {
		if negative {
			n = -n
		}
		return n, nil
	}
	return saturated(negative), nil
}

func saturated(negative bool) int64 {
	if negative {
		return math.MinInt64
	}
	return math.MaxInt64
}

// decimalValue is the value of a decimal digit of any script, -1 for another
// character. Unicode keeps each script's ten digits together, zero first.
func decimalValue(r rune) int {
	if r < unicode.MaxASCII {
		if r >= '0' && r <= '9' {
			return int(r - '0')
		}
		return -1
	}
	if !unicode.Is(unicode.Nd, r) {
		return -1
	}
	first := r
	for unicode.Is(unicode.Nd, first-1) {
		first--
	}
	return int(r-first) % 10
}

// boolean reads yes, true, on, 1 and no, false, off, 0 in any case.
func boolean(s string) (bool, error) {
	switch lower(s) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, errors.New("not a valid boolean value: " + pytext.Quote(s))
}

// byteSize is an integer, with KB, MB or GB behind it in any case.
func byteSize(s string) (int64, error) {
	v := lower(s)
	for _, unit := range []struct {
		suffix string
		factor int64
	}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}} {
		number, ok := strings.CutSuffix(v, unit.suffix)
		if !ok {
			continue
		}
		n, err := integer(number)
		if err != nil {
			return 0, err
		}
		product := new(big.Int).Mul(big.NewInt(n), big.NewInt(unit.factor))
		if !product.IsInt64() {
			return saturated(n < 0), nil
		}
		return product.Int64(), nil
	}
	return integer(v)
}

// stringList splits at commas and strips each part; nothing is an empty list.
func stringList(s string) []string {
	if s == "" {
		return nil
	}
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strip(parts[i])
	}
	return parts
}

// exitCodes is a list of numbers from 0 to 255.
func exitCodes(s string) ([]int, error) {
	if s == "" {
		return nil, nil
	}
	var codes []int
	for _, part := range strings.Split(s, ",") {
		n, err := integer(part)
		if err != nil || n < 0 || n > 255 {
			return nil, errors.New("not a valid list of exit codes: " + pytext.Quote(s))
		}
		codes = append(codes, int(n))
	}
	return codes, nil
}

// autoRestart reads a boolean or "unexpected".
func autoRestart(s string) (AutoRestart, error) {
	v := lower(s)
	if v == "unexpected" {
		return RestartUnexpected, nil
	}
	on, err := boolean(v)
	if err != nil {
		return RestartNever, errors.New("invalid 'autorestart' value " + pytext.Quote(v))
	}
	if on {
		return RestartAlways, nil
	}
	return RestartNever, nil
}

// levelNames are the levels as they are written (loggers.py, LevelsByDescription).
func levelNames() map[Level]string {
	return map[Level]string{CRIT: "critical", ERRO: "error", WARN: "warn", INFO: "info", DEBG: "debug", TRAC: "trace", BLAT: "blather"}
}

// loggingLevel finds a level by its name in any case.
func loggingLevel(s string) (Level, error) {
	for level, name := range levelNames() {
		if name == lower(s) {
			return level, nil
		}
	}
	return INFO, errors.New("bad logging level name " + pytext.Quote(s))
}

// processName strips a name and refuses what would break the listener protocol
// or the page's links.
func processName(s string) (string, error) {
	v := strip(s)
	for _, c := range " :/" {
		if strings.ContainsRune(v, c) {
			return "", fmt.Errorf("Invalid name: %s because of character: %s", pytext.Quote(s), pytext.Quote(string(c))) //nolint:staticcheck // Supervisor's words
		}
	}
	return v, nil
}

// portNumber is an integer from 1 to 65535.
func portNumber(s string) (int, error) {
	n, err := integer(s)
	switch {
	case err != nil:
		return 0, err
	case n < 1:
		return 0, fmt.Errorf("%d is below lower bound (1)", n)
	case n > 0xffff:
		return 0, fmt.Errorf("%d is above upper bound (65535)", n)
	}
	return int(n), nil
}

// inetAddress reads port, host:port or *:port; "" is every address.
func inetAddress(s string) (host string, port int, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		if port, err = portNumber(s); err != nil {
			return "", 0, errors.New("not a valid port number: " + pytext.Quote(s) + " ")
		}
		return "", port, nil
	}
	if s[i+1:] == "" {
		return "", 0, errors.New("no port number specified in ''")
	}
	if port, err = portNumber(s[i+1:]); err != nil {
		return "", 0, err
	}
	if host = lower(s[:i]); host == "*" {
		host = ""
	}
	return host, port, nil
}

// ParseSignal reads a signal's number in any form that Python's int() takes, 0
// included, or its name in any case, with or without SIG, padded or not
// (datatypes.py, signal_number). It knows what Python's signal module knows here.
func ParseSignal(s string) (syscall.Signal, error) {
	n, err := integer(s)
	if err != nil {
		name := strings.ToUpper(strip(s))
		if !strings.HasPrefix(name, "SIG") {
			name = "SIG" + name
		}
		i := slices.IndexFunc(signalNames(), func(k namedSignal) bool { return k.name == name })
		if i < 0 {
			return 0, errors.New("value " + pytext.Quote(s) + " is not a valid signal name")
		}
		return signalNames()[i].number, nil
	}
	if !slices.ContainsFunc(signalNames(), func(k namedSignal) bool { return int64(k.number) == n }) {
		return 0, errors.New("value " + pytext.Quote(s) + " is not a valid signal number")
	}
	return syscall.Signal(n), nil
}
