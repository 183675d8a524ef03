package config

import (
	"strings"
	"unicode"
)

// isSpace is Python's str.isspace for one character, which counts the four
// information separators that unicode.IsSpace leaves out.
func isSpace(r rune) bool { return unicode.IsSpace(r) || (r >= 0x1c && r <= 0x1f) }

// strip is Python's str.strip.
func strip(s string) string { return strings.TrimFunc(s, isSpace) }

// lower is Python's str.lower: Go's, except for the two letters whose lower case
// depends on more than the letter.
func lower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	runes := []rune(s)
	var b strings.Builder
	for i, r := range runes {
		switch {
		case r == 'İ':
			b.WriteString("i\u0307")
		case r == 'Σ' && endsWord(runes, i):
			b.WriteRune('ς')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// endsWord reports whether the sigma at i is a final one: a letter before it and
// none after it, accents and apostrophes passed over.
func endsWord(runes []rune, i int) bool {
	before, after := false, false
	for j := i - 1; j >= 0; j-- {
		if !ignoresCase(runes[j]) {
			before = hasCase(runes[j])
			break
		}
	}
	for j := i + 1; j < len(runes); j++ {
		if !ignoresCase(runes[j]) {
			after = hasCase(runes[j])
			break
		}
	}
	return before && !after
}

func hasCase(r rune) bool {
	return unicode.In(r, unicode.Lu, unicode.Ll, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func ignoresCase(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) || strings.ContainsRune("'.:·’‧․", r)
}
