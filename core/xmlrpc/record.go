package xmlrpc

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Record is the value of v as it is sent. A struct becomes a Struct of its fields with a tag, in their order:
//
//	`rpc:"name"`            the member's name; a field without a tag, or with "-", is not sent
//	`rpc:"name,omitempty"`  nothing is sent for a zero value
//	`rpc:"name,text"`       the text of a value that is a fmt.Stringer
//	`rpc:"name,int"`        whole seconds of a duration
//	`rpc:"name,double"`     a number that an int has no room for
//
// A struct that is embedded has its members among those of the whole. A time is whole seconds since 1970, 0 for one that
// never was; a duration is seconds as a double; an array is never nil. Other values are as they are.
func Record(v any) any {
	switch v := v.(type) {
	case nil, bool, int, string, Struct, []Struct, []any, Text, Rows:
		return v
	}
	return codecOf(reflect.TypeOf(v), "")(reflect.ValueOf(v))
}

// Rows is an array of records that become a document without becoming values first; a List is one.
type Rows interface {
	// Structs are the records as values.
	Structs() []Struct
	// Weigh is what the records take: each for every value and every name, and the bytes of texts.
	Weigh(each int) int
	append(b []byte) ([]byte, error)
}

// List is an array of N records, of which At makes each when it is its turn: a long one needs no memory for them. At may be called more than
// once for a record.
type List[T any] struct {
	N  int
	At func(i int) T
}

// Weigh is Rows'.
func (l List[T]) Weigh(each int) int {
	var one T
	v := reflect.ValueOf(&one).Elem()
	members := membersOf(v.Type())
	n := each
	for i := range l.N {
		one = l.At(i)
		n += each
		for k := range members {
			m := &members[k]
			if n += 2*each + len(m.name); m.plain == reflect.String {
				n += v.Field(m.index[0]).Len()
			} else if field, err := v.FieldByIndexErr(m.index); m.plain == 0 && err == nil {
				text, _ := AppendValue(nil, m.value(field))
				n += len(text)
			}
		}
	}
	return n
}

func (l List[T]) append(b []byte) ([]byte, error) {
	var one T
	v := reflect.ValueOf(&one).Elem()
	members := membersOf(v.Type())
	b = append(b, "<value><array><data>\n"...)
	for i := range l.N {
		var err error
		one = l.At(i)
		if b, err = appendRecord(b, v, members); err != nil {
			return b, err
		}
	}
	return append(b, "</data></array></value>\n"...), nil
}

// appendRecord appends what appendStruct would of the record's Struct.
func appendRecord(b []byte, v reflect.Value, all []member) ([]byte, error) {
	b = append(b, "<value><struct>\n"...)
	for i := range all {
		m := &all[i]
		var value any
		if m.plain == 0 {
			field, err := v.FieldByIndexErr(m.index)
			if err != nil || m.omit && field.IsZero() {
				continue
			}
			value = m.value(field)
		}
		b = append(b, "<member>\n<name>"...)
		b = appendText(b, m.name)
		b = append(b, "</name>\n"...)
		switch m.plain {
		case reflect.String:
			b = appendString(b, v.Field(m.index[0]).String())
		case reflect.Int:
			b = appendInt(b, v.Field(m.index[0]).Int())
		default:
			var err error
			if b, err = AppendValue(b, value); err != nil {
				return b, err
			}
		}
		b = append(b, "</member>\n"...)
	}
	return append(b, "</struct></value>\n"...), nil
}

// Structs is Rows'.
func (l List[T]) Structs() []Struct {
	all := make([]Struct, l.N)
	var one T
	v := reflect.ValueOf(&one).Elem()
	members := membersOf(v.Type())
	room := make(Struct, 0, l.N*len(members)) // of all of them
	for i := range all {
		one = l.At(i)
		all[i] = record(room[len(room):], v, members)
		room = room[:len(room)+len(all[i])]
	}
	return all
}

// Element is the type of the records.
func (l List[T]) Element() reflect.Type { return reflect.TypeFor[T]() }

// MemberOf is the name of the member that a field becomes and the options of its tag; "" where none is sent.
func MemberOf(f reflect.StructField) (name string, options []string) {
	parts := strings.Split(f.Tag.Get("rpc"), ",")
	if parts[0] == "-" {
		return "", nil
	}
	return parts[0], parts[1:]
}

// codec makes the value of one of a type.
type codec func(reflect.Value) any

// members are the codecs of a struct's fields, by its type.
var members sync.Map // reflect.Type to []member; what it has never changes

type member struct {
	name  string
	index []int
	plain reflect.Kind // String or Int, which most are: no codec is asked; 0: others
	omit  bool
	value codec
}

