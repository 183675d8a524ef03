package sdk

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// schema is what the tags of a configuration struct say.
type schema []key

// key is one field of a configuration struct.
type key struct {
	Field
	goType reflect.Type
}

// described is the schema as others see it: a secret's default is nobody's business.
func (s schema) described() []Field {
	fields := make([]Field, len(s))
	for i, k := range s {
		fields[i] = k.Field
		if k.Secret {
			fields[i].Default = ""
		}
	}
	return fields
}

// schemaOf reads the tags of a struct, whose values are the defaults.
func schemaOf(defaults any) (schema, error) {
	v := reflect.ValueOf(defaults)
	if v.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T is not a struct", defaults)
	}
	var s schema
	if err := s.add(v); err != nil {
		return nil, err
	}
	for i, k := range s {
		if slices.ContainsFunc(s[:i], func(other key) bool { return other.Key == k.Key }) {
			return nil, fmt.Errorf("the key %q is there twice", k.Key)
		}
	}
	return s, nil
}

// add appends the keys of a struct; those of embedded structs in their place.
func (s *schema) add(v reflect.Value) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		tag, tagged := f.Tag.Lookup("mapstructure")
		name, option, _ := strings.Cut(tag, ",")
		switch {
		case f.Anonymous && f.Type.Kind() == reflect.Struct && name == "":
			if err := s.add(v.Field(i)); err != nil {
				return err
			}
			continue
		case !f.IsExported() || name == "-":
			continue
		case !tagged || option != "":
			return fmt.Errorf(`the field %s needs a tag mapstructure:"KEY", or "-" if it is not a key`, f.Name)
		}
		k, err := keyOf(f, name)
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

func keyOf(f reflect.StructField, name string) (key, error) {
	if !isKey(name) {
		return key{}, fmt.Errorf("%q: a key has lower-case letters, digits and underscores", name)
	}
	k := key{Field: Field{Key: name, Doc: f.Tag.Get("doc")}, goType: f.Type}
	if k.goType.Kind() == reflect.Pointer {
		k.goType = k.goType.Elem()
	}
	size := false
	for _, word := range strings.FieldsFunc(f.Tag.Get("hark"), func(r rune) bool { return r == ',' || r == ' ' }) {
		switch word {
		case "required":
			k.Required = true
		case "secret":
			k.Secret = true
		case "size":
			size = true
		case "zero":
			k.Zero = true
		default:
			return key{}, fmt.Errorf(`the tag hark has required, secret, size and zero, not %q`, word)
		}
	}
	for _, c := range strings.Split(f.Tag.Get("choices"), ",") {
		if c = strings.TrimSpace(c); c != "" {
			k.Choices = append(k.Choices, c)
		}
	}
	var err error
	if k.Type, err = fieldType(k.goType, size, k.Choices); err != nil {
		return key{}, err
	}
	k.Min, k.Max = f.Tag.Get("min"), f.Tag.Get("max")
	for _, s := range []string{k.Min, k.Max} {
		if s == "" {
			continue
		}
		if v, err := parse(&k.Field, s); err != nil || !isNumber(v) {
			return key{}, fmt.Errorf("the bound %q is not %s", s, k.wants())
		}
	}
	for _, s := range strings.Split(f.Tag.Get("schemes"), ",") {
		if s = strings.TrimSpace(s); s != "" {
			k.Schemes = append(k.Schemes, s)
		}
	}
	if len(k.Schemes) > 0 && k.Type != Text {
		return key{}, errors.New("schemes are of a text")
	}
	return k, nil
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

// maxKey is the longest name of a key, in bytes.
const maxKey = 64

func isKey(s string) bool {
	return s != "" && len(s) <= maxKey && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == "" && s[0] >= 'a'
}

// ConfigError describes what is wrong with the keys of a section. It contains no values.
type ConfigError struct {
	Key  string // "" where it is about no single key
	Text string
}

// Error returns the key and what is wrong with it.
func (e *ConfigError) Error() string {
	if e.Key == "" {
		return e.Text
	}
	return e.Key + ": " + e.Text
}

// CheckValues checks the keys and values of a section against the fields of a plugin, without running the plugin. The
// error is a *ConfigError. The plugin itself may still refuse the section.
func CheckValues(fields []Field, values map[string]string) error {
	if all := CheckAll(fields, values); len(all) > 0 {
		return all[0]
	}
	return nil
}

// CheckAll is CheckValues with everything that is wrong: with the keys that are there, by name, then those that are missing.
func CheckAll(fields []Field, values map[string]string) (wrong []*ConfigError) {
	for _, name := range sortedKeys(values) {
		i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == name })
		if i < 0 {
			wrong = append(wrong, unknownKey(fields, name))
		} else if err := check(&fields[i], values[name]); err != nil {
			wrong = append(wrong, err)
		}
	}
	for i := range fields {
		if _, written := values[fields[i].Key]; fields[i].Required && !written {
			wrong = append(wrong, missingKey(&fields[i]))
		}
	}
	return wrong
}

// check reports whether a value can be read; an error has none of it.
func check(f *Field, value string) *ConfigError {
	if f.Required && strings.TrimSpace(value) == "" {
		return &ConfigError{f.Key, "must not be empty"}
	}
	v, err := parse(f, value)
	if err != nil {
		return &ConfigError{f.Key, "must be " + f.wants() + because(err)}
	}
	if !f.bounded(v) {
		return &ConfigError{f.Key, "must be " + f.Bounds()}
	}
	return nil
}

// because is a reason in brackets, where there is one that may be told.
func because(err error) string {
	var r reason
	if errors.As(err, &r) {
		return " (" + string(r) + ")"
	}
	return ""
}

func missingKey(f *Field) *ConfigError {
	if f.Secret {
		return &ConfigError{f.Key, "is required: write " + f.Key + ", or " + f.Key + "_file with the name of a file that holds it"}
	}
	return &ConfigError{f.Key, "is required"}
}

func unknownKey(fields []Field, name string) *ConfigError {
	if base, ok := strings.CutSuffix(name, "_file"); ok {
		if i := slices.IndexFunc(fields, func(f Field) bool { return f.Key == base }); i >= 0 {
			if fields[i].Secret {
				return &ConfigError{name, "the host reads this file and hands over " + base}
			}
			return &ConfigError{name, "no such key; " + base + " is not secret and has no file"}
		}
	}
	if near := nearest(fields, name); near != "" {
		return &ConfigError{name, "no such key; is " + near + " meant?"}
	}
	return &ConfigError{name, "no such key"}
}

// nearest is the key that a misspelt one was most likely meant to be, or "".
func nearest(fields []Field, name string) string {
	best, at := "", max(2, len(name)/3)+1
	for _, f := range fields {
		if d := distance(f.Key, name); d < at && d < len(f.Key) {
			best, at = f.Key, d
		}
	}
	return best
}

// distance is how many letters must be changed, added or taken away to make b of a.
func distance(a, b string) int {
	if len(b) > 2*maxKey {
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
