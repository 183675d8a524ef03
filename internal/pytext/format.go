package pytext

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Flags of a conversion.
const (
	flagLeft = 1 << iota
	flagSign
	flagBlank
	flagAlt
	flagZero
)

// wholeScope stands for the mapping itself, which a conversion without a name
// formats in Python.
type wholeScope struct{}

// Bounds on width and precision (characters). Python takes any that fit in
// memory; what is longer than this is a mistake that would eat it.
const maxWidth = 1 << 20

// conversion is one %… of a format string.
type conversion struct {
	flags int
	width int // -1: none
	prec  int // -1: none
	verb  rune
}

// formatter walks a format string as CPython's unicode_format does, with its
// messages. An argument is taken at most once: naming one arms it.
type formatter struct {
	in    []rune
	pos   int
	names Names
	arg   any
	armed bool
	out   strings.Builder
}

// Names are what %(name)s may name: the layers are searched from the last to the first. Values are strings and ints.
type Names []map[string]any

// Lookup returns the value of a name.
func (n Names) Lookup(name string) (any, bool) {
	for i := len(n) - 1; i >= 0; i-- {
		if v, ok := n[i][name]; ok {
			return v, true
		}
	}
	return nil, false
}

// Sorted lists the names, each once.
func (n Names) Sorted() []string {
	all := make(map[string]bool)
	for _, layer := range n {
		for name := range layer {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// UnknownName is the name of a %(name)s that there is no value for: Python's KeyError.
type UnknownName string

func (e UnknownName) Error() string { return "unknown name " + Quote(string(e)) }

// Format is s % names. The error is an UnknownName or says in Python's words what is wrong with the format.
func Format(s string, names Names) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	f := formatter{in: []rune(s), names: names, arg: wholeScope{}, armed: true}
	if !utf8.ValidString(s) {
		// Bytes that are not UTF-8 (from the environment) pass through untouched
		// only outside runes; a configuration file cannot hold them.
		f.in = []rune(strings.ToValidUTF8(s, "\ufffd"))
	}
	for f.pos < len(f.in) {
		c := f.in[f.pos]
		f.pos++
		if c != '%' {
			f.out.WriteRune(c)
			continue
		}
		if err := f.convert(); err != nil {
			return "", err
		}
	}
	return f.out.String(), nil
}

// next is the next character; false at the end of the string.
func (f *formatter) next() (rune, bool) {
	if f.pos >= len(f.in) {
		f.pos++ // as CPython's count goes below zero
		return 0, false
	}
	f.pos++
	return f.in[f.pos-1], true
}

func (f *formatter) convert() error {
	if f.pos < len(f.in) && f.in[f.pos] == '%' { // with anything between, it is not a percent sign
		f.pos++
		f.out.WriteByte('%')
		return nil
	}
	c, err := f.parse()
	if err != nil {
		return err
	}
	v, err := f.take()
	if err != nil {
		return err
	}
	return f.write(c, v)
}

func (f *formatter) take() (any, error) {
	if !f.armed {
		return nil, errors.New("not enough arguments for format string")
	}
	f.armed = false
	return f.arg, nil
}

func (f *formatter) parse() (conversion, error) {
	c := conversion{width: -1, prec: -1}
	if f.pos < len(f.in) && f.in[f.pos] == '(' {
		if err := f.name(); err != nil {
			return c, err
		}
	}
	ch, ok := f.next()
	for ; ok && strings.ContainsRune("-+ #0", ch); ch, ok = f.next() {
		switch ch {
		case '-':
			c.flags |= flagLeft
		case '+':
			c.flags |= flagSign
		case ' ':
			c.flags |= flagBlank
		case '#':
			c.flags |= flagAlt
		case '0':
			c.flags |= flagZero
		}
	}
	var err error
	if ch, ok, err = f.number(ch, ok, &c.width, "width"); err != nil {
		return c, err
	}
	if c.width == -2 { // a negative * width
		c.width = -1
	}
	if ok && ch == '.' {
		c.prec = 0
		ch, ok = f.next()
		if ch, ok, err = f.number(ch, ok, &c.prec, "precision"); err != nil {
			return c, err
		}
	}
	if ok && (ch == 'h' || ch == 'l' || ch == 'L') {
		ch, ok = f.next()
	}
	if !ok {
		return c, errors.New("incomplete format")
	}
	c.verb = ch
	return c, nil
}

// name reads (name) and arms its value.
func (f *formatter) name() error {
	f.pos++
	start, depth := f.pos, 1
	for depth > 0 && f.pos < len(f.in) {
		switch f.in[f.pos] {
		case '(':
			depth++
		case ')':
			depth--
		}
		f.pos++
	}
	if depth > 0 {
		return errors.New("incomplete format key")
	}
	key := string(f.in[start : f.pos-1])
	v, ok := f.names.Lookup(key)
	if !ok {
		return UnknownName(key)
	}
	f.arg, f.armed = v, true
	return nil
}

// number reads digits or *, which takes the argument.
func (f *formatter) number(ch rune, ok bool, to *int, what string) (rune, bool, error) {
	if ok && ch == '*' {
		v, err := f.take()
		if err != nil {
			return 0, false, err
		}
		if _, isInt := v.(int); !isInt {
			return 0, false, errors.New("* wants int")
		}
		// The number is now spent, so whatever follows finds no argument.
		ch, ok = f.next()
		return ch, ok, nil
	}
	if !ok || ch < '0' || ch > '9' {
		return ch, ok, nil
	}
	n := 0
	for ; ok && ch >= '0' && ch <= '9'; ch, ok = f.next() {
		if n > maxWidth {
			return 0, false, errors.New(what + " too big")
		}
		n = n*10 + int(ch-'0')
	}
	if n > maxWidth {
		return 0, false, errors.New(what + " too big")
	}
	*to = n
	return ch, ok, nil
}

// pyType is the name of a value's type in Python's messages.
func pyType(v any) string {
	switch v.(type) {
	case int:
		return "int"
	case wholeScope:
		return "dict"
	}
	return "str"
}

func (f *formatter) write(c conversion, v any) error {
	switch c.verb {
	case 's', 'r', 'a':
		f.writeText(c, textOf(c.verb, v))
	case 'd', 'i', 'u', 'o', 'x', 'X':
		n, ok := v.(int)
		if !ok {
			want := "a real number is required"
			if c.verb == 'o' || c.verb == 'x' || c.verb == 'X' {
				want = "an integer is required"
			}
			return fmt.Errorf("%%%c format: %s, not %s", c.verb, want, pyType(v))
		}
		f.writeNumber(c, integerText(c, n))
	case 'e', 'E', 'f', 'F', 'g', 'G':
		n, ok := v.(int)
		if !ok {
			return errors.New("must be real number, not " + pyType(v))
		}
		f.writeNumber(c, floatText(c, float64(n)))
	case 'c':
		s, err := character(v)
		if err != nil {
			return err
		}
		f.writeText(conversion{flags: c.flags, width: c.width, prec: -1}, s)
	default:
		shown := c.verb
		if shown < 31 || shown > 126 {
			shown = '?'
		}
		return fmt.Errorf("unsupported format character '%c' (0x%x) at index %d", shown, c.verb, f.pos-1)
	}
	return nil
}

func textOf(verb rune, v any) string {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v)
	case string:
		switch verb {
		case 'r':
			return Quote(v)
		case 'a':
			return QuoteASCII(v)
		}
		return v
	}
	// Python shows every name and value there is, including the whole environment.
	// That is never wanted in a command line; "date +%s" still loads.
	return "{...}"
}