func membersOf(t reflect.Type) []member {
	if known, ok := members.Load(t); ok {
		return known.([]member) //nolint:forcetypeassert // nothing else is stored
	}
	var all []member
	for _, f := range reflect.VisibleFields(t) {
		name, options := MemberOf(f)
		if name == "" || f.Anonymous {
			continue
		}
		m := member{name: name, index: f.Index}
		how := ""
		for _, o := range options {
			if o == "omitempty" {
				m.omit = true
			} else {
				how = o
			}
		}
		m.value = codecOf(f.Type, how)
		if kind := f.Type.Kind(); how == "" && len(f.Index) == 1 && !m.omit && (kind == reflect.String || kind == reflect.Int) {
			m.plain = kind
		}
		all = append(all, m)
	}
	members.Store(t, all)
	return all
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[Text]()
)

func codecOf(t reflect.Type, how string) codec {
	switch {
	case how == "text":
		return func(v reflect.Value) any { return v.Interface().(fmt.Stringer).String() } //nolint:forcetypeassert // that is what the tag says
	case t == timeType:
		return func(v reflect.Value) any {
			if v.CanAddr() { // which copies nothing
				return Seconds(*v.Addr().Interface().(*time.Time)) //nolint:forcetypeassert // of that type
			}
			return Seconds(v.Interface().(time.Time)) //nolint:forcetypeassert // as above
		}
	case t == durationType && how == "int":
		return func(v reflect.Value) any { return int(v.Int() / int64(time.Second)) }
	case t == durationType:
		return func(v reflect.Value) any { return time.Duration(v.Int()).Seconds() }
	case how == "double":
		return func(v reflect.Value) any { return float64(v.Int()) }
	case t.Implements(textType):
		return reflect.Value.Interface
	}
	switch t.Kind() {
	case reflect.Bool:
		return func(v reflect.Value) any { return v.Bool() }
	case reflect.String:
		return func(v reflect.Value) any { return v.String() }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32:
		return func(v reflect.Value) any { return int(v.Int()) }
	case reflect.Int64:
		return func(v reflect.Value) any { return v.Int() }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(v reflect.Value) any { return int64(v.Uint()) } //nolint:gosec // a count
	case reflect.Pointer:
		return func(v reflect.Value) any {
			if v.IsNil() {
				return nil
			}
			return Record(v.Elem().Interface())
		}
	case reflect.Struct:
		return func(v reflect.Value) any { return record(nil, v, membersOf(t)) }
	case reflect.Slice:
		return listCodec(t, how)
	}
	return reflect.Value.Interface
}

func listCodec(t reflect.Type, how string) codec {
	switch t.Elem().Kind() {
	case reflect.Struct:
		return func(v reflect.Value) any {
			all, members := make([]Struct, v.Len()), membersOf(t.Elem())
			for i := range all {
				all[i] = record(nil, v.Index(i), members)
			}
			return all
		}
	case reflect.String:
		return func(v reflect.Value) any {
			all := make([]string, v.Len())
			for i := range all {
				all[i] = v.Index(i).String()
			}
			return all
		}
	case reflect.Uint8:
		return reflect.Value.Interface
	}
	element := codecOf(t.Elem(), how)
	return func(v reflect.Value) any {
		all := make([]any, v.Len())
		for i := range all {
			all[i] = element(v.Index(i))
		}
		return all
	}
}

// record makes a Struct in the room that there is.
func record(s Struct, v reflect.Value, all []member) Struct {
	if cap(s) < len(all) {
		s = make(Struct, 0, len(all))
	}
	for i := range all {
		m := &all[i]
		switch m.plain {
		case reflect.String:
			s = append(s, Member{m.name, v.Field(m.index[0]).String()})
			continue
		case reflect.Int:
			s = append(s, Member{m.name, int(v.Field(m.index[0]).Int())})
			continue
		}
		field, err := v.FieldByIndexErr(m.index)
		if err != nil || m.omit && field.IsZero() { // what is embedded is not there
			continue
		}
		s = append(s, Member{m.name, m.value(field)})
	}
	return s[:len(s):len(s)]
}

// Seconds is whole seconds since 1970, kept within 32 bits as Supervisor does; 0 for a time that never was.
func Seconds(t time.Time) int {
	if t.IsZero() {
		return 0
	}
	return int(min(max(t.Unix(), math.MinInt32), math.MaxInt32))
}

// TypeOf is the XML-RPC type that Record produces for a type: "array", "struct" …; "" for one that holds values of
// several.
func TypeOf(t reflect.Type, how string) string {
	switch {
	case how == "text", t.Implements(textType):
		return "string"
	case t == timeType, t == durationType && how == "int":
		return "int"
	case t == durationType, how == "double":
		return "double"
	case t == reflect.TypeFor[Struct]():
		return "struct"
	}
	if t.Kind() == reflect.Pointer {
		return TypeOf(t.Elem(), how)
	}
	return map[reflect.Kind]string{
		reflect.Bool: "boolean", reflect.String: "string", reflect.Float64: "double", reflect.Struct: "struct", reflect.Slice: "array",
		reflect.Int: "int", reflect.Int32: "int", reflect.Int64: "int", reflect.Uint64: "int",
	}[t.Kind()]
}
