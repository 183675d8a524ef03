package rpc

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
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

// display shows an argument in a fault's string as Python's str() would.
func display(v any) string { return pytext.Printer{Max: maxDisplayed}.Str(v) }

// maxDisplayed bounds how much of an array or struct a fault quotes, in bytes: a fault is not a place for a large argument.
const maxDisplayed = 4096
