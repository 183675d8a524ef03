package rpc

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/core/pyrepr"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// text takes a string argument. Base64 counts as one where it is text, as in
// Supervisor.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), utf8.Valid(v)
	}
	return "", false
}

// number takes an argument that Supervisor passes through int(): an integer, a
// boolean, a double (cut off) or a string of digits.
func number(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		if v > -1<<62 && v < 1<<62 {
			return int64(v), true
		}
	case string, []byte:
		s, _ := text(v)
		s = strings.TrimSpace(s)
		if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") {
			return 0, false
		}
		n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// truth is Python's: everything is true but nil, false, zero and the empty.
func truth(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case []byte:
		return len(v) > 0
	case []any:
		return len(v) > 0
	case xmlrpc.Struct:
		return len(v) > 0
	}
	return true
}

// waits is the optional wait argument at index i; its default is true.
func waits(args []any, i int) bool { return len(args) <= i || truth(args[i]) }

// display shows an argument in a fault's string as Python's str() would.
func display(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case nil:
		return "None"
	case int:
		return strconv.Itoa(v)
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		s := strconv.FormatFloat(v, 'g', 17, 64)
		if short := strconv.FormatFloat(v, 'f', -1, 64); len(short) <= len(s) {
			s = short
		}
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case []any:
		return "[" + joined(len(v), func(i int) string { return repr(v[i]) }) + "]"
	case xmlrpc.Struct:
		return "{" + joined(len(v), func(i int) string { return pyrepr.String(v[i].Name) + ": " + repr(v[i].Value) }) + "}"
	}
	return fmt.Sprint(v) // a date, whose text in Supervisor is the address of an object
}

// repr is Python's repr(): of text in quotes, of all else as display.
func repr(v any) string {
	if s, ok := v.(string); ok {
		return pyrepr.String(s)
	}
	return display(v)
}

// joined is the n elements, separated by commas as in Python. It shows the first
// maxDisplayed bytes of them: a fault is no place for a large argument.
func joined(n int, element func(i int) string) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.WriteString(element(i)); b.Len() > maxDisplayed {
			return b.String()[:maxDisplayed] + "..."
		}
	}
	return b.String()
}

// maxDisplayed bounds how much of an array or struct a fault quotes, in bytes.
const maxDisplayed = 4096

// quote shows a string as Python's repr() does.
func quote(s string) string {
	mark := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		mark = '"'
	}
	b := []byte{mark}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, r < ' ', r == 0x7f:
			switch c := s[i]; c {
			case '\n':
				b = append(b, `\n`...)
			case '\r':
				b = append(b, `\r`...)
			case '\t':
				b = append(b, `\t`...)
			default:
				const hex = "0123456789abcdef"
				b = append(b, '\\', 'x', hex[c>>4], hex[c&15])
			}
		case r == rune(mark), r == '\\':
			b = append(b, '\\', byte(r))
		default:
			b = append(b, s[i:i+size]...)
		}
		i += size
	}
	return string(append(b, mark))
}
