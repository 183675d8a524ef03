package journald

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"
)

// appendField appends a field in the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL): NAME=value and a line feed,
// or, if the value is not plain text of one line, NAME, a line feed, its length in 64 bits little-endian, the value, a line feed.
func appendField(b []byte, name, value string) []byte {
	b = append(b, name...)
	if isPlain(value) {
		b = append(b, '=')
	} else {
		b = append(b, '\n')
		b = binary.LittleEndian.AppendUint64(b, uint64(len(value)))
	}
	b = append(b, value...)
	return append(b, '\n')
}

func appendNumber(b []byte, name string, n int64) []byte {
	b = append(b, name...)
	b = append(b, '=')
	b = strconv.AppendInt(b, n, 10)
	return append(b, '\n')
}

// isPlain reports whether a value is UTF-8 without control characters except tabs, as in the journal's export form.
func isPlain(value string) bool {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' {
			return false
		}
	}
	return utf8.ValidString(value)
}
