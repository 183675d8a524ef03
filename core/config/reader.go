package config

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// maxFileSize bounds one configuration file (bytes). Python reads files of any
// size; no real configuration is this large, and a path to /dev/zero must not use up the memory.
const maxFileSize = 16 << 20

// badLine is a line that is neither a header nor a setting nor a continuation.
type badLine struct {
	line int
	text string // with its newline, as Python quotes it
	hide bool   // it may be a part of a secret
}

// syntaxError is everything wrong with the form of one file.
type syntaxError struct {
	file  string
	bad   []badLine // lines passed over; the rest of the file was read
	fatal *Issue    // why reading stopped, nil if it did not
}

// Parse reads one file's text into the document as Python's
// RawConfigParser(inline_comment_prefixes=(';','#'), strict=False) does, over
// what is already there. name is the file's name in positions and errors. The
// error is an Errors.
//
// Keys of an ill-formed file are in the document as far as they could be read.
func (d *Document) Parse(name string, data []byte) error {
	if e := d.parse(name, data); e != nil {
		return e.issues()
	}
	return nil
}

// NewDocument is a document without sections, for Parse to fill.
func NewDocument() *Document { return newDocument() }

// readLimited reads a whole file up to the bound.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileSize {
		return nil, &os.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d MB", maxFileSize>>20)}
	}
	return data, nil
}

func (d *Document) parse(name string, data []byte) *syntaxError {
	if bad := checkUTF8(data); bad != nil {
		// Python reads lines while it decodes, so a file that does not begin
		// with a section is refused for that if the line came first.
		known := data[:bad.known]
		known = known[:bytes.LastIndexAny(known, "\r\n")+1]
		if utf8.Valid(known) {
			if e := newDocument().parse(name, known); e != nil && e.fatal != nil {
				return e
			}
		}
		line := 1 + strings.Count(unixNewlines(string(data[:bad.offset])), "\n")
		return &syntaxError{file: name, fatal: &Issue{
			File: name, Line: line,
			Text:       "cannot read the file as UTF-8: " + strings.TrimPrefix(bad.words, "'utf-8' codec can't decode "),
			Supervisor: bad.words,
		}}
	}
	p := parser{doc: d, file: name, err: syntaxError{file: name}}
	text := unixNewlines(string(data))
	for text != "" && p.err.fatal == nil {
		p.line++
		end := strings.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		p.feed(text[:end])
		text = text[end:]
	}
	p.flush()
	if p.err.fatal != nil || p.err.bad != nil {
		return &p.err
	}
	return nil
}

// unixNewlines is Python's universal newlines.
func unixNewlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// parser is the state of RawConfigParser._read.
type parser struct {
	doc  *Document
	file string
	line int

	cur    *section
	option string // "" when no value can be continued
	at     Position
	value  []string
	indent int // of the last header or key, in characters

	err syntaxError
}

func (p *parser) feed(line string) {
	comment := commentStart(line)
	value := line
	if comment >= 0 {
		value = line[:comment]
	}
	value = strip(value)
	if value == "" {
		// An empty line belongs to the value around it, a comment line does not.
		if comment < 0 && p.option != "" {
			p.value = append(p.value, "")
		}
		return
	}
	indent := indentOf(line)
	if p.option != "" && indent > p.indent {
		p.value = append(p.value, value)
		return
	}
	p.indent = indent
	if header, ok := headerName(value); ok {
		p.flush()
		p.cur = p.openSection(header)
		return
	}
	if p.cur == nil {
		p.missingHeader(line)
		return
	}
	d := strings.IndexAny(value, "=:")
	if d <= 0 {
		p.err.bad = append(p.err.bad, badLine{p.line, line, p.mayBeSecret()})
		if d == 0 {
			p.flush() // Python continues with a key without a name, which nothing continues
		}
		return
	}
	p.flush()
	p.option = lower(strings.TrimRightFunc(value[:d], isSpace))
	p.at = Position{p.file, p.line}
	p.value = append(p.value, strip(value[d+1:]))
}

// flush stores the value gathered so far.
func (p *parser) flush() {
	if p.option == "" {
		return
	}
	joined := strings.TrimRightFunc(strings.Join(p.value, "\n"), isSpace)
	if err := p.cur.set(p.option, joined, p.at); err != nil {
		p.refuse(err)
	}
	p.option, p.value = "", p.value[:0]
}

