package logs

import "unicode/utf8"

// whole gives b from start on, without the rest of a UTF-8 character that begins
// before start and without the begin of one that b does not end. Bytes that are no
// UTF-8 for another reason stay.
func whole(b []byte, start int) []byte {
	for i := start - 1; i >= 0 && start < len(b); i-- {
		if !utf8.RuneStart(b[i]) {
			continue
		}
		switch r, size := utf8.DecodeRune(b[i:]); {
		case (r != utf8.RuneError || size > 1) && i+size > start:
			start = i + size
		case !utf8.FullRune(b[i:]):
			start = len(b) // a piece of one character
		}
		break
	}
	b = b[start:]
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				return b[:i]
			}
			break
		}
	}
	return b
}
