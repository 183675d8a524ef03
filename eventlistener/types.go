// Package eventlistener holds the event vocabulary and Supervisor's event
// notification protocol 3.0 over io.Reader and io.Writer. It does not know
// about processes: all that filters and payloads need is in the Event.
package eventlistener

import "slices"

// String returns the type's name in the protocol.
func (t Type) String() string { return rows[t].name }

// Parent returns the type above this one; false for a root.
func (t Type) Parent() (Type, bool) {
	p := rows[t].parent
	return p, p != t
}

// Is reports whether t is ancestor or a type below it.
func (t Type) Is(ancestor Type) bool {
	for {
		if t == ancestor {
			return true
		}
		p, ok := t.Parent()
		if !ok {
			return false
		}
		t = p
	}
}

// ParseType returns the type with exactly that name.
func ParseType(name string) (Type, bool) {
	for i := range rows {
		if rows[i].name == name {
			return Type(i), true
		}
	}
	return 0, false
}

// IsSent reports whether events are of exactly this type. The others, with types below them, are for subscriptions.
func (t Type) IsSent() bool { return rows[t].sample != nil }

// HasText reports whether the type's payload ends in free text that a program or a caller chose.
func (t Type) HasText() bool { return rows[t].body == output || rows[t].body == remoteData }

// Distinct returns types without those that are below another of them and without
// repetitions, so that a subscription to it delivers nothing twice.
func Distinct(types []Type) []Type {
	var kept []Type
	for i, t := range types {
		covered := slices.ContainsFunc(types, func(other Type) bool { return other != t && t.Is(other) })
		if !covered && !slices.Contains(types[:i], t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// Types returns every type in the order of the table.
func Types() []Type {
	all := make([]Type, numTypes)
	for i := range all {
		all[i] = Type(i)
	}
	return all
}
