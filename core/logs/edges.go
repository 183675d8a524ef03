package logs

// The edges of slices: UTF-8 characters that are cut there are omitted. Bytes that are not UTF-8 for another reason stay.

import "unicode/utf8"

// firstWhole is where, from start on, the first character begins that does not begin
// before start. It depends on the three bytes before start and the four after it.
func firstWhole(b []byte, start int) int {
	for i := start - 1; i >= 0 && start < len(b); i-- {
		if !utf8.RuneStart(b[i]) {
			continue
		}
		switch r, size := utf8.DecodeRune(b[i:]); {
		case (r != utf8.RuneError || size > 1) && i+size > start:
			return i + size
		case !utf8.FullRune(b[i:]):
			return len(b) // a piece of one character
		}
		break
	}
	return start
}

// lastWhole is the length of b without the begin of a character that b does not
// end. It depends on the last four bytes.
func lastWhole(b []byte) int {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return i
			}
			break
		}
	}
	return len(b)
}
