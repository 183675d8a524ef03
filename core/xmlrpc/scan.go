package xmlrpc

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// maxOpen: how many elements may be open at once. A value needs three elements
// a level (value, array, data; value, struct, member); the rest is the envelope.
const maxOpen = 3*MaxDepth + 8

// SyntaxError is a document that isn't XML, or isn't XML-RPC, or exceeds a limit.
type SyntaxError struct {
	Offset  int // bytes from the start of the document
	Message string
}

// Error says what is wrong and where.
func (e *SyntaxError) Error() string {
	return "cannot decode XML-RPC: " + e.Message + " at byte " + strconv.Itoa(e.Offset)
}

type token int

const (
	tokenEnd   token = iota // an end tag, or the second half of <name/>
	tokenStart              // a start tag
	tokenEOF                // the end of the document, after the root's end
)

// scanner cuts a document into tags. next moves to the next one; text is then
// all character data between the tag before and this one, with references
// resolved, CDATA sections joined in, and comments and processing instructions
// left out. name and text are good until the next call.
type scanner struct {
	src      []byte
	pos      int
	name     []byte
	text     []byte
	scratch  []byte
	open     [][]byte
	selfEnd  bool // the last start tag was <name/>: its end comes next
	rootDone bool
	left     int // how many more elements may come
}

func (s *scanner) fail(message string) error {
	return &SyntaxError{Offset: s.pos, Message: message}
}

func (s *scanner) next() (token, error) {
	s.text = nil
	if s.selfEnd {
		s.selfEnd = false
		return tokenEnd, s.pop()
	}
	s.scratch = s.scratch[:0]
	for {
		if err := s.run(); err != nil {
			return 0, err
		}
		if s.pos == len(s.src) {
			if !s.rootDone {
				return 0, s.fail("unexpected end")
			}
			return tokenEOF, nil
		}
		rest := s.src[s.pos:]
		switch {
		case len(rest) > 1 && rest[1] == '/':
			return tokenEnd, s.endTag()
		case len(rest) > 1 && rest[1] == '?':
			if err := s.skipTo(2, "?>", "unfinished processing instruction"); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(rest, []byte("<!--")):
			if err := s.comment(); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			if err := s.cdata(); err != nil {
				return 0, err
			}
		case bytes.HasPrefix(rest, []byte("<!DOCTYPE")):
			if err := s.doctype(); err != nil {
				return 0, err
			}
		default:
			return tokenStart, s.startTag()
		}
	}
}

// run takes character data up to the next '<' or the end.
func (s *scanner) run() error {
	rest := s.src[s.pos:]
	n := bytes.IndexByte(rest, '<')
	if n < 0 {
		n = len(rest)
	}
	rest = rest[:n]
	if len(s.open) == 0 {
		for i, c := range rest {
			if !isSpace(c) {
				s.pos += i
				return s.fail("text outside the root element")
			}
		}
		s.pos += n
		return nil
	}
	plain := true
	for i, c := range rest {
		if class[c] == 0 {
			continue
		}
		switch {
		case c == '&' || c == '\r':
			plain = false
		case c == ']' && bytes.HasPrefix(rest[i:], []byte("]]>")), c != ']' && !legalAt(rest, i):
			s.pos += i
			return s.fail("invalid character data")
		}
	}
	if plain {
		s.pos += n
		s.add(rest)
		return nil
	}
	end := s.pos + n
	s.join()
	for s.pos < end {
		switch c := s.src[s.pos]; c {
		case '&':
			if err := s.reference(end); err != nil {
				return err
			}
		case '\r':
			s.newline(end)
		default:
			s.scratch = append(s.scratch, c)
			s.pos++
		}
	}
	s.text = s.scratch
	return nil
}

// add appends bytes of the document to the text; a first piece isn't copied.
func (s *scanner) add(b []byte) {
	switch {
	case len(b) == 0:
	case len(s.text) == 0:
		s.text = b
	default:
		s.join()
		s.scratch = append(s.scratch, b...)
		s.text = s.scratch
	}
}

// join moves the text so far into scratch, where more can be appended.
func (s *scanner) join() {
	if len(s.scratch) == 0 {
		s.scratch = append(s.scratch, s.text...)
	}
}

// newline turns "\r\n" and a lone "\r" into "\n" (XML 1.0, 2.11).
func (s *scanner) newline(end int) {
	s.scratch = append(s.scratch, '\n')
	s.pos++
	if s.pos < end && s.src[s.pos] == '\n' {
		s.pos++
	}
}

