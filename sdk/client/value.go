package client

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"
)

// What kolo/xmlrpc would get wrong without an error is refused or corrected here, in
// arguments (checkArgument) and in answers (mendAnswer, fillEmpty).

// maxDepth bounds how deep values may hold values; Hark's server has the same.
const maxDepth = 64

// isMethodName guards against injection: kolo writes the name into the document unescaped.
func isMethodName(name string) bool {
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		case r == '.', r == '_', r == ':', r == '/', r == '-':
		default:
			return false
		}
	}
	return name != ""
}

// checkArgument accepts values that arrive unchanged. Of the others, kolo drops nil,
// encodes bytes as an array of integers, and writes numbers that no reader accepts and
// member names without escaping.
func checkArgument(v any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	if v == nil {
		return errors.New("XML-RPC has no nil")
	}
	return checkValue(reflect.ValueOf(v), depth)
}

func checkValue(v reflect.Value, depth int) error {
	switch v.Kind() {
	case reflect.String:
		return checkText(v.String())
	case reflect.Bool:
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n := v.Int(); n < math.MinInt32 || n > math.MaxInt32 {
			return fmt.Errorf("%d is beyond 32 bits", n)
		}
		return nil
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n := v.Uint(); n > math.MaxInt32 {
			return fmt.Errorf("%d is beyond 32 bits", n)
		}
		return nil
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("XML-RPC has no %v", f)
		}
		return nil
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return errors.New("bytes don't arrive as such; pass a string")
		}
		for i := range v.Len() {
			if err := checkArgument(v.Index(i).Interface(), depth+1); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if it.Key().Kind() != reflect.String || !isMethodName(it.Key().String()) {
				return fmt.Errorf("%v is not a name of a member", it.Key())
			}
			if err := checkArgument(it.Value().Interface(), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("a %s cannot be passed", v.Type())
}

// checkText: what XML cannot carry, kolo replaces by a question mark in a diamond.
func checkText(s string) error {
	if !utf8.ValidString(s) {
		return errors.New("the text is not valid UTF-8")
	}
	for _, r := range s {
		if !inXML(r) {
			return fmt.Errorf("XML cannot carry the character %U", r)
		}
	}
	return nil
}

// inXML reports whether XML 1.0 can carry a character.
func inXML(r rune) bool {
	return r >= 0x20 && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}

// mendAnswer makes a document readable: Python's supervisord puts programs' output
// into its answers unchanged, control characters included, and the XML reader would
// refuse the whole document. They become U+FFFD. CDATA, comments and the like,
// which neither supervisord sends and which would truncate a string, are refused,
// and so is unlimited nesting.
func mendAnswer(doc []byte) ([]byte, error) {
	depth, controls := 0, false
	for i, b := range doc {
		switch {
		case b == '<':
			rest := doc[i+1:]
			switch {
			case bytes.HasPrefix(rest, []byte("!")):
				return nil, errors.New("the document has a comment, CDATA or a DTD")
			case bytes.HasPrefix(rest, []byte("value>")):
				if depth++; depth > maxDepth {
					return nil, fmt.Errorf("values are nested deeper than %d", maxDepth)
				}
			case bytes.HasPrefix(rest, []byte("/value>")):
				depth--
			}
		case b < 0x20 && b != '\t' && b != '\n' && b != '\r', b == 0xEF:
			controls = true // or U+FFFE, U+FFFF, which begin with 0xEF
		}
	}
	if !controls && utf8.Valid(doc) {
		return doc, nil
	}
	return bytes.Map(func(r rune) rune {
		if inXML(r) {
			return r
		}
		return utf8.RuneError
	}, doc), nil
}

// isFaultDocument distinguishes a fault from a result by the first element: kolo
// looks for the word fault anywhere in the document.
func isFaultDocument(doc []byte) bool {
	fault, params := bytes.Index(doc, []byte("<fault")), bytes.Index(doc, []byte("<params"))
	return fault >= 0 && (params < 0 || fault < params)
}

// fillEmpty puts back the empty strings that kolo makes nil in untyped results.
func fillEmpty(v any) any {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		for i := range v {
			v[i] = fillEmpty(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = fillEmpty(v[name])
		}
	}
	return v
}
