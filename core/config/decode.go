package config

import (
	"fmt"
	"unicode/utf8"
)

// readAhead is how much of a text file Python decodes at a time (bytes); the
// position in its decoding error counts from there.
const readAhead = 8192

// decodeError is a file that is not UTF-8.
type decodeError struct {
	offset int    // of the first bad byte in the file
	known  int    // bytes that Python had decoded and read lines from before it
	words  string // Python's message
}

// checkUTF8 finds the first bytes that are not UTF-8, nil when there are none.
// The message is that of Python's incremental decoder: Supervisor prints it.
func checkUTF8(data []byte) *decodeError {
	if utf8.Valid(data) {
		return nil
	}
	start := 0 // of what the decoder has not yet turned into text
	for end := 0; ; {
		final := end == len(data)
		known := end
		end = min(end+readAhead, len(data))
		buf := data[start:end]
		for i := 0; i < len(buf); {
			if utf8.FullRune(buf[i:]) {
				r, n := utf8.DecodeRune(buf[i:])
				if r != utf8.RuneError || n > 1 {
					i += n
					continue
				}
				bad, reason := badSequence(buf[i:])
				return &decodeError{start + i, known, decodeWords(buf, i, bad, reason)}
			}
			if final {
				return &decodeError{start + i, known, decodeWords(buf, i, len(buf)-i, "unexpected end of data")}
			}
			buf = buf[:i]
		}
		start += len(buf)
		if final {
			return nil
		}
	}
}

// badSequence reports how many of the bytes in front Python calls bad, and why.
func badSequence(b []byte) (int, string) {
	lead := b[0]
	if lead < 0xc2 || lead > 0xf4 {
		return 1, "invalid start byte"
	}
	n := 1
	for n < len(b) && n < 4 && !utf8.RuneStart(b[n]) {
		// The first continuation byte has a narrower range after some leads.
		if n == 1 && (lead == 0xe0 && b[1] < 0xa0 || lead == 0xed && b[1] > 0x9f ||
			lead == 0xf0 && b[1] < 0x90 || lead == 0xf4 && b[1] > 0x8f) {
			break
		}
		n++
	}
	return n, "invalid continuation byte"
}

func decodeWords(buf []byte, at, n int, reason string) string {
	if n == 1 {
		return fmt.Sprintf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", buf[at], at, reason)
	}
	return fmt.Sprintf("'utf-8' codec can't decode bytes in position %d-%d: %s", at, at+n-1, reason)
}
