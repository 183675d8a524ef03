package main

import (
	"strings"

	"github.com/hark-supervisor/hark/core/pyrepr"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// processInfo is what actions use of a process's info.
type processInfo struct {
	Group, Name string
	State       int
	StateName   string
	Description string
	PID         int
	All         xmlrpc.Struct // every member, in the server's order
}

// namespec is the name to show: group:name, or just the name where both are the
// same (options.py, make_namespec).
func namespec(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

// splitNamespec cuts a name as given; whole tells that all processes of the
// group are meant (options.py, split_namespec).
func splitNamespec(spec string) (group, name string, whole bool) {
	group, name, ok := strings.Cut(spec, ":")
	if !ok {
		return spec, spec, false
	}
	return group, name, name == "" || name == "*"
}

func asInfo(v any) (processInfo, error) {
	f := fields{in: v}
	p := processInfo{Group: f.text("group"), Name: f.text("name"), State: f.number("state"), StateName: f.text("statename"), Description: f.text("description"), PID: f.number("pid")}
	p.All = f.all()
	return p, f.err
}

func asInfos(v any) ([]processInfo, error) { return asList(v, asInfo) }

// result is what came of an operation on one process.
type result struct {
	Group, Name string
	Status      int // a fault code
	Description string
}

func asResult(v any) (result, error) {
	f := fields{in: v}
	r := result{f.text("group"), f.text("name"), f.number("status"), f.text("description")}
	return r, f.err
}

func asResults(v any) ([]result, error) { return asList(v, asResult) }

func asList[T any](v any, one func(any) (T, error)) ([]T, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, replyErrorf("the server answered %T where a list was expected", v)
	}
	out := make([]T, len(list))
	for i, v := range list {
		var err error
		if out[i], err = one(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func asText(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", replyErrorf("the server answered %T where a string was expected", v)
	}
	return s, nil
}

// fields reads the members of a struct and keeps the first thing wrong.
type fields struct {
	in  any
	err error
}

func (f *fields) all() xmlrpc.Struct {
	s, ok := f.in.(xmlrpc.Struct)
	if !ok && f.err == nil {
		f.err = replyErrorf("the server answered %T where a struct was expected", f.in)
	}
	return s
}

func (f *fields) get(name string) any {
	v, ok := f.all().Get(name)
	if !ok && f.err == nil {
		f.err = replyErrorf("the server's answer has no %s", pyrepr.String(name))
	}
	return v
}

func (f *fields) wrong(name string, v any) {
	if f.err == nil {
		f.err = replyErrorf("the server's answer has a %T for %s", v, pyrepr.String(name))
	}
}

func (f *fields) text(name string) string {
	v := f.get(name)
	s, ok := v.(string)
	if !ok {
		f.wrong(name, v)
	}
	return s
}

func (f *fields) number(name string) int {
	v := f.get(name)
	n, ok := v.(int)
	if !ok {
		f.wrong(name, v)
	}
	return n
}

// truth is Python's truth of a member.
func (f *fields) truth(name string) bool {
	switch v := f.get(name).(type) {
	case bool:
		return v
	case int:
		return v != 0
	case string:
		return v != ""
	default:
		f.wrong(name, v)
		return false
	}
}