func character(v any) (string, error) {
	switch v := v.(type) {
	case int:
		if v < 0 || v > utf8.MaxRune {
			return "", errors.New("%c arg not in range(0x110000)")
		}
		return string(rune(v)), nil
	case string:
		if utf8.RuneCountInString(v) == 1 {
			return v, nil
		}
	}
	return "", errors.New("%c requires int or char")
}

// writeText cuts to the precision and pads with spaces to the width.
func (f *formatter) writeText(c conversion, s string) {
	if c.prec >= 0 {
		s = FirstRunes(s, c.prec)
	}
	pad := strings.Repeat(" ", max(0, c.width-utf8.RuneCountInString(s)))
	if c.flags&flagLeft != 0 {
		f.out.WriteString(s + pad)
	} else {
		f.out.WriteString(pad + s)
	}
}

// writeNumber puts sign and base prefix before zeros and after spaces.
func (f *formatter) writeNumber(c conversion, s string) {
	sign := ""
	switch {
	case strings.HasPrefix(s, "-"):
		sign, s = "-", s[1:]
	case c.flags&flagSign != 0:
		sign = "+"
	case c.flags&flagBlank != 0:
		sign = " "
	}
	if c.flags&flagAlt != 0 && strings.ContainsRune("oxX", c.verb) {
		sign, s = sign+s[:2], s[2:]
	}
	fill := max(0, c.width-len(sign)-len(s))
	switch {
	case c.flags&flagLeft != 0:
		f.out.WriteString(sign + s + strings.Repeat(" ", fill))
	case c.flags&flagZero != 0:
		f.out.WriteString(sign + strings.Repeat("0", fill) + s)
	default:
		f.out.WriteString(strings.Repeat(" ", fill) + sign + s)
	}
}

func integerText(c conversion, n int) string {
	base, prefix := 10, ""
	switch c.verb {
	case 'o':
		base, prefix = 8, "0o"
	case 'x':
		base, prefix = 16, "0x"
	case 'X':
		base, prefix = 16, "0X"
	}
	digits := big.NewInt(int64(n)).Text(base)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	digits = strings.Repeat("0", max(0, c.prec-len(digits))) + digits
	if c.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if c.flags&flagAlt != 0 {
		digits = prefix + digits
	}
	return sign + digits
}

func floatText(c conversion, x float64) string {
	prec := c.prec
	if prec < 0 {
		prec = 6
	}
	lowerVerb := c.verb | 0x20
	var s string
	switch lowerVerb {
	case 'e', 'f':
		s = strconv.FormatFloat(x, byte(lowerVerb), prec, 64)
		if prec == 0 && c.flags&flagAlt != 0 {
			mantissa, exponent, isExp := strings.Cut(s, "e")
			s = mantissa + "."
			if isExp {
				s += "e" + exponent
			}
		}
	default:
		s = generalText(x, max(prec, 1), c.flags&flagAlt != 0)
	}
	if c.verb != lowerVerb {
		s = strings.ToUpper(s)
	}
	return s
}

// generalText is C's %g: the exponent of the rounded number chooses the form.
func generalText(x float64, prec int, keepZeros bool) string {
	s := strconv.FormatFloat(x, 'e', prec-1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	exp, err := strconv.Atoi(exponent)
	if err != nil {
		exp = math.MaxInt // not a finite number, which no int becomes
	}
	if exp >= -4 && exp < prec {
		mantissa, exponent = strconv.FormatFloat(x, 'f', prec-1-exp, 64), ""
	} else {
		exponent = "e" + exponent
	}
	if keepZeros {
		if !strings.Contains(mantissa, ".") {
			mantissa += "."
		}
	} else if strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + exponent
}

// FirstRunes is the first n characters of s, as printf's precision cuts.
func FirstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
