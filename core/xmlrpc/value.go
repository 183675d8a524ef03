// Package xmlrpc is the XML-RPC codec, both directions; the server (core/rpc)
// and supervisorctl share it.
//
// Decoding is one pass over the document: a scanner cuts it into tags with the
// text between them, and the decoder turns those into values as they come, so
// no tree is ever built. It refuses what could hurt (entities of a DTD, deep
// nesting, floods of elements, numbers that don't fit, invalid UTF-8) and is
// otherwise as lenient as Supervisor (supervisor/xmlrpc.py, loads). Encoding
// appends to a byte slice and writes the bytes that Python's xmlrpc.client
// would, so that answers can be compared with Supervisor's byte by byte.
//
// A value is one of nil, bool, int, float64, string, []byte (base64),
// time.Time (dateTime.iso8601), []any and Struct. Nothing is found by
// reflection.
package xmlrpc

import (
	"encoding/json"
	"iter"
	"strconv"
)

// Struct is a struct value. Its members keep their order, as the dicts of
// Supervisor's answers do.
type Struct []Member

// Member is one member of a Struct.
type Member struct {
	Name  string
	Value any
}

// MarshalJSON is the struct as an object, its members in their order.
func (s Struct) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i := range s {
		if i > 0 {
			b = append(b, ',')
		}
		name, err := json.Marshal(s[i].Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(s[i].Value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return append(b, '}'), nil
}

// Items yields names and values in their order.
func (s Struct) Items() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i := range s {
			if !yield(s[i].Name, s[i].Value) {
				return
			}
		}
	}
}

// Get returns the value of the member called name; of several, the last, as a
// Python dict would. The second result reports whether there is one.
func (s Struct) Get(name string) (any, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i].Name == name {
			return s[i].Value, true
		}
	}
	return nil, false
}

// Fault is a fault answer; it is the error of DecodeResponse when the server
// answered with one. The codes of Supervisor are in supervisor/xmlrpc.py, Faults.
type Fault struct {
	Code   int
	String string
}

// Error is the fault's string with its code.
func (f *Fault) Error() string { return "fault " + strconv.Itoa(f.Code) + ": " + f.String }
