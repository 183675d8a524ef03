package logs

import "bytes"

// escapeEnd reports whether c ends an escape sequence (ANSI_TERMINATORS of
// supervisor/dispatchers.py).
func escapeEnd(c byte) bool {
	switch c {
	case 'H', 'f', 'A', 'B', 'C', 'D', 'R', 's', 'u', 'J', 'K', 'h', 'l', 'p', 'm':
		return true
	}
	return false
}

const escape = 0x1b

// Stripper removes ANSI escapes as stripEscapes of supervisor/dispatchers.py does:
// from ESC [ up to the next of the letters HfABCDRsuJKhlpm, whatever is between.
// Unlike there a sequence may be cut between calls: the result is that of the
// bytes taken together. The zero value is ready.
type Stripper struct {
	esc    bool // the last byte was an ESC, held back
	inside bool // in a sequence
	out    []byte
}

// Strip returns b without escapes. The result is b itself, or valid until the next
// call.
func (s *Stripper) Strip(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	if !s.esc && !s.inside {
		i := bytes.IndexByte(b, escape)
		if i < 0 {
			return b
		}
	}
	s.out = s.out[:0]
	if s.esc {
		s.esc = false
		if b[0] == '[' {
			s.inside = true
		} else {
			s.out = append(s.out, escape)
		}
	}
	for len(b) > 0 {
		if s.inside {
			i := 0
			for i < len(b) && !escapeEnd(b[i]) {
				i++
			}
			if i == len(b) {
				return s.out
			}
			s.inside = false
			b = b[i+1:]
			continue
		}
		i := bytes.IndexByte(b, escape)
		switch {
		case i < 0:
			return append(s.out, b...)
		case i == len(b)-1:
			s.out = append(s.out, b[:i]...)
			s.esc = true
			return s.out
		case b[i+1] == '[':
			s.out = append(s.out, b[:i]...)
			s.inside = true
			b = b[i+2:]
		default:
			s.out = append(s.out, b[:i+1]...)
			b = b[i+1:]
		}
	}
	return s.out
}

// Flush ends the input: it returns an ESC that was held back and drops an
// unfinished sequence.
func (s *Stripper) Flush() []byte {
	held := s.esc
	s.esc, s.inside = false, false
	if held {
		return []byte{escape}
	}
	return nil
}
