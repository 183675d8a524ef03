package main

import (
	"reflect"
	"strings"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// named is the name of a process, in the two parts that the daemon knows and as it is shown.
type named struct {
	Name     string `json:"name" rpc:",required"`
	Group    string `json:"group" rpc:",required"`
	Namespec string `json:"namespec" rpc:"-"`
}

func (n *named) decoded() { n.Namespec = pytext.Namespec(n.Group, n.Name) }

// nameOf is the name of a process that no answer contains.
func nameOf(group, name string) named { return named{name, group, pytext.Namespec(group, name)} }

// processInfo is the info of a process (getProcessInfo), as status prints it with --json.
type processInfo struct {
	named
	State       string `json:"state" rpc:"statename,required"`
	StateCode   int    `json:"state_code" rpc:"state,required"`
	PID         int    `json:"pid" rpc:",required" doc:"0: none"`
	Description string `json:"description" rpc:",required"`
	Start       int    `json:"start"`
	Stop        int    `json:"stop"`
	Now         int    `json:"now" doc:"seconds since 1970, as start and stop"`
	SpawnErr    string `json:"spawnerr"`
	ExitStatus  int    `json:"exitstatus"`
	Signal      string `json:"signal,omitempty" doc:"the signal that ended it, such as SIGSEGV, where exitstatus is -1; missing for none, and from Supervisor's daemon"`
	CoreDump    bool   `json:"coredump,omitempty" doc:"it left a core file; missing for false"`
	StdoutLog   string `json:"stdout_logfile"`
	StderrLog   string `json:"stderr_logfile"`

	told bool `rpc:"-"` // the daemon has said how it ended
}

// result is the result of an operation on one process.
type result struct {
	named
	Status      int    `rpc:"status,required"` // a fault code
	Description string `rpc:"description,required"`
	Step        string `rpc:"step"` // of operations with several
}

// decoded is a record that has something to do once its members are read.
type decoded interface{ decoded() }

// decode reads an answer, or a part of one, as a T. Members of structs are found by the
// name that --json gives them (json:"NAME"), or that of the tag rpc:"NAME" where the
// answer has another; "-" is none. What an answer lacks is zero, and empty where it is a
// list, unless the tag says rpc:"NAME,required". A value of another type is an error.
func decode[T any](v any) (T, error) {
	var to T
	if err := decodeInto(v, reflect.ValueOf(&to).Elem(), ""); err != nil {
		return to, err
	}
	return to, nil
}

// decodeInto is decode for the member called name, "" for the whole answer.
func decodeInto(v any, to reflect.Value, name string) error {
	wrong := func(expected string) error {
		if name == "" {
			return replyErrorf("the server answered %T where a %s was expected", v, expected)
		}
		return replyErrorf("the server's answer has a %T for %s", v, pytext.Quote(name))
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		return decodeInto(v, to.Elem(), name)
	case reflect.Struct:
		s, ok := v.(xmlrpc.Struct)
		if !ok {
			return wrong("struct")
		}
		return decodeStruct(s, to)
	case reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			return wrong("list")
		}
		to.Set(reflect.MakeSlice(to.Type(), len(list), len(list)))
		for i := range list {
			if err := decodeInto(list[i], to.Index(i), name); err != nil {
				return err
			}
		}
	case reflect.String:
		s, ok := v.(string)
		if !ok {
			return wrong("string")
		}
		to.SetString(s)
	case reflect.Bool:
		truth, ok := truthOf(v)
		if !ok {
			return wrong("boolean")
		}
		to.SetBool(truth)
	default:
		return decodeNumber(v, to, wrong)
	}
	return nil
}

func decodeStruct(s xmlrpc.Struct, to reflect.Value) error {
	for i := range to.NumField() {
		field := to.Type().Field(i)
		if field.Anonymous {
			if err := decodeStruct(s, to.Field(i)); err != nil {
				return err
			}
			continue
		}
		name, required := memberOf(field)
		if name == "-" {
			continue
		}
		v, there := s.Get(name)
		switch {
		case !there && required:
			return replyErrorf("the server's answer has no %s", pytext.Quote(name))
		case !there || v == nil && !required:
			if field.Type.Kind() == reflect.Slice {
				to.Field(i).Set(reflect.MakeSlice(field.Type, 0, 0))
			}
			continue
		}
		if err := decodeInto(v, to.Field(i), name); err != nil {
			return err
		}
	}
	if to.CanInterface() { // not for what is embedded: its method is that of the whole
		if d, ok := to.Addr().Interface().(decoded); ok {
			d.decoded()
		}
	}
	return nil
}

// memberOf is the name of a field in answers.
func memberOf(field reflect.StructField) (name string, required bool) {
	name, option, _ := strings.Cut(field.Tag.Get("rpc"), ",")
	if name == "" {
		name, _, _ = strings.Cut(field.Tag.Get("json"), ",")
	}
	return name, option == "required"
}

func decodeNumber(v any, to reflect.Value, wrong func(string) error) error {
	switch v := v.(type) {
	case int:
		if to.CanFloat() {
			to.SetFloat(float64(v))
		} else {
			to.SetInt(int64(v))
		}
	case float64:
		if !to.CanFloat() && v != float64(int64(v)) {
			return wrong("whole number")
		}
		if to.CanFloat() {
			to.SetFloat(v)
		} else {
			to.SetInt(int64(v))
		}
	default:
		return wrong("number")
	}
	return nil
}

// truthOf is Python's truth of a value.
func truthOf(v any) (truth, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case int:
		return v != 0, true
	case string:
		return v != "", true
	}
	return false, false
}

// asked is a call's answer, decoded.
func asked[T any](v any, err error) (T, error) {
	if err != nil {
		var none T
		return none, err
	}
	return decode[T](v)
}
