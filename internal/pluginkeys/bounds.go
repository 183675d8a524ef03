package pluginkeys

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// bounded reports whether a number that was parsed is within the field's bounds.
func (f *Field) bounded(value any) bool {
	switch v := value.(type) {
	case int64:
		return inside(f, v)
	case time.Duration:
		return inside(f, v)
	case float64:
		return inside(f, v)
	}
	return true
}

// inside reports whether one ordered value is within the bounds; one that cannot be read is none.
func inside[T cmp.Ordered](f *Field, v T) bool {
	var zero T
	if f.Zero && v == zero {
		return true
	}
	if least, ok := bound[T](f, f.Min); ok && v < least {
		return false
	}
	most, ok := bound[T](f, f.Max)
	return !ok || v <= most
}

// bound reads a bound as a value of the field; false for none.
func bound[T cmp.Ordered](f *Field, s string) (T, bool) {
	var none T
	if s == "" {
		return none, false
	}
	parsed, err := parse(&Field{Type: f.Type}, s)
	v, ok := parsed.(T)
	return v, err == nil && ok
}

// Bounds describes in words the limits of a value beyond its type, such as "from 64 bytes to 1MB, or 0"; "" if there
// are none.
func (f *Field) Bounds() string {
	if f.counted() {
		all := []string{f.shape(), f.most()}
		if names := f.withoutReserved(); names != "" {
			all = append(all, "without "+names)
		}
		return strings.Join(slices.DeleteFunc(all, func(s string) bool { return s == "" }), ", ")
	}
	written := func(s string) string {
		if f.Type == Size && strings.Trim(s, "0123456789") == "" {
			return s + " bytes"
		}
		return s
	}
	text := ""
	switch {
	case f.Min != "" && f.Max != "":
		text = fmt.Sprintf("from %s to %s", written(f.Min), written(f.Max))
	case f.Min != "":
		text = "at least " + written(f.Min)
	case f.Max != "":
		text = "at most " + written(f.Max)
	default:
		return ""
	}
	if f.Zero {
		text += ", or 0"
	}
	return text
}

// CheckDescribed is CheckStruct without Validate: what is known to be wrong with such a section before the plugin is started.
func CheckDescribed(config any) error {
	s, err := Of(reflect.Indirect(reflect.ValueOf(config)).Interface())
	if err != nil {
		return err
	}
	return s.checkDefaults()
}

// checkDefaults checks the values that the schema was made of.
func (s Schema) checkDefaults() error {
	values := map[string]string{}
	for i := range s {
		k := &s[i]
		switch {
		case k.Default != "":
			values[k.Key] = k.Default
		case k.Type == Integer, k.Type == Size, k.Type == Duration, k.Type == Float:
			values[k.Key] = "0"
		}
	}
	fields := make([]Field, len(s))
	for i := range s {
		fields[i] = s[i].Field
	}
	return Check(fields, values)
}

// CheckStruct checks a configuration struct, given by its address, as if its values had been written in a section: the
// bounds of its keys, then its Validate. The error is an *Error, or that of Validate.
func CheckStruct(config any) error {
	v := reflect.Indirect(reflect.ValueOf(config))
	s, err := Of(v.Interface())
	if err != nil {
		return err
	}
	if err := s.checkDefaults(); err != nil {
		return err
	}
	if v, ok := config.(validator); ok {
		return v.Validate()
	}
	return nil
}
