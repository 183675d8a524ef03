// Package reference makes docs/methods.md, and the methods of sdk/client, of the declarations of the daemon's methods.
package reference

import (
	"reflect"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// member is a member of a record.
type member struct {
	field string       // the field's name
	name  string       // as it is sent
	kind  string       // its type in XML-RPC; "" for one that has values of several
	doc   string       // what it means
	inner reflect.Type // of a record, or of an array of them; nil: it is none
	// absent is set for a member that an answer may lack.
	absent bool
}

// jsonTag is the member as encoding/json writes it: one that the answer lacks is left out.
func (m *member) jsonTag() string {
	if m.absent {
		return m.name + ",omitzero"
	}
	return m.name
}

// membersOf are the members of a record, in the order in which they are sent.
func membersOf(t reflect.Type) (all []member) {
	for _, f := range reflect.VisibleFields(t) {
		name, options := xmlrpc.MemberOf(f)
		if name == "" || f.Anonymous {
			continue
		}
		how := ""
		if i := slices.IndexFunc(options, func(o string) bool { return o != "omitempty" }); i >= 0 {
			how = options[i]
		}
		absent := slices.Contains(options, "omitempty")
		all = append(all, member{f.Name, name, xmlrpc.TypeOf(f.Type, how), f.Tag.Get("doc"), recordOf(f.Type), absent})
	}
	return all
}

// recordOf is the record that a type is or has several of; nil: neither.
func recordOf(t reflect.Type) reflect.Type {
	for t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer) {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return nil
	case t.Kind() == reflect.Struct && len(membersOf(t)) > 0:
		return t
	}
	if list, ok := reflect.Zero(t).Interface().(interface{ Element() reflect.Type }); ok {
		return list.Element()
	}
	return nil
}

// call is a method as it is called: startProcess(name[, wait]).
func call(m *rpc.Method) string {
	var b strings.Builder
	b.WriteString(m.Name + "(")
	for i, p := range m.Params {
		if i == len(m.Params)-m.Optional {
			b.WriteString("[")
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(p.Name)
	}
	if m.Optional > 0 {
		b.WriteString("]")
	}
	return b.String() + ")"
}

// wrapped is a text in lines of at most 120 columns; first and other are what they begin with.
func wrapped(first, other, text string) string {
	const width = 118
	var b strings.Builder
	line := first
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			line += word
		case len(line)+1+len(word) > width:
			b.WriteString(line + "\n")
			line = other + word
		default:
			line += " " + word
		}
	}
	return b.String() + line + "\n"
}
