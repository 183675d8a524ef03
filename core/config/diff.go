package config

import (
	"reflect"
	"slices"
	"unsafe"
)

// Equal reports whether a running group needs no change to become o, the group of
// the same name in a newly read configuration: Supervisor's comparison
// (options.py, __eq__ of the group and process configurations), g being the
// running one. A log file that is AUTO in o matches any: there the running one
// has got a name of its own by then, and Supervisor passes over it.
//
// [group:x] and [program:x] with the same processes are equal; a FastCGI group
// or a listener pool equals only its own kind.
func (g *Group) Equal(o *Group) bool {
	if g.Kind != o.Kind || g.Name != o.Name || !groupTable().same(g, o) {
		return false
	}
	if g.Kind == ListenerGroup && !listenerTable().same(g.Listener, o.Listener) {
		return false
	}
	if g.Kind == FastCGIGroup && !socketTable().same(g.Socket, o.Socket) {
		return false
	}
	return slices.EqualFunc(g.Processes, o.Processes, (*Process).Equal)
}

// Equal reports whether a running process needs no change to become o. See Group.Equal.
func (p *Process) Equal(o *Process) bool { return processTable().same(p, o) }

// same reports whether no key that is compared differs between a running struct and the next one, of which both are pointers to the struct of the table.
func (t *table) same(running, next any) bool {
	a, b := reflect.ValueOf(running).UnsafePointer(), reflect.ValueOf(next).UnsafePointer()
	for _, k := range t.compared {
		if !k.same(a, b) {
			return false
		}
	}
	return true
}

// same reports whether the key is the same in two structs at these addresses.
func (k *key) same(running, next unsafe.Pointer) bool {
	return k.Type.same(unsafe.Add(running, k.offset), unsafe.Add(next, k.offset))
}

// sameUser compares uids: that is all Supervisor keeps.
func sameUser(a, b *User) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.UID == b.UID
}

// sameVars compares without regard to order, as dicts compare.
func sameVars(a, b []EnvVar) bool {
	if len(a) != len(b) {
		return false
	}
	values := make(map[string]string, len(a))
	for _, v := range a {
		values[v.Name] = v.Value
	}
	for _, v := range b {
		if have, ok := values[v.Name]; !ok || have != v.Value {
			return false
		}
	}
	return true
}

// Diff compares the running groups with those of a newly read configuration
// (supervisord.py, diff_to_active): added and changed in the order of next,
// removed in the order of current.
func Diff(current, next []*Group) (added, changed, removed []string) {
	// Of two groups of a name the last counts, as when a dict is made of them.
	running, wanted := make(map[string]*Group), make(map[string]bool)
	for _, g := range current {
		running[g.Name] = g
	}
	for _, g := range next {
		wanted[g.Name] = true
		old := running[g.Name]
		switch {
		case old == nil:
			added = append(added, g.Name)
		case !old.Equal(g):
			changed = append(changed, g.Name)
		}
	}
	for _, g := range current {
		if !wanted[g.Name] {
			removed = append(removed, g.Name)
		}
	}
	return added, changed, removed
}
