package rpc

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// row completes a method by its function. The function's arguments are the fields of A, in their order: each is an
// argument (arguments.go), which knows its type, name and description, or a string, number, list of strings or struct of
// strings with a tag:
//
//	Limit int `rpc:"limit,optional" default:"100" doc:"how many of the newest"`
//
// Its result is sent as xmlrpc.Record makes it.
func row[A, R any](m Method, call func(context.Context, A) (R, error)) Method {
	fields := argumentsOf(reflect.TypeFor[A]())
	for _, f := range fields {
		m.Params = append(m.Params, f.param)
		if f.optional {
			m.Optional++
		}
	}
	m.Result = reflect.TypeFor[R]()
	m.Call = func(ctx context.Context, args []any) (any, error) {
		var a A
		if len(fields) > 0 {
			if err := decodeArguments(fields, reflect.ValueOf(&a).Elem(), args); err != nil {
				return nil, err
			}
		}
		result, err := call(ctx, a)
		if err != nil {
			return nil, err
		}
		return xmlrpc.Record(result), nil
	}
	return m
}

// unless leaves rows out.
func unless(missing bool, rows ...Method) []Method {
	if missing {
		return nil
	}
	return rows
}

// argument is an argument that decodes itself; its zero value is that of one that was left out.
type argument interface {
	// spec describes it. optional: it may be left out.
	spec() (p Param, optional bool)
	// take reads it. The error is a fault.
	take(v any) error
}

// argumentField is a field of a function's arguments.
type argumentField struct {
	param    Param
	optional bool
	absent   any // what one that was left out is taken as; nil: it stays zero
	take     func(field reflect.Value, v any) error
}

func argumentsOf(t reflect.Type) []argumentField {
	fields := make([]argumentField, t.NumField())
	for i := range fields {
		f := &fields[i]
		field := t.Field(i)
		if a, ok := reflect.New(field.Type).Interface().(argument); ok {
			f.param, f.optional = a.spec()
			f.take = func(field reflect.Value, v any) error {
				return field.Addr().Interface().(argument).take(v) //nolint:forcetypeassert // as above
			}
		} else {
			f.param.Type, f.take = plainArgument(field.Type)
		}
		name, options, _ := strings.Cut(field.Tag.Get("rpc"), ",")
		if name != "" {
			f.param.Name, f.optional = name, options == "optional"
		}
		if doc := field.Tag.Get("doc"); doc != "" {
			f.param.Help = doc
		}
		if n, err := strconv.Atoi(field.Tag.Get("default")); err == nil {
			f.absent = n
		}
	}
	return fields
}

// plainArgument is how a value of one of Go's types is taken.
func plainArgument(t reflect.Type) (kind string, take func(reflect.Value, any) error) {
	switch t {
	case reflect.TypeFor[string]():
		return "string", taken(text)
	case reflect.TypeFor[int]():
		return "int", taken(func(v any) (n int, ok bool) { n, ok = v.(int); return n, ok })
	case reflect.TypeFor[float64]():
		return "double", taken(double)
	case reflect.TypeFor[[]string]():
		return "array", taken(words)
	case reflect.TypeFor[map[string]string]():
		return "struct", taken(texts)
	case reflect.TypeFor[any](): // which the method looks at itself
		return "string", func(to reflect.Value, v any) error {
			if v != nil {
				to.Set(reflect.ValueOf(v))
			}
			return nil
		}
	}
	panic("no argument is a " + t.String())
}

func taken[T any](read func(any) (T, bool)) func(reflect.Value, any) error {
	return func(to reflect.Value, v any) error {
		value, ok := read(v)
		if !ok {
			return incorrectParameters()
		}
		to.Set(reflect.ValueOf(&value).Elem())
		return nil
	}
}

func decodeArguments(fields []argumentField, to reflect.Value, args []any) error {
	for i := range fields {
		f := &fields[i]
		v := f.absent
		switch {
		case i < len(args):
			v = args[i]
		case v == nil:
			continue
		}
		if err := f.take(to.Field(i), v); err != nil {
			return err
		}
	}
	return nil
}
