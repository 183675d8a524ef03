package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// ValueType is the form of a key's value.
type ValueType struct {
	Name    string // as the tag type of a field names it; by default the field's Go type
	Accepts string // in a few words, what a value may be
	Quoted  bool   // quotes mean something in it
	Hidden  bool   // it is likely to hold a secret: errors show nothing of it
	URLs    bool   // it is shown without passwords
	Words   bool   // it is one of a few words, which Accepts lists

	goType reflect.Type
	// parse puts what a text means into a field. The error is Supervisor's, the offending value included.
	parse func(l *loader, k *key, text string, to reflect.Value) error
	// read reads the key and puts what it means into a field, which holds the default; nil for types that only have parse.
	// It is called where the key is written, and for a required one in any case.
	read func(r *reader, k *key, to reflect.Value)
	// check reports what is wrong with a value that could be read.
	check func(r *reader, k *key, v setting, to reflect.Value)
	// preset puts a key's default into a field.
	preset func(k *key, to reflect.Value) error
	// text is a value as it would be written, as anybody may see it.
	text func(v reflect.Value) string
	// same reports whether a running value needs no change to become another.
	// It has the addresses of two fields of goType: a reread compares some thirty fields of each process, which takes several times as long by
	// way of reflect.Value.
	same func(running, next unsafe.Pointer) bool
	// changes reports what makes next differ from running; nil where that is one change.
	changes func(c *changes, k *key, running, next reflect.Value)
}

// kind is a ValueType by the Go type of the fields that hold it.
type kind[T any] struct {
	accepts              string
	quoted, hidden, urls bool
	words                bool
	none                 T // of a key without a default
	parse                func(l *loader, k *key, text string) (T, error)
	read                 func(r *reader, k *key, def T) T
	check                func(r *reader, k *key, v setting, t T)
	text                 func(T) string
	same                 func(running, next T) bool
	changes              func(c *changes, k *key, running, next T)
}

// at is the value that a field holds.
func at[T any](v reflect.Value) *T { return v.Addr().Interface().(*T) }

// named makes the ValueType of that name; "" names it by its Go type.
func (d kind[T]) named(name string) *ValueType {
	t := &ValueType{Name: name, Accepts: d.accepts, Quoted: d.quoted, Hidden: d.hidden, URLs: d.urls, Words: d.words, goType: reflect.TypeFor[T]()}
	if name == "" {
		t.Name = t.goType.String()
	}
	t.parse = func(l *loader, k *key, text string, to reflect.Value) error {
		v, err := d.parse(l, k, text)
		if err == nil {
			*at[T](to) = v
		}
		return err
	}
	t.preset = func(k *key, to reflect.Value) error {
		*at[T](to) = d.none
		if k.Default == "" || k.byHand {
			return nil
		}
		return t.parse(&loader{}, k, k.Default, to)
	}
	if d.read != nil {
		t.read = func(r *reader, k *key, to reflect.Value) { p := at[T](to); *p = d.read(r, k, *p) }
	}
	if d.check != nil {
		t.check = func(r *reader, k *key, v setting, to reflect.Value) { d.check(r, k, v, *at[T](to)) }
	}
	t.text = func(v reflect.Value) string { return d.text(*at[T](v)) }
	t.same = func(a, b unsafe.Pointer) bool { return d.same(*(*T)(a), *(*T)(b)) }
	if d.changes != nil {
		t.changes = func(c *changes, k *key, a, b reflect.Value) { d.changes(c, k, *at[T](a), *at[T](b)) }
	}
	return t
}

// plain makes the parse of a kind of a conversion that needs neither the loader nor the key.
func plain[T any](f func(string) (T, error)) func(*loader, *key, string) (T, error) {
	return func(_ *loader, _ *key, s string) (T, error) { return f(s) }
}

func equal[T comparable](a, b T) bool { return a == b }

func itself(s string) string { return s }

// words makes the kind of values that are one of some words, in any case. It holds T, of which each word is one.
func words[T comparable](all []T, word func(T) string) kind[T] {
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = word(t)
	}
	last := len(names) - 1
	return kind[T]{
		accepts: strings.Join(names[:last], ", ") + " or " + names[last],
		parse: plain(func(s string) (none T, err error) {
			for i, name := range names {
				if lower(strip(s)) == name {
					return all[i], nil
				}
			}
			return none, cannotUse(s)
		}),
		words: true, text: word, same: equal[T],
	}
}

// wordsOf is words of values that are the words themselves.
func wordsOf(all ...string) kind[string] { return words(all, itself) }

// choice makes the kind of booleans that are written as words.
func choice(no, yes string) kind[bool] {
	return words([]bool{false, true}, func(b bool) string {
		if b {
			return yes
		}
		return no
	})
}

func cannotUse(s string) error { return fmt.Errorf("cannot use %q", s) }

// wrong is Supervisor's error for a value of a key: the tag says with the value in it, or else what the conversion said.
func (k *key) wrong(value string, err error) error {
	if k.said == "" {
		return err
	}
	return errors.New(strings.ReplaceAll(k.said, "{value}", value))
}

// bounded reports a number beyond its bounds, which are min and max; text is the number as it is shown.
func (r *reader) bounded(k *key, n, low, high int64, text string) {
	if n >= low && n <= high {
		return
	}
	said := strings.NewReplacer("{section}", r.section, "{value}", strconv.FormatInt(n, 10)).Replace(k.said)
	accepted := k.Min + " or more"
	if k.Max != "" {
		accepted = k.Min + " to " + k.Max
	}
	r.l.reject(r.section, k.Key, said, fmt.Sprintf("cannot use %s; accepted: %s", text, accepted))
}

// whole is a bound, which is there if one is written.
func whole(s string, otherwise int64) int64 {
	if n, err := byteSize(s); err == nil {
		return n
	}
	return otherwise
}

// seconds is a number of seconds as a duration, or the nearest one.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(min(max(n, -most), most)) * time.Second
}

// durationText is a time as it would be written: in seconds where it is whole ones.
func durationText(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10)
	}
	return d.String()
}
