package cache

import (
	"strings"
	"time"
	"unicode/utf8"
)

// The approximate memory of an item in addition to its text, in bytes.
const (
	itemSize  = 128 // the item with its places in the map and the list
	valueSize = 16  // a value
)

// sizeOf is about what a value takes in memory.
func sizeOf(v any) int64 {
	size := int64(valueSize)
	switch v := v.(type) {
	case string:
		size += int64(len(v))
	case []byte:
		size += int64(len(v))
	case time.Time:
		size += valueSize
	case []any:
		for _, e := range v {
			size += sizeOf(e)
		}
	case map[string]any:
		for name, e := range v {
			size += 2*valueSize + int64(len(name)) + sizeOf(e)
		}
	}
	return size
}

// asText makes strings of what came as base64 and is text, in arrays and structs too: Supervisor does so before a method sees
// it (supervisor/xmlrpc.py, loads). What is not text stays base64 here; there it ends in an HTTP status 500.
func asText(v any) any {
	switch v := v.(type) {
	case []byte:
		if isText(v) {
			return string(v)
		}
	case []any:
		for i := range v {
			v[i] = asText(v[i])
		}
	case map[string]any:
		for name, e := range v {
			v[name] = asText(e)
		}
	}
	return v
}

// isText reports whether bytes can be a string of XML.
func isText(b []byte) bool {
	return utf8.Valid(b) && strings.IndexFunc(string(b), func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}) < 0
}