// reference resolves one of the five predefined entities or a character
// reference. No other entity can exist, as no DTD that declares one is accepted.
func (s *scanner) reference(end int) error {
	rest := s.src[s.pos:end]
	n := bytes.IndexByte(rest[:min(len(rest), 12)], ';')
	if n < 2 {
		return s.fail("invalid reference")
	}
	r := rune(-1)
	switch name := string(rest[1:n]); {
	case name == "lt":
		r = '<'
	case name == "gt":
		r = '>'
	case name == "amp":
		r = '&'
	case name == "quot":
		r = '"'
	case name == "apos":
		r = '\''
	case name[0] == '#':
		digits, base := name[1:], 10
		if len(digits) > 0 && digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if u, err := strconv.ParseUint(digits, base, 31); err == nil && legalRune(rune(u)) {
			r = rune(u)
		}
	}
	if r < 0 {
		return s.fail("invalid reference")
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	s.pos += n + 1
	return nil
}

func (s *scanner) skipTo(from int, mark, unfinished string) error {
	n := bytes.Index(s.src[s.pos+from:], []byte(mark))
	if n < 0 {
		return s.fail(unfinished)
	}
	if !legal(s.src[s.pos+from : s.pos+from+n]) {
		return s.fail("invalid character")
	}
	s.pos += from + n + len(mark)
	return nil
}

func (s *scanner) comment() error {
	start := s.pos
	if err := s.skipTo(4, "--", "unfinished comment"); err != nil {
		return err
	}
	if s.pos == len(s.src) || s.src[s.pos] != '>' {
		s.pos = start
		return s.fail("invalid comment")
	}
	s.pos++
	return nil
}

func (s *scanner) cdata() error {
	if len(s.open) == 0 {
		return s.fail("text outside the root element")
	}
	const prefix, mark = len("<![CDATA["), "]]>"
	start := s.pos + prefix
	if err := s.skipTo(prefix, mark, "unfinished CDATA section"); err != nil {
		return err
	}
	after := s.pos
	s.join()
	for s.pos = start; s.pos < after-len(mark); {
		if c := s.src[s.pos]; c == '\r' {
			s.newline(after - len(mark))
		} else {
			s.scratch = append(s.scratch, c)
			s.pos++
		}
	}
	s.pos = after
	s.text = s.scratch
	return nil
}

// doctype skips a document type without an internal subset, the only place
// that could declare entities. What it points to is never fetched.
func (s *scanner) doctype() error {
	if len(s.open) > 0 || s.rootDone {
		return s.fail("misplaced document type")
	}
	quote := byte(0)
	for i := s.pos; i < len(s.src); i++ {
		switch c := s.src[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '<' && i > s.pos:
			return s.fail("document type with declarations")
		case c == '>':
			s.pos = i + 1
			return nil
		}
	}
	return s.fail("unfinished document type")
}

func (s *scanner) startTag() error {
	if s.rootDone {
		return s.fail("second root element")
	}
	if s.left--; s.left < 0 {
		return s.fail("too many elements")
	}
	if len(s.open) == maxOpen {
		return s.fail("elements nested too deeply")
	}
	s.pos++
	name := s.takeName()
	if len(name) == 0 {
		return s.fail("invalid tag")
	}
	for {
		spaced := s.skipSpace()
		if s.pos == len(s.src) {
			return s.fail("unfinished tag")
		}
		switch c := s.src[s.pos]; {
		case c == '>':
			s.pos++
		case c == '/' && s.pos+1 < len(s.src) && s.src[s.pos+1] == '>':
			s.pos += 2
			s.selfEnd = true
		case !spaced:
			return s.fail("invalid tag")
		default:
			if err := s.attribute(); err != nil {
				return err
			}
			continue
		}
		s.name = name
		s.open = append(s.open, name)
		return nil
	}
}

// attribute skips one attribute: XML-RPC has none, but XML allows them.
func (s *scanner) attribute() error {
	if len(s.takeName()) == 0 {
		return s.fail("invalid attribute")
	}
	s.skipSpace()
	if s.pos == len(s.src) || s.src[s.pos] != '=' {
		return s.fail("invalid attribute")
	}
	s.pos++
	s.skipSpace()
	if s.pos == len(s.src) || s.src[s.pos] != '"' && s.src[s.pos] != '\'' {
		return s.fail("invalid attribute")
	}
	quote := s.src[s.pos]
	s.pos++
	n := bytes.IndexByte(s.src[s.pos:], quote)
	if n < 0 {
		return s.fail("unfinished attribute")
	}
	end, kept := s.pos+n, len(s.scratch)
	if value := s.src[s.pos:end]; bytes.IndexByte(value, '<') >= 0 || !legal(value) {
		return s.fail("invalid attribute")
	}
	for s.pos < end {
		if s.src[s.pos] != '&' {
			s.pos++
		} else if err := s.reference(end); err != nil {
			return err
		}
	}
	s.scratch = s.scratch[:kept] // the value itself is of no interest
	s.pos++
	return nil
}

func (s *scanner) endTag() error {
	s.pos += 2
	name := s.takeName()
	s.skipSpace()
	if s.pos == len(s.src) || s.src[s.pos] != '>' {
		return s.fail("invalid end tag")
	}
	if len(s.open) == 0 || !bytes.Equal(name, s.open[len(s.open)-1]) {
		return s.fail("mismatched end tag")
	}
	s.pos++
	return s.pop()
}

func (s *scanner) pop() error {
	s.name = s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.rootDone = len(s.open) == 0
	return nil
}

func (s *scanner) takeName() []byte {
	start := s.pos
	for s.pos < len(s.src) && isName(s.src[s.pos], s.pos > start) {
		s.pos++
	}
	return s.src[start:s.pos]
}

func (s *scanner) skipSpace() bool {
	start := s.pos
	for s.pos < len(s.src) && isSpace(s.src[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isName(c byte, inside bool) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c == ':', c >= utf8.RuneSelf:
		return true
	case c >= '0' && c <= '9', c == '-', c == '.':
		return inside
	}
	return false
}
