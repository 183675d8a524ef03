package xmlrpc

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The limits of decoding. The size of a document is the caller's to bound.
const (
	MaxDepth            = 64      // arrays and structs inside one another
	MaxCallElements     = 1 << 17 // elements of a methodCall: some 30,000 multicall entries
	MaxResponseElements = 1 << 22 // elements of a methodResponse: some 70,000 processes
	maxNumber           = 512     // characters of a number: more than any double needs
)

// DecodeCall decodes a methodCall. A missing <methodName> becomes "", a missing
// <params> becomes none. Every error is a *SyntaxError.
//
// As in Supervisor, <boolean> is true for "1" only, numbers may have white
// space around them and underscores within, and elements of <methodCall> that
// XML-RPC doesn't know are skipped.
func DecodeCall(doc []byte) (method string, params []any, err error) {
	d := decoder{}
	if err := d.begin(doc, "methodCall", MaxCallElements); err != nil {
		return "", nil, err
	}
	for {
		start, err := d.next()
		if err != nil {
			return "", nil, err
		}
		if start == tokenEnd {
			return method, params, d.finish()
		}
		switch string(d.name) {
		case "methodName":
			var text []byte
			text, err = d.leaf()
			method = string(text)
		case "params":
			params, err = d.params()
		default:
			err = d.skip()
		}
		if err != nil {
			return "", nil, err
		}
	}
}

// DecodeResponse decodes a methodResponse. A fault is returned as a *Fault
// error, anything that isn't a response as a *SyntaxError.
func DecodeResponse(doc []byte) (any, error) {
	d := decoder{names: map[string]string{}}
	if err := d.begin(doc, "methodResponse", MaxResponseElements); err != nil {
		return nil, err
	}
	start, err := d.next()
	if err != nil {
		return nil, err
	}
	if start != tokenStart {
		return nil, d.fail("empty methodResponse")
	}
	var value any
	fault := string(d.name) == "fault"
	switch {
	case fault:
		if err = d.expect("value"); err == nil {
			value, err = d.value(0)
		}
		if err == nil {
			err = d.expectEnd()
		}
	case string(d.name) == "params":
		var params []any
		if params, err = d.params(); err == nil && len(params) > 0 {
			value = params[0]
		}
	default:
		err = d.fail("unexpected element in methodResponse")
	}
	if err == nil {
		err = d.expectEnd()
	}
	if err == nil {
		err = d.finish()
	}
	if err != nil || !fault {
		return value, err
	}
	members, _ := value.(Struct)
	code, ok := members.Get("faultCode")
	number, isInt := code.(int)
	text, ok2 := members.Get("faultString")
	if !ok || !ok2 || !isInt {
		return nil, d.fail("fault without code or string")
	}
	s, _ := text.(string)
	return nil, &Fault{Code: number, String: s}
}

type decoder struct {
	scanner
	names map[string]string // member names seen, so that each is allocated once; nil: not worth it
}

func (d *decoder) begin(doc []byte, root string, elements int) error {
	doc = trimBOM(doc)
	d.src, d.left = doc, elements
	if !utf8.Valid(doc) {
		return d.fail("invalid UTF-8")
	}
	return d.expect(root)
}

func trimBOM(doc []byte) []byte {
	if len(doc) >= 3 && string(doc[:3]) == "\xEF\xBB\xBF" {
		return doc[3:]
	}
	return doc
}

// finish checks that nothing but comments and white space follows the root.
func (d *decoder) finish() error {
	_, err := d.next() // after the root it answers tokenEOF or an error
	return err
}

func (d *decoder) expect(name string) error {
	t, err := d.next()
	if err == nil && (t != tokenStart || string(d.name) != name) {
		err = d.fail("expected <" + name + ">")
	}
	return err
}

func (d *decoder) expectEnd() error {
	t, err := d.next()
	if err == nil && t != tokenEnd {
		err = d.fail("unexpected element")
	}
	return err
}

// leaf returns the text of the element just opened, which may hold no other.
func (d *decoder) leaf() ([]byte, error) {
	err := d.expectEnd()
	return d.text, err
}

func (d *decoder) skip() error {
	for depth := 1; depth > 0; {
		t, err := d.next()
		if err != nil {
			return err
		}
		if t == tokenStart {
			depth++
		} else {
			depth--
		}
	}
	return nil
}

func (d *decoder) params() ([]any, error) {
	params := []any{}
	for {
		t, err := d.next()
		if err != nil || t == tokenEnd {
			return params, err
		}
		if string(d.name) != "param" {
			return nil, d.fail("expected <param>")
		}
		if err := d.expect("value"); err != nil {
			return nil, err
		}
		v, err := d.value(0)
		if err == nil {
			err = d.expectEnd()
		}
		if err != nil {
			return nil, err
		}
		params = append(params, v)
	}
}

