// Package pytext writes and reads text as Python does, to the letter: Supervisor's messages, command lines and
// configuration files are made of Python's repr, str, %-formatting, shlex and getopt, and scripts match what comes out.
// Every package may import it; it imports only the standard library.
package pytext

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote returns repr(s): in single quotes, unless there is one inside and no double one.
// Bytes that are not UTF-8 come out as the surrogates that Python reads them as.
func Quote(s string) string { return quote(s, false) }

// QuoteASCII returns ascii(s): Quote with everything beyond ASCII escaped.
func QuoteASCII(s string) string { return quote(s, true) }

// QuoteList returns repr of a list of strings.
func QuoteList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func quote(s string, onlyASCII bool) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.Grow(len(s) + 2)
	b.WriteByte(q)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			// A byte that is not UTF-8 reaches Python as a lone surrogate.
			fmt.Fprintf(&b, `\udc%02x`, s[i])
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x7f || (!onlyASCII && unicode.IsPrint(r)):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	b.WriteByte(q)
	return b.String()
}

// AppendBytes appends repr of a bytes object, b'...': Supervisor shows data that is not UTF-8 in this form, in payloads
// and in its log.
func AppendBytes(dst, data []byte) []byte {
	const hex = "0123456789abcdef"
	quote := byte('\'')
	for _, c := range data {
		if c == '"' {
			quote = '\''
			break
		}
		if c == '\'' {
			quote = '"'
		}
	}
	dst = append(dst, 'b', quote)
	for _, c := range data {
		switch {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < ' ' || c >= 0x7f:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}
