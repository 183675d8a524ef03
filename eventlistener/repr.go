package eventlistener

import "unicode/utf8"

// AppendRepr appends data as Python 3 prints bytes (b'...'). Supervisor shows data that is not UTF-8 in this form, in
// payloads and in its log.
func AppendRepr(dst, data []byte) []byte {
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

// appendText appends data if it is UTF-8, otherwise Supervisor's stand-in for
// what cannot be decoded.
func appendText(dst, data []byte) []byte {
	if utf8.Valid(data) {
		return append(dst, data...)
	}
	return AppendRepr(append(dst, "Undecodable: "...), data)
}
