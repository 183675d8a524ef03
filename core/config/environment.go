package config

import (
	"errors"
	"strings"
)

// keyValuePairs reads environment=: KEY=val,KEY2="val,2" (datatypes.py,
// dict_of_key_value_pairs). What stands where a comma should is not looked at,
// as in Supervisor. A name given twice keeps its first place and its last value.
func keyValuePairs(s string) ([]EnvVar, error) {
	lex := lexer{in: []rune(s)}
	var tokens []string
	for {
		t, ok, err := lex.token()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		tokens = append(tokens, t)
	}
	var pairs []EnvVar
	for i := 0; i < len(tokens); i += 4 {
		if i+3 > len(tokens) || tokens[i+1] != "=" {
			return nil, errors.New("Unexpected end of key/value pairs in value '" + s + "'") //nolint:staticcheck // Supervisor's words
		}
		pairs = setVar(pairs, tokens[i], tokens[i+2])
	}
	return pairs, nil
}

// setVar sets a variable in a list as in a Python dict.
func setVar(vars []EnvVar, name, value string) []EnvVar {
	for i := range vars {
		if vars[i].Name == name {
			vars[i].Value = value
			return vars
		}
	}
	return append(vars, EnvVar{name, value})
}

// lexer is Python's shlex.shlex(posix=True) with '/.+-():' among the characters of words.
type lexer struct {
	in     []rune
	pos    int
	pushed string // one character pushed back, "" for none
	ended  bool
}

// wordRune tells the characters of a word: ASCII letters, digits, _, the
// Latin-1 letters of shlex (not × and ÷), and those Supervisor adds.
func wordRune(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	case r >= 0xc0 && r <= 0xff:
		return r != 0xd7 && r != 0xf7
	}
	return strings.ContainsRune("_/.+-():", r)
}

func (l *lexer) next() (rune, bool) {
	if l.pos == len(l.in) {
		return 0, false
	}
	l.pos++
	return l.in[l.pos-1], true
}

func (l *lexer) skipLine() {
	for r, ok := l.next(); ok && r != '\n'; r, ok = l.next() {
	}
}

// States of the lexer between characters.
const (
	betweenWords = iota
	inWord
	inSingle
	inDouble
)

// token is the next token; false at the end.
func (l *lexer) token() (string, bool, error) {
	if l.pushed != "" {
		t := l.pushed
		l.pushed = ""
		return t, true, nil
	}
	if l.ended {
		return "", false, nil
	}
	var b strings.Builder
	state := betweenWords
	for {
		r, ok := l.next()
		switch {
		case state == inSingle || state == inDouble:
			if !ok {
				return "", false, errors.New("No closing quotation") //nolint:staticcheck // shlex's words
			}
			switch {
			case state == inSingle && r == '\'', state == inDouble && r == '"':
				state = inWord
			case state == inDouble && r == '\\':
				e, ok := l.next()
				if !ok {
					return "", false, errors.New("No escaped character") //nolint:staticcheck // shlex's words
				}
				if e != '"' && e != '\\' {
					b.WriteByte('\\')
				}
				b.WriteRune(e)
			default:
				b.WriteRune(r)
			}
		case !ok:
			l.ended = true
			return b.String(), state == inWord, nil
		case r == ' ' || r == '\t' || r == '\r' || r == '\n':
			if state == inWord {
				return b.String(), true, nil
			}
		case r == '#':
			l.skipLine()
			if state == inWord {
				return b.String(), true, nil
			}
		case r == '\\':
			e, ok := l.next()
			if !ok {
				return "", false, errors.New("No escaped character") //nolint:staticcheck // shlex's words
			}
			b.WriteRune(e)
			state = inWord
		case r == '\'' || r == '"':
			state = inDouble
			if r == '\'' {
				state = inSingle
			}
		case wordRune(r):
			b.WriteRune(r)
			state = inWord
		case state == betweenWords:
			return string(r), true, nil
		default:
			l.pushed = string(r)
			return b.String(), true, nil
		}
	}
}
