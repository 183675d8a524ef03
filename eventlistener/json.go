package eventlistener

import (
	"strconv"
	"unicode/utf8"
)

// timeLayout is RFC 3339 in UTC with milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// appendJSON writes the event as one JSON object. Its keys are those of
// Supervisor's payloads, with eventname, seq and time in front.
func (e *Event) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"eventname":`...)
	dst = AppendJSONString(dst, e.typ.String())
	dst = append(dst, `,"seq":`...)
	dst = strconv.AppendUint(dst, e.seq, 10)
	dst = append(dst, `,"time":"`...)
	dst = e.time.UTC().AppendFormat(dst, timeLayout)
	dst = append(dst, '"')
	r := &rows[e.typ]
	for _, f := range membersOf[e.typ] {
		if f.has == nil || f.has(e) {
			dst = f.appendMember(dst, e)
		}
	}
	if r.body != nil && r.body.appendMember != nil {
		dst = r.body.appendMember(dst, e)
	}
	return append(dst, '}')
}

// appendKey appends a comma, a member's key and a colon.
func appendKey(dst []byte, key string) []byte {
	return append(append(append(dst, `,"`...), key...), `":`...)
}

// AppendJSONString appends s as a JSON string. Bytes that are not UTF-8 become
// U+FFFD.
func AppendJSONString(dst []byte, s string) []byte { return appendJSON(dst, s) }

func appendJSON[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\t':
				dst = append(dst, '\\', 't')
			case '\r':
				dst = append(dst, '\\', 'r')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		// The two separators end a line in JavaScript, which JSON allows unescaped.
		if r == utf8.RuneError && n == 1 || r == '\u2028' || r == '\u2029' {
			dst = append(dst, s[start:i]...)
			if n == 1 {
				dst = append(dst, "\uFFFD"...)
			} else {
				dst = append(dst, '\\', 'u', '2', '0', '2', hex[r&15])
			}
			start = i + n
		}
		i += n
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
