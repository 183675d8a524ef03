package wire

import "strings"

// MaxText bounds a text of a plugin that people read, in bytes.
const MaxText = 4 << 10

// OneLine makes a text fit to be shown in a list.
func OneLine(s string) string {
	return CleanText(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return IsControl(r) || r == ' ' }), " "))
}

// IsControl reports whether a character is one that moves a terminal's cursor or worse.
func IsControl(r rune) bool { return r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) }

// CleanText makes a text UTF-8 and at most MaxText long.
func CleanText(s string) string {
	s = ValidText(s)
	if len(s) > MaxText {
		s = strings.ToValidUTF8(s[:MaxText], "") + " …"
	}
	return s
}

// ValidText makes a text UTF-8, as protobuf demands; names of processes need not be.
func ValidText(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
