package rpc

import (
	"context"
	"errors"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// resultMemory is what one result of a multicall takes at least, in bytes: a fault does.
const resultMemory = 640

// systemNamespace is introspection and multicall (supervisor/xmlrpc.py,
// SystemNamespaceRPCInterface) for callers with the given access.
func (d *Dispatcher) systemNamespace(access Access) Namespace {
	return Namespace{Name: "system", Methods: []Method{
		row(Method{
			Name: "listMethods", ReadOnly: true,
			Returns: Param{"array", "result", "the names of all methods, as strings, sorted"},
			Help:    "List the methods that can be called.",
		}, func(context.Context, noArguments) ([]string, error) { return d.table(access).names, nil }),
		row(Method{
			Name: "methodHelp", ReadOnly: true, Returns: Param{"string", "result", "its documentation"}, Faults: []int{SignatureUnsupported},
			Help: "Return the help text of a method.",
		}, func(_ context.Context, a methodName) (string, error) {
			m, err := d.lookUp(access, a.Name)
			if err != nil {
				return "", err
			}
			return m.Documentation(), nil
		}),
		row(Method{
			Name: "methodSignature", ReadOnly: true, Faults: []int{SignatureUnsupported},
			Returns: Param{"array", "result", "the type returned, then those of the parameters in order"},
			Help:    "Return the types of a method's result and parameters.",
		}, func(_ context.Context, a methodName) ([]string, error) {
			m, err := d.lookUp(access, a.Name)
			if err != nil {
				return nil, err
			}
			signature := m.Signature()
			if signature == nil {
				return nil, plainFault(SignatureUnsupported)
			}
			return signature, nil
		}),
		{ // its results are not records
			Name: "multicall", ReadOnly: true, Waits: true, // each call is checked by itself
			Params:  []Param{{"array", "calls", "structs of a methodName and an array of params"}},
			Returns: Param{"array", "result", "for each call its result, or a struct of faultCode and faultString"},
			Help:    "Make several calls, one after another, and answer with all their results.",
			Call: func(ctx context.Context, args []any) (any, error) {
				return d.multicall(ctx, access, args[0])
			},
		},
	}}
}

// methodName is the argument of the methods that describe one.
type methodName struct {
	Name any `rpc:"name" doc:"the method's full name"`
}

func (d *Dispatcher) lookUp(access Access, name any) (*Method, error) {
	s, _ := name.(string)
	if m := d.table(access).methods[s]; m != nil {
		return m, nil
	}
	return nil, plainFault(SignatureUnsupported)
}

func (d *Dispatcher) multicall(ctx context.Context, access Access, arg any) (any, error) {
	calls, ok := arg.([]any)
	if !ok {
		return nil, incorrectParameters()
	}
	c, end := d.claimOf(ctx)
	defer end()
	if err := c.add(ctx, int64(len(calls)*resultMemory)); err != nil {
		return nil, err
	}
	results := make([]any, 0, len(calls))
	var full any // the answer for clients that may only read, once there is no memory for more
	for _, call := range calls {
		if full != nil && !d.changes(access, call) {
			results = append(results, full)
			continue
		}
		before := c.asked
		value, err := d.callOne(ctx, c, access, call)
		if err != nil && !errors.Is(err, errMemory) {
			var f *xmlrpc.Fault
			switch {
			case errors.As(err, &f):
			case errors.Is(err, errInternal):
				f = fault(Failed, errInternal.Error())
			default:
				return nil, err
			}
			value, err = faultStruct(f), nil
		}
		if err == nil && !c.become(before+int64(max(2*weigh(value)-resultMemory, 0))) { // as it is, and encoded
			err = errMemory
		}
		if err != nil {
			full = faultStruct(fault(Failed, "the results of this multicall are too large"))
			value = full
		}
		results = append(results, value)
	}
	return results, nil
}

// faultStruct is a fault as a result of a multicall.
func faultStruct(f *xmlrpc.Fault) xmlrpc.Struct {
	return xmlrpc.Struct{{Name: "faultCode", Value: f.Code}, {Name: "faultString", Value: f.String}}
}

// changes reports whether a call of a multicall changes something.
func (d *Dispatcher) changes(access Access, call any) bool {
	members, _ := call.(xmlrpc.Struct)
	name, _ := members.Get("methodName")
	method, _ := name.(string)
	_, readOnly := d.lasts(access, method)
	return !readOnly
}

func (d *Dispatcher) callOne(ctx context.Context, c *portion, access Access, call any) (any, error) {
	members, _ := call.(xmlrpc.Struct)
	name, _ := members.Get("methodName")
	if name == nil {
		return nil, fault(IncorrectParameters, "No methodName")
	}
	if name == "system.multicall" {
		return nil, fault(IncorrectParameters, "Recursive system.multicall forbidden")
	}
	method, ok := name.(string)
	if !ok {
		return nil, plainFault(UnknownMethod)
	}
	var args []any
	if params, given := members.Get("params"); given {
		if args, ok = params.([]any); !ok {
			return nil, incorrectParameters()
		}
	}
	// What changes something is followed by what builds on that, so it is waited for even when the caller has gone.
	waits, readOnly := d.lasts(access, method)
	if !waits || !readOnly {
		ctx = context.WithoutCancel(ctx)
	}
	if !waits && readOnly && c.client != nil && c.client.turn.waits() {
		if !c.client.turn.work() {
			return nil, context.Canceled
		}
		defer c.client.turn.rest()
	}
	return d.Call(ctx, access, method, args)
}

// weigh estimates the bytes a value takes once encoded.
func weigh(v any) int {
	const each = 40 // tags around a value
	switch v := v.(type) {
	case string:
		return each + len(v)
	case []byte:
		return each + 2*len(v)
	case []string:
		n := each
		for _, s := range v {
			n += each + len(s)
		}
		return n
	case []any:
		n := each
		for _, e := range v {
			n += weigh(e)
		}
		return n
	case xmlrpc.Rows:
		return v.Weigh(each)
	case []xmlrpc.Struct:
		n := each
		for _, e := range v {
			n += weigh(e)
		}
		return n
	case xmlrpc.Struct:
		n := each
		for _, m := range v {
			n += each + len(m.Name) + weigh(m.Value)
		}
		return n
	}
	return each
}
