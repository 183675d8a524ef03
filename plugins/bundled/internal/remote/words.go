package remote

import (
	"bytes"
	"strings"
	"unicode"
)

// maxWords is how much of an answer an error quotes, in bytes.
const maxWords = 200

// Words is the begin of an answer for an error, ": " before it; "" where it has none that a person would read.
func Words(body []byte) string {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] == '<' { // a page
		return ""
	}
	cut := len(body) > maxWords
	if cut {
		body = body[:maxWords]
	}
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(string(body), ""))
	if cut {
		text += " …"
	}
	return ": " + text
}

// Said keeps the begin of what a command prints, and takes the rest.
type Said struct{ b bytes.Buffer }

// maxSaid is how much is kept, in bytes: more than Words quotes, since it may begin with blanks.
const maxSaid = 4 << 10

// Write implements io.Writer.
func (s *Said) Write(p []byte) (int, error) {
	s.b.Write(p[:min(len(p), maxSaid-s.b.Len())])
	return len(p), nil
}

// Words is the begin of it for an error, as of an answer.
func (s *Said) Words() string { return Words(s.b.Bytes()) }
