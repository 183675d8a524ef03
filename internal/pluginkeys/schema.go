package pluginkeys

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema is what the tags of a configuration struct say.
type Schema []key

// key is one field of a configuration struct.
type key struct {
	Field
	goType reflect.Type
}

// Fields is the schema for others: without the defaults of secrets.
func (s Schema) Fields() []Field {
	fields := make([]Field, len(s))
	for i, k := range s {
		fields[i] = k.Field
		if k.Secret {
			fields[i].Default = ""
		}
	}
	return fields
}

// Of reads the tags of a struct, whose values are the defaults.
func Of(defaults any) (Schema, error) {
	v := reflect.ValueOf(defaults)
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is not a struct", defaults)
	}
	var s Schema
	if err := s.add(v); err != nil {
		return nil, err
	}
	for i, k := range s {
		if slices.ContainsFunc(s[:i], func(other key) bool { return other.Key == k.Key }) {
			return nil, fmt.Errorf("the key %q is there twice", k.Key)
		}
	}
	for i := range s {
		for _, other := range s[i].others() {
			if !slices.ContainsFunc(s, func(k key) bool { return k.Key == other }) {
				return nil, fmt.Errorf("the key %q names %q, which is not one", s[i].Key, other)
			}
		}
	}
	return s, nil
}

// add appends the keys of a struct; those of embedded structs in their place.
func (s *Schema) add(v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if old, written := f.Tag.Lookup("mapstructure"); written {
			return fmt.Errorf("the field %s: the tag mapstructure is no longer read: %s", f.Name, instead(f, old))
		}
		tag, tagged := f.Tag.Lookup("hark")
		name, flags, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct && tag == "":
			if err := s.add(v.Field(i)); err != nil {
				return err
			}
			continue
		case !f.IsExported() || tag == "-":
			continue
		case !tagged || name == "":
			return fmt.Errorf(`the field %s needs a tag hark:"KEY", or hark:"-" if it is not a key`, f.Name)
		}
		k, err := keyOf(f, name, flags)
		if err != nil {
			return fmt.Errorf("the field %s: %w", f.Name, err)
		}
		if !v.Field(i).IsZero() {
			k.Default = format(k.Type, reflect.Indirect(v.Field(i)))
		}
		*s = append(*s, k)
	}
	return nil
}

// instead is what to write in place of a tag mapstructure, of which the SDK was made before.
func instead(f reflect.StructField, old string) string {
	name, _, _ := strings.Cut(old, ",")
	if name == "" {
		return "take it away; the keys of an embedded struct are keys like the others"
	}
	words := append([]string{name}, flagsOf(f.Tag.Get("hark"))...)
	return fmt.Sprintf("write `hark:%q`", strings.Join(words, ","))
}

// flagsOf splits the flags of a tag.
func flagsOf(tag string) []string {
	return strings.FieldsFunc(tag, func(r rune) bool { return r == ',' || r == ' ' })
}

// keyOf reads the other tags of a field that is a key.
func keyOf(f reflect.StructField, name, flags string) (key, error) {
	if !IsKey(name) {
		return key{}, fmt.Errorf("%q: a key has lower-case letters, digits and underscores", name)
	}
	k := key{Field: Field{Key: name, Doc: f.Tag.Get("doc")}, goType: f.Type}
	if k.goType.Kind() == reflect.Pointer {
		k.goType = k.goType.Elem()
	}
	size := false
	for _, word := range flagsOf(flags) {
		switch word {
		case "required":
			k.Required = true
		case "secret":
			k.Secret = true
		case "size":
			size = true
		case "zero":
			k.Zero = true
		case "host":
			k.Host = true
		case "file":
			k.File = true
		default:
			return key{}, fmt.Errorf(`behind its key the tag hark has required, secret, size, zero, host and file, not %q`, word)
		}
	}
	k.Choices = words(f.Tag.Get("choices"))
	var err error
	if k.Type, err = fieldType(k.goType, size, k.Choices); err != nil {
		return key{}, err
	}
	k.Min, k.Max = f.Tag.Get("min"), f.Tag.Get("max")
	for _, s := range []string{k.Min, k.Max} {
		if s == "" {
			continue
		}
		if k.counted() && s == k.Max {
			if n, err := parseInteger(s); err != nil || n < 1 {
				return key{}, fmt.Errorf("the bound %q is not a whole number", s)
			}
		} else if v, err := parse(&k.Field, s); err != nil || !isNumber(v) {
			return key{}, fmt.Errorf("the bound %q is not %s", s, k.wants())
		}
	}
	return k, k.shapeOf(f.Tag)
}

// words are those of a tag, which commas separate.
func words(tag string) (all []string) {
	for _, w := range strings.Split(tag, ",") {
		if w = strings.TrimSpace(w); w != "" {
			all = append(all, w)
		}
	}
	return all
}

// isNumber reports whether a parsed value is one that has an order.
func isNumber(v any) bool {
	switch v.(type) {
	case int64, float64, time.Duration:
		return true
	}
	return false
}

