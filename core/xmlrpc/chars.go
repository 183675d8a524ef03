package xmlrpc

import "unicode/utf8"

// class reports which bytes of character data need a second look: when decoding,
// markup, line ends and what may be a forbidden character; when encoding, also
// what must be escaped. It is never written to.
var class = func() (t [256]byte) {
	for c := range 0x20 {
		t[c] = 1
	}
	t['\t'], t['\n'] = 0, 0
	for c := utf8.RuneSelf; c < 256; c++ {
		t[c] = 2
	}
	t['&'], t['<'], t['>'], t[']'], t['\r'] = 3, 3, 3, 3, 3
	return t
}()

// legalRune reports whether XML 1.0 allows r in a document.
func legalRune(r rune) bool {
	switch {
	case r < 0x20:
		return r == '\t' || r == '\n' || r == '\r'
	case r >= 0xD800 && r <= 0xDFFF:
		return false
	}
	return r != 0xFFFE && r != 0xFFFF && r <= utf8.MaxRune
}

// legalAt is legalRune for the character that begins at b[i]; continuation
// bytes count as legal, as b is known to be valid UTF-8.
func legalAt(b []byte, i int) bool {
	switch c := b[i]; {
	case c < 0x20:
		return legalRune(rune(c))
	case c == 0xEF && len(b)-i > 2:
		return b[i+1] != 0xBF || b[i+2] < 0xBE
	}
	return true
}

func legal(b []byte) bool {
	for i := range b {
		if !legalAt(b, i) {
			return false
		}
	}
	return true
}
