package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// A key of the configuration is declared once, by the tags of the field that holds its value:
//
//	key      its name; "-" for a field that is not a key
//	type     the name of its ValueType (valuetypes.go), if the field's Go type does not imply it
//	default  the value if it is not written, as it would be written
//	as       the key whose value is its default
//	unit     of a number
//	min, max bounds of a value, as they would be written
//	doc      its meaning, for people: one line, a sentence or two
//	example  a value that shows how it is written, where useful
//	sample   its value in the sample configuration; without it, the example, or else the default
//	says     Supervisor's text about a wrong value, if that does not follow from its type
//	only     the kind of section that has it, if the struct is used for several
//	is       further properties, separated by commas: see keyFlags
//
// An embedded struct adds its keys in its place. A struct that is a field with a tag keys adds them with that prefix, and {} in
// their documentation becomes the prefix without its underscore.
//
// From these follow: reading, defaults, what reread compares and config diff names, config show, the warnings about what is
// unknown, the sample configuration, docs/configuration.md and supervisord.conf(5).

// The origins of keys.
const (
	fromSupervisor = "Supervisor"
	fromHark       = "Hark"
)

// key is a field that declares one.
type key struct {
	Field
	index                      []int
	offset                     uintptr // of the field in the struct
	like                       *key    // the key whose value is its default; nil for none
	said                       string  // the tag says
	byHand, envOnly, elsewhere bool
}

// keyFlags are the words of the tag is.
func keyFlags() map[string]func(*key) {
	return map[string]func(*key){
		"hark":       func(k *key) { k.Origin = fromHark },               // Supervisor does not know it
		"secret":     func(k *key) { k.Secret = true },                   // it is never shown
		"live":       func(k *key) { k.Live = true },                     // the sample has it without the comment sign
		"required":   func(k *key) { k.Required = true },                 // a section without it is refused
		"perprocess": func(k *key) { k.PerProcess = true },               // it is expanded again for each process of a section
		"uncompared": func(k *key) { k.Compared = false },                // a change of it is not a change for reread
		"names":      func(k *key) { k.Compared, k.Names = false, true }, // another value of it changes which processes there are
		"elsewhere":  func(k *key) { k.elsewhere = true },                // another struct has it too, and is compared
		"envonly":    func(k *key) { k.envOnly = true },                  // only the environment can be named in it
		"byhand":     func(k *key) { k.byHand = true },                   // what reads the section reads it too
	}
}

// table is what a struct declares. It never changes.
type table struct {
	keys     []*key // in the order of the struct
	reading  []*key // Supervisor's in the order in which it reads them, then Hark's; without those that are read by hand
	compared []*key
	order    []string      // Supervisor's order of reading
	defaults reflect.Value // a struct with the default of every key

	shared, each       []*key // of reading: those that are the same for all processes of a section, and the others
	supervisors, harks []*key // of reading: those of Supervisor, and Hark's own
}

// tables is every table that was asked for, by the type of the struct.
var tables sync.Map

// tableOf is the table of a struct. order are Supervisor's keys in the order in which it reads them, because of all errors it reports the
// first; those that are not in it are read behind them.
func tableOf[T any](order func() []string) *table {
	of := reflect.TypeFor[T]()
	if t, ok := tables.Load(of); ok {
		return t.(*table)
	}
	t, _ := tables.LoadOrStore(of, declare(of, order()))
	return t.(*table)
}

// declare reads the tags of a struct.
//
// A mistake in a tag is a panic: it is one of the program, and every test meets it.
func declare(of reflect.Type, order []string) *table {
	v := reflect.New(of).Elem()
	t := &table{defaults: v, order: order}
	types := valueTypes()
	t.add(v.Type(), nil, 0, "", types)
	for _, k := range t.keys {
		if k.like == nil {
			if err := k.Type.preset(k, k.in(v)); err != nil {
				panic(fmt.Sprintf("the default of %s: %v", k.Key, err))
			}
		}
		if k.Compared && !k.elsewhere {
			t.compared = append(t.compared, k)
		}
	}
	t.reading = slices.DeleteFunc(slices.Clone(t.keys), func(k *key) bool { return k.byHand })
	place := func(k *key) int {
		if i := slices.Index(order, k.Key); i >= 0 {
			return i
		}
		if k.Origin == fromSupervisor {
			return len(order)
		}
		return len(order) + 1
	}
	slices.SortStableFunc(t.reading, func(a, b *key) int { return place(a) - place(b) })
	for _, k := range t.reading {
		if k.PerProcess {
			t.each = append(t.each, k)
		} else {
			t.shared = append(t.shared, k)
		}
		if k.Origin == fromHark {
			t.harks = append(t.harks, k)
		} else {
			t.supervisors = append(t.supervisors, k)
		}
	}
	return t
}

func (t *table) add(s reflect.Type, at []int, offset uintptr, prefix string, types []*ValueType) {
	for i := range s.NumField() {
		f := s.Field(i)
		index := append(slices.Clone(at), i)
		name, tagged := f.Tag.Lookup("key")
		inner, nested := f.Tag.Lookup("keys")
		switch {
		case nested || f.Anonymous && !tagged:
			t.add(f.Type, index, offset+f.Offset, prefix+inner, types)
		case !tagged:
			panic(fmt.Sprintf(`the field %s of %s needs a tag key:"NAME", or "-" if it is not a key`, f.Name, s))
		case name != "-":
			k := t.keyOf(f, prefix+name, prefix, types)
			k.index, k.offset = index, offset+f.Offset
			t.keys = append(t.keys, k)
		}
	}
}

func (t *table) keyOf(f reflect.StructField, name, prefix string, types []*ValueType) *key {
	get := f.Tag.Get
	k := &key{said: get("says"), Field: Field{
		Key: name, Default: get("default"), Unit: get("unit"), Origin: fromSupervisor, Compared: true, Min: get("min"), Max: get("max"),
		Doc: strings.ReplaceAll(get("doc"), "{}", strings.TrimSuffix(prefix, "_")), Example: get("example"), Sample: get("sample"), Only: get("only"),
	}}
	if k.Type = typeOf(types, get("type"), f.Type); k.Type == nil {
		panic(fmt.Sprintf("the key %s: no type %q holds a %s", name, get("type"), f.Type))
	}
	flags := keyFlags()
	for _, word := range strings.FieldsFunc(get("is"), func(r rune) bool { return r == ',' || r == ' ' }) {
		set := flags[word]
		if set == nil {
			panic(fmt.Sprintf("the key %s: there is no %q", name, word))
		}
		set(k)
	}
	if other := get("as"); other != "" {
		k.like, k.As = t.key(other), other
		k.Default = k.like.Default
	}
	return k
}

// key finds a key by its name; nil if there is none.
func (t *table) key(name string) *key {
	for _, k := range t.keys {
		if k.Key == name {
			return k
		}
	}
	return nil
}

// only are the keys that are read of one kind of section, in the order of reading.
func (t *table) only(section string) (keys []*key) {
	for _, k := range t.reading {
		if k.Only == "" || k.Only == section {
			keys = append(keys, k)
		}
	}
	return keys
}

// in is the field of a struct that holds the key.
func (k *key) in(v reflect.Value) reflect.Value { return v.FieldByIndex(k.index) }

// fields are the keys as others see them.
func (t *table) fields() []Field {
	all := make([]Field, len(t.keys))
	for i, k := range t.keys {
		all[i] = k.Field
	}
	return all
}