func (p *parser) openSection(name string) *section {
	s, err := p.doc.open(name, Position{p.file, p.line})
	if err != nil {
		p.refuse(err)
	}
	return s
}

// refuse stops at what ini.File does not take, which no file has shown yet.
func (p *parser) refuse(err error) {
	text := "cannot keep this line: " + err.Error()
	p.err.fatal = &Issue{File: p.file, Line: p.line, Text: text, Supervisor: text}
}

func (p *parser) missingHeader(line string) {
	text := fmt.Sprintf("cannot place %s: there is no section before it; accepted: a [section] line first", showLine(line))
	if strings.HasPrefix(line, "\ufeff") {
		text = "the file begins with a byte order mark (BOM); accepted: UTF-8 without one"
	}
	p.err.fatal = &Issue{
		File: p.file, Line: p.line, Text: text,
		Supervisor: fmt.Sprintf("File contains no section headers.\nfile: %s, line: %d\n%s", pytext.Quote(p.file), p.line, showLine(line)),
	}
}

// issues turns the bad lines into issues; the first carries Supervisor's
// message, which lists them all.
func (e *syntaxError) issues() Errors {
	var all Errors
	said := "Source contains parsing errors: " + pytext.Quote(e.file)
	for _, b := range e.bad {
		said += fmt.Sprintf("\n\t[line %2d]: %s", b.line, b.show())
	}
	for _, b := range e.bad {
		all = append(all, Issue{
			File: e.file, Line: b.line, Supervisor: said,
			Text: fmt.Sprintf("cannot read %s; accepted: [section], key=value, a comment or an indented continuation", b.show()),
		})
	}
	if e.fatal != nil {
		// Python raises this at once and discards the lines it had collected.
		all = append(Errors{*e.fatal}, all...)
	}
	return all
}

// mayBeSecret reports whether a line that cannot be parsed may continue a value that must not be shown: the section has such a key, and
// a line of its value is not indented.
func (p *parser) mayBeSecret() bool {
	s := schemaOf(Schema(), p.cur.name)
	return s != nil && s.Open || slices.ContainsFunc(append([]string{p.option}, p.cur.order...), func(key string) bool {
		f := s.Field(key)
		return f != nil && f.Unquoted() || soundsSecret(key)
	})
}

func (b badLine) show() string {
	if b.hide {
		return masked
	}
	return showLine(b.text)
}

// showLine quotes a line as Python does, unless it may hold a secret.
func showLine(line string) string {
	if soundsSecret(line) {
		return masked
	}
	return pytext.Quote(line)
}

// headerName matches \[(.+)\] at the start of a stripped line: up to the last bracket.
func headerName(value string) (string, bool) {
	if value[0] != '[' {
		return "", false
	}
	end := strings.LastIndexByte(value, ']')
	if end < 2 {
		return "", false
	}
	return value[1:end], true
}

// indentOf counts the characters before the first one that is not white space.
func indentOf(line string) int {
	n := 0
	for _, r := range line {
		if !isSpace(r) {
			return n
		}
		n++
	}
	return 0
}

// commentStart is the byte at which a comment begins, -1 without one. Python
// looks at the first ; and the first #, then at the second of each, and stops
// at the first round that finds one at the start or after white space: not
// always the leftmost.
func commentStart(line string) int {
	if s := strings.TrimLeftFunc(line, isSpace); s != "" && (s[0] == '#' || s[0] == ';') {
		return 0
	}
	semi, hash := -1, -1
	for more := true; more; {
		more = false
		start := -1
		for _, p := range []struct {
			char byte
			at   *int
		}{{';', &semi}, {'#', &hash}} {
			if *p.at == len(line) {
				continue
			}
			k := strings.IndexByte(line[*p.at+1:], p.char)
			if k < 0 {
				*p.at = len(line)
				continue
			}
			*p.at += 1 + k
			more = true
			r, _ := utf8.DecodeLastRuneInString(line[:*p.at])
			if (*p.at == 0 || isSpace(r)) && (start < 0 || *p.at < start) {
				start = *p.at
			}
		}
		if start >= 0 {
			return start
		}
	}
	return -1
}