// value decodes the value whose <value> was just opened, and its end tag.
func (d *decoder) value(depth int) (any, error) {
	t, err := d.next()
	if err != nil {
		return nil, err
	}
	if t == tokenEnd {
		return string(d.text), nil
	}
	v, err := d.typed(depth)
	if err == nil {
		err = d.expectEnd()
	}
	return v, err
}

func (d *decoder) typed(depth int) (any, error) {
	switch string(d.name) {
	case "array":
		return d.array(depth + 1)
	case "struct":
		return d.structure(depth + 1)
	}
	name := d.name // of the document, not of scratch: it stays good
	text, err := d.leaf()
	if err != nil {
		return nil, err
	}
	var v any
	switch string(name) {
	case "string":
		return string(text), nil
	case "int", "i4", "i8":
		v, err = parseInt(text)
	case "boolean":
		return string(text) == "1", nil
	case "double":
		v, err = parseDouble(text)
	case "dateTime.iso8601":
		v, err = parseTime(text)
	case "base64":
		v, err = parseBase64(text)
	case "nil":
		return nil, nil
	default:
		err = errors.New("unknown type of value")
	}
	if err != nil {
		return nil, d.fail(err.Error())
	}
	return v, nil
}

func (d *decoder) array(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, d.fail("values nested too deeply")
	}
	if err := d.expect("data"); err != nil {
		return nil, err
	}
	list := []any{}
	for {
		t, err := d.next()
		if err != nil {
			return nil, err
		}
		if t == tokenEnd {
			return list, d.expectEnd()
		}
		if string(d.name) != "value" {
			return nil, d.fail("expected <value>")
		}
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
}

func (d *decoder) structure(depth int) (any, error) {
	if depth > MaxDepth {
		return nil, d.fail("values nested too deeply")
	}
	members := Struct{}
	for {
		t, err := d.next()
		if err != nil || t == tokenEnd {
			return members, err
		}
		if string(d.name) != "member" {
			return nil, d.fail("expected <member>")
		}
		m, err := d.member(depth)
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
}

func (d *decoder) member(depth int) (m Member, err error) {
	if err := d.expect("name"); err != nil {
		return m, err
	}
	text, err := d.leaf()
	if err != nil {
		return m, err
	}
	m.Name = d.intern(text)
	if err := d.expect("value"); err != nil {
		return m, err
	}
	if m.Value, err = d.value(depth); err != nil {
		return m, err
	}
	return m, d.expectEnd()
}

func (d *decoder) intern(b []byte) string {
	if d.names == nil {
		return string(b)
	}
	name, ok := d.names[string(b)]
	if !ok && len(d.names) < 256 {
		name = string(b)
		d.names[name] = name
	} else if !ok {
		name = string(b)
	}
	return name
}

var (
	errInt    = errors.New("invalid integer")
	errDouble = errors.New("invalid double")
	errTime   = errors.New("invalid dateTime.iso8601")
	errBase64 = errors.New("invalid base64")
)

// parseInt reads an integer as Python's int() does, within 64 bits.
func parseInt(b []byte) (int, error) {
	s, ok := trimNumber(b)
	if !ok {
		return 0, errInt
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, errInt
	}
	return n, nil
}

// parseDouble reads a finite double as Python's float() does.
func parseDouble(b []byte) (float64, error) {
	s, ok := trimNumber(b)
	if !ok || strings.ContainsAny(s, "xXpPnN") { // no hexadecimal, no inf, no nan
		return 0, errDouble
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, errDouble
	}
	return f, nil
}

// trimNumber strips white space and the single underscores that Python allows
// between digits.
func trimNumber(b []byte) (string, bool) {
	if len(b) > maxNumber {
		return "", false
	}
	s := strings.TrimSpace(string(b))
	if !strings.Contains(s, "_") {
		return s, true
	}
	for i := range len(s) {
		if s[i] == '_' && (i == 0 || i == len(s)-1 || !isDigit(s[i-1]) || !isDigit(s[i+1])) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// parseTime reads the one form that XML-RPC has, and the two that are met in
// the wild; a time without zone is taken as UTC.
func parseTime(b []byte) (time.Time, error) {
	s := strings.TrimSpace(string(b))
	for _, layout := range []string{timeLayout, "2006-01-02T15:04:05", "20060102T15:04:05Z07:00", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errTime
}

func parseBase64(b []byte) ([]byte, error) {
	compact := make([]byte, 0, len(b))
	for _, c := range b {
		if !isSpace(c) {
			compact = append(compact, c)
		}
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(len(compact)))
	n, err := base64.StdEncoding.Decode(out, compact)
	if err != nil {
		return nil, errBase64
	}
	return out[:n], nil
}
