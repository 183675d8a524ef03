package pytext

import (
	"errors"
	"strings"
	"unicode/utf8"
)

// The errors of Split and Tokens, in the words of Python's shlex.
var (
	ErrNoClosingQuotation = errors.New("No closing quotation") //nolint:staticcheck // shown to users as Python words it
	ErrNoEscapedCharacter = errors.New("No escaped character") //nolint:staticcheck // shown to users as Python words it
)

// Split is shlex.split: a command line as its arguments. Blanks, tabs and line ends separate; single quotes keep
// everything; double quotes keep all but a backslash before a double quote or a backslash; elsewhere a backslash keeps
// the next character. '#' is an ordinary character, nothing is expanded. An empty or blank line has no arguments and
// no error.
func Split(line string) ([]string, error) {
	return all(lexer{in: line, isWord: func(rune) bool { return true }})
}

// Tokens is the list of what shlex.shlex(s, posix=True) reads, with more among the characters of words: words, which
// may have quoted parts, and other characters each alone. '#' begins a comment that ends with the line.
func Tokens(s, more string) ([]string, error) {
	return all(lexer{in: s, comments: true, isWord: func(r rune) bool { return isWord(r) || strings.ContainsRune(more, r) }})
}

// isWord reports whether shlex itself counts r among the characters of words in its POSIX mode: ASCII letters, digits,
// _ and the Latin-1 letters (not × and ÷).
func isWord(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_':
		return true
	case r >= 0xc0 && r <= 0xff:
		return r != 0xd7 && r != 0xf7
	}
	return false
}

func all(l lexer) ([]string, error) {
	var tokens []string
	for {
		switch t, ok, err := l.token(); {
		case err != nil:
			return nil, err
		case !ok:
			return tokens, nil
		default:
			tokens = append(tokens, t)
		}
	}
}

// lexer is Python's shlex.shlex with posix=True.
type lexer struct {
	in       string // what is left
	pushed   string // one character pushed back, "" for none
	isWord   func(rune) bool
	comments bool
}

// next returns the next character as its bytes, which need not be UTF-8; false at the end.
func (l *lexer) next() (r rune, as string, ok bool) {
	if l.in == "" {
		return 0, "", false
	}
	r, n := utf8.DecodeRuneInString(l.in)
	as, l.in = l.in[:n], l.in[n:]
	return r, as, true
}

func (l *lexer) skipLine() {
	for r, _, ok := l.next(); ok && r != '\n'; r, _, ok = l.next() {
	}
}

// token returns the next token; false at the end.
func (l *lexer) token() (string, bool, error) {
	if t := l.pushed; t != "" {
		l.pushed = ""
		return t, true, nil
	}
	var word strings.Builder
	within := false // a word, be it an empty one of quotes
	for {
		r, as, ok := l.next()
		switch {
		case !ok:
			return word.String(), within, nil
		case r == ' ' || r == '\t' || r == '\r' || r == '\n':
			if within {
				return word.String(), true, nil
			}
		case l.comments && r == '#':
			l.skipLine()
			if within {
				return word.String(), true, nil
			}
		case r == '\\':
			_, escaped, ok := l.next()
			if !ok {
				return "", false, ErrNoEscapedCharacter
			}
			word.WriteString(escaped)
			within = true
		case r == '\'' || r == '"':
			if err := l.quoted(&word, r); err != nil {
				return "", false, err
			}
			within = true
		case l.isWord(r):
			word.WriteString(as)
			within = true
		case !within:
			return as, true, nil
		default:
			l.pushed = as
			return word.String(), true, nil
		}
	}
}

// quoted reads up to the closing quote, which is mark.
func (l *lexer) quoted(word *strings.Builder, mark rune) error {
	for {
		r, as, ok := l.next()
		switch {
		case !ok:
			return ErrNoClosingQuotation
		case r == mark:
			return nil
		case r == '\\' && mark == '"':
			e, escaped, ok := l.next()
			if !ok {
				return ErrNoEscapedCharacter
			}
			if e != '"' && e != '\\' {
				word.WriteByte('\\')
			}
			word.WriteString(escaped)
		default:
			word.WriteString(as)
		}
	}
}
