package pluginkeys

import (
	"encoding"
	"reflect"
	"slices"
	"strings"

	"github.com/mitchellh/mapstructure"
)

// validator is implemented by configuration structs that check themselves.
type validator interface{ Validate() error }

// Decode fills a struct, given by its address, with a section's values; what is not written keeps its default.
// The error is a *Error, or Validate's.
func (s Schema) Decode(values map[string]string, into any) error {
	if err := Check(s.Fields(), values); err != nil {
		return err
	}
	for i := range s {
		value, written := values[s[i].Key]
		if !written {
			continue
		}
		if err := s[i].decode(value, into); err != nil {
			return err
		}
	}
	if v, ok := into.(validator); ok {
		return v.Validate()
	}
	return nil
}

// decode puts one value into its field. One key at a time, so that an error can name it: mapstructure's own text
// quotes values, and is never shown.
func (k *key) decode(value string, into any) error {
	var wrong *Error
	hook := func(from, to reflect.Value) (any, error) {
		if from.Kind() != reflect.String || to.Type() != k.goType {
			return from.Interface(), nil
		}
		typed, err := k.typed(value)
		if err != nil {
			wrong = &Error{k.Key, "must be " + k.wants() + because(err)}
		}
		return typed, err
	}
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		TagName: "hark", DecodeHook: mapstructure.DecodeHookFuncValue(hook), Squash: true, ZeroFields: true, ErrorUnused: true, Result: into,
	})
	if err == nil {
		err = d.Decode(map[string]any{k.Key: value})
	}
	switch {
	case wrong != nil:
		return wrong
	case err != nil:
		return &Error{k.Key, "must be " + k.wants()}
	}
	return nil
}

// typed reads a value into what the field's Go type holds.
func (k *key) typed(value string) (any, error) {
	fresh := reflect.New(k.goType)
	if u, ok := fresh.Interface().(encoding.TextUnmarshaler); ok && k.Type == Text {
		if err := u.UnmarshalText([]byte(strings.TrimSpace(value))); err != nil {
			return nil, reason("as " + k.goType.String()) // the text of err may have the value in it
		}
		return fresh.Elem().Interface(), nil
	}
	v, err := parse(&k.Field, value)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case int64:
		return k.integer(v, fresh.Elem())
	case []string:
		if k.goType.Elem().Kind() != reflect.Int {
			return v, nil
		}
		numbers := make([]int, len(v))
		for i, s := range v {
			n, err := parseInteger(s)
			if err != nil || int64(int(n)) != n {
				return nil, reason("of whole numbers")
			}
			numbers[i] = int(n)
		}
		return numbers, nil
	}
	return v, nil
}

// integer checks that a number fits: mapstructure would cut it.
func (k *key) integer(n int64, field reflect.Value) (any, error) {
	switch {
	case field.CanUint() && n < 0:
		return nil, reason("it is negative")
	case field.CanUint() && field.OverflowUint(uint64(n)), field.CanInt() && field.OverflowInt(n):
		return nil, reason("it is too large")
	}
	return n, nil
}

// Secrets are the values of a section that must be seen nowhere.
func Secrets(fields []Field, values map[string]string) []string {
	var found []string
	for i := range fields {
		f := &fields[i]
		value, ok := values[f.Key]
		if !f.Secret || !ok {
			continue
		}
		found = append(found, value, strings.TrimSpace(value))
		switch v, _ := parse(f, value); v := v.(type) {
		case []string:
			found = append(found, v...)
		case map[string]string:
			for _, one := range v {
				found = append(found, one)
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
