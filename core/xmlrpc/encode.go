package xmlrpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/internal/pytext"
)

const (
	header     = "<?xml version='1.0'?>\n"
	timeLayout = "20060102T15:04:05"
)

// AppendCall appends a methodCall. The error is that of AppendValue.
func AppendCall(b []byte, method string, params ...any) ([]byte, error) {
	b = append(b, header+"<methodCall>\n<methodName>"...)
	b = appendText(b, method)
	b = append(b, "</methodName>\n<params>\n"...)
	for _, p := range params {
		var err error
		b = append(b, "<param>\n"...)
		if b, err = AppendValue(b, p); err != nil {
			return b, err
		}
		b = append(b, "</param>\n"...)
	}
	return append(b, "</params>\n</methodCall>\n"...), nil
}

// AppendResponse appends a methodResponse that answers v. The error is that of
// AppendValue.
func AppendResponse(b []byte, v any) ([]byte, error) {
	b = append(b, header+"<methodResponse>\n<params>\n<param>\n"...)
	b, err := AppendValue(b, v)
	return append(b, "</param>\n</params>\n</methodResponse>\n"...), err
}

// AppendFault appends a methodResponse that answers a fault.
func AppendFault(b []byte, f *Fault) []byte {
	b = append(b, header+"<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n"...)
	b = appendInt(b, int64(f.Code))
	b = append(b, "</member>\n<member>\n<name>faultString</name>\n"...)
	b = appendString(b, f.String)
	return append(b, "</member>\n</struct></value>\n</fault>\n</methodResponse>\n"...)
}

// AppendValue appends one value, with the line ends of Python's marshaller.
// Besides the values that decoding makes it takes int64, []string, []Struct and Rows.
// Integers beyond 32 bits go as <i8>, nil as <nil/>; characters that XML can't
// carry are replaced: control characters by "?", bytes that aren't UTF-8 by
// U+FFFD. A value of another type, an infinity or a NaN is an error.
func AppendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case string:
		return appendString(b, v), nil
	case int:
		return appendInt(b, int64(v)), nil
	case int64:
		return appendInt(b, v), nil
	case bool:
		if v {
			return append(b, "<value><boolean>1</boolean></value>\n"...), nil
		}
		return append(b, "<value><boolean>0</boolean></value>\n"...), nil
	case Struct:
		return appendStruct(b, v)
	case []Struct:
		return appendArray(b, v, appendStruct)
	case Rows:
		return v.append(b)
	case []any:
		return appendArray(b, v, AppendValue)
	case []string:
		return appendArray(b, v, func(b []byte, s string) ([]byte, error) { return appendString(b, s), nil })
	case nil:
		return append(b, "<value><nil/></value>\n"...), nil
	case float64:
		return appendDouble(b, v)
	case time.Time:
		b = append(b, "<value><dateTime.iso8601>"...)
		b = v.AppendFormat(b, timeLayout)
		return append(b, "</dateTime.iso8601></value>\n"...), nil
	case []byte:
		return appendBase64(b, v), nil
	}
	return b, fmt.Errorf("cannot encode a %T as XML-RPC", v)
}

func appendString(b []byte, s string) []byte {
	b = append(b, "<value><string>"...)
	b = appendText(b, s)
	return append(b, "</string></value>\n"...)
}

func appendInt(b []byte, n int64) []byte {
	if n > math.MaxInt32 || n < math.MinInt32 {
		b = append(b, "<value><i8>"...)
		b = strconv.AppendInt(b, n, 10)
		return append(b, "</i8></value>\n"...)
	}
	b = append(b, "<value><int>"...)
	b = strconv.AppendInt(b, n, 10)
	return append(b, "</int></value>\n"...)
}

func appendDouble(b []byte, f float64) ([]byte, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return b, fmt.Errorf("cannot encode %v as XML-RPC", f)
	}
	b = append(b, "<value><double>"...)
	b = pytext.AppendFloat(b, f)
	return append(b, "</double></value>\n"...), nil
}

// appendBase64 breaks lines after 76 characters, as base64.encodebytes does.
func appendBase64(b, data []byte) []byte {
	const line = 57
	b = append(b, "<value><base64>\n"...)
	for len(data) > 0 {
		n := min(line, len(data))
		b = base64.StdEncoding.AppendEncode(b, data[:n])
		b = append(b, '\n')
		data = data[n:]
	}
	return append(b, "</base64></value>\n"...)
}

func appendStruct(b []byte, s Struct) ([]byte, error) {
	b = append(b, "<value><struct>\n"...)
	for i := range s {
		var err error
		b = append(b, "<member>\n<name>"...)
		b = appendText(b, s[i].Name)
		b = append(b, "</name>\n"...)
		if b, err = AppendValue(b, s[i].Value); err != nil {
			return b, err
		}
		b = append(b, "</member>\n"...)
	}
	return append(b, "</struct></value>\n"...), nil
}

func appendArray[T any](b []byte, list []T, appendOne func([]byte, T) ([]byte, error)) ([]byte, error) {
	b = append(b, "<value><array><data>\n"...)
	for i := range list {
		var err error
		if b, err = appendOne(b, list[i]); err != nil {
			return b, err
		}
	}
	return append(b, "</data></array></value>\n"...), nil
}

// appendText appends character data: escaped, and cleaned of what XML can't carry.
func appendText(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		if class[s[i]] == 0 {
			i++
			continue
		}
		size, replacement := 1, ""
		switch c := s[i]; {
		case c == '&':
			replacement = "&amp;"
		case c == '<':
			replacement = "&lt;"
		case c == '>':
			replacement = "&gt;"
		case c == ']' || c == '\r':
		case c < utf8.RuneSelf:
			replacement = "?"
		default:
			var r rune
			if r, size = utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 || !legalRune(r) {
				replacement = "\uFFFD"
			}
		}
		if replacement != "" {
			b = append(b, s[start:i]...)
			b = append(b, replacement...)
			start = i + size
		}
		i += size
	}
	return append(b, s[start:]...)
}