// fieldType is the form of what fits into a Go type.
func fieldType(t reflect.Type, size bool, choices []string) (FieldType, error) {
	isInt := t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
	switch {
	case size && !isInt:
		return 0, fmt.Errorf("a size is an integer, not %s", t)
	case choices != nil && t.Kind() != reflect.String:
		return 0, fmt.Errorf("a choice is a string, not %s", t)
	case size:
		return Size, nil
	case choices != nil:
		return Choice, nil
	case t == reflect.TypeFor[time.Duration]():
		return Duration, nil
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()), t.Kind() == reflect.String:
		return Text, nil
	case isInt:
		return Integer, nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return Boolean, nil
	case reflect.Float32, reflect.Float64:
		return Float, nil
	case reflect.Slice:
		if e := t.Elem().Kind(); e == reflect.String || e == reflect.Int {
			return List, nil
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String {
			return Map, nil
		}
	}
	return 0, fmt.Errorf("no key holds a %s", t)
}

// MaxKey is the longest name of a key, in bytes.
const MaxKey = 64

// IsKey reports whether a text can be the name of a key.
func IsKey(s string) bool {
	return s != "" && len(s) <= MaxKey && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && s[0] >= 'a'
}

// Error describes what is wrong with the keys of a section. It contains no values.
type Error struct {
	Key  string // "" where it is about no single key
	Text string
}

// Error returns the key and what is wrong with it.
func (e *Error) Error() string {
	if e.Key == "" {
		return e.Text
	}
	return e.Key + ": " + e.Text
}

// Check checks the keys and values of a section against the fields of a plugin, without running the plugin. The
// error is a *Error. The plugin itself may still refuse the section.
func Check(fields []Field, values map[string]string) error {
	if all := CheckAll(fields, values); len(all) > 0 {
		return all[0]
	}
	return nil
}

// CheckAll is Check with everything that is wrong: with the existing keys, by name, then those that are missing, then combinations
// that are not allowed. unread are keys that are written, and whose values are not known.
func CheckAll(fields []Field, values map[string]string, unread ...string) (wrong []*Error) {
	s := section{fields, values, unread}
	for _, name := range sortedKeys(values) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == name })
		if i < 0 {
			wrong = append(wrong, s.unknown(name))
		} else if err := check(&fields[i], values[name]); err != nil {
			wrong = append(wrong, err)
		}
	}
	for i := range fields {
		wrong = append(wrong, s.missing(&fields[i])...)
	}
	for i := range fields {
		wrong = append(wrong, s.related(&fields[i])...)
	}
	return wrong
}

// check reports whether a value can be read; an error has none of it.
func check(f *Field, value string) *Error {
	v, err := parse(f, value)
	if f.Required && f.When == "" && (strings.TrimSpace(value) == "" || err == nil && isEmpty(v)) {
		return &Error{f.Key, "must not be empty"}
	}
	if err != nil {
		return &Error{f.Key, "must be " + f.wants() + because(err)}
	}
	if must := f.refused(v); must != "" {
		return &Error{f.Key, must}
	}
	return nil
}

// isEmpty reports whether a list has no entry; a map that has none may be meant.
func isEmpty(v any) bool {
	list, ok := v.([]string)
	return ok && len(list) == 0
}

// because is a reason in brackets, if there is one that may be shown.
func because(err error) string {
	var r reason
	if errors.As(err, &r) {
		return " (" + string(r) + ")"
	}
	return ""
}

const (
	// noSuchKey begins what is said of a key that is not known.
	noSuchKey = "no such key"
	// likeNone begins that of a key that is like none of the plugin's.
	likeNone = noSuchKey + "; its plugin has "
	// maxListed is how many keys an error names at most.
	maxListed = 40
)

// unknown says of a key that is not known which one is likely to be meant, or else which there are.
func (s *section) unknown(name string) *Error {
	if base, ok := strings.CutSuffix(name, "_file"); ok {
		if i := slices.IndexFunc(s.fields, func(f Field) bool { return f.Key == base }); i >= 0 {
			if s.fields[i].Secret {
				return &Error{name, "the host reads this file and hands over " + base}
			}
			return &Error{name, noSuchKey + "; " + base + " is not secret and has no file"}
		}
	}
	if near := s.nearest(name); near != "" {
		return &Error{name, meant(near)}
	}
	var listed []string
	for i := range s.fields {
		listed = append(listed, s.fields[i].Key)
		if s.fields[i].Secret {
			listed = append(listed, s.fields[i].Key+"_file")
		}
	}
	switch {
	case len(listed) == 0:
		return &Error{name, likeNone + "none for such a section"}
	case len(listed) > maxListed:
		listed = append(listed[:maxListed], fmt.Sprintf("%d more", len(listed)-maxListed))
	}
	return &Error{name, likeNone + strings.Join(listed, ", ")}
}

func meant(near string) string { return noSuchKey + "; is " + near + " meant?" }

// Suggest names the key that may be meant where an error is about one that is like none of the plugin's.
func (e *Error) Suggest(near string) {
	if near != "" && strings.HasPrefix(e.Text, likeNone) {
		e.Text = meant(near)
	}
}

// nearest is the key that a misspelt one was most likely meant to be, of those that are not there; "" for none.
func (s *section) nearest(name string) string {
	best, at := "", max(2, len(name)/3)+1
	for _, f := range s.fields {
		if _, set := s.values[f.Key]; set || slices.Contains(s.unread, f.Key) {
			continue
		}
		if d := distance(f.Key, name); d < at && d < len(f.Key) {
			best, at = f.Key, d
		}
	}
	return best
}

// distance is how many letters must be changed, added or taken away to make b of a.
func distance(a, b string) int {
	if len(b) > 2*MaxKey {
		return len(b)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
