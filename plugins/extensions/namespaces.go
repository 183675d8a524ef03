package extensions

import (
	"context"
	"errors"
	"fmt"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/sdk"
)

// namespaces are the namespaces of plugins as the dispatcher has them. mood does not block.
func namespaces(h *host.Host, mood func() core.Mood) []rpc.Namespace {
	var all []rpc.Namespace
	for _, n := range h.Namespaces() {
		ns := rpc.Namespace{Name: n.Name, Missing: func(string) error {
			if len(n.Methods) == 0 {
				err := h.Reachable(wire.Namespace, n.Name)
				if err == nil {
					err = fmt.Errorf("the methods of plugin %q are not known yet", n.Plugin)
				}
				return pluginFault(err)
			}
			return &xmlrpc.Fault{Code: rpc.UnknownMethod, String: "UNKNOWN_METHOD"}
		}}
		for _, m := range n.Methods {
			ns.Methods = append(ns.Methods, namespaceMethod(h, mood, n.Name, m))
		}
		all = append(all, ns)
	}
	return all
}

// namespaceMethod is a method of a plugin. In shutdown it is refused, as the interfaces that people have made for Supervisor
// do by themselves (supervisor_cache, supervisor_twiddler: _update): the plugin is about to end.
func namespaceMethod(h *host.Host, mood func() core.Mood, namespace string, m sdk.Method) rpc.Method {
	method := rpc.Method{
		Name: m.Name, Optional: m.Optional, Returns: rpc.Param(m.Returns), Help: m.Help, ReadOnly: m.ReadOnly,
		Call: func(ctx context.Context, args []any) (any, error) {
			if mood() == core.MoodShutdown {
				return nil, &xmlrpc.Fault{Code: rpc.ShutdownState, String: "SHUTDOWN_STATE"}
			}
			value, err := h.CallMethod(ctx, namespace, &m, toPlugin(args))
			if err != nil {
				return nil, pluginFault(err)
			}
			return fromPlugin(value), nil
		},
	}
	for _, p := range m.Params {
		method.Params = append(method.Params, rpc.Param(p))
	}
	return method
}

// pluginFault keeps the code of a fault; other errors become FAILED with their text.
func pluginFault(err error) error {
	var f *sdk.Fault
	switch {
	case errors.As(err, &f):
		return &xmlrpc.Fault{Code: f.Code, String: f.Text}
	case errors.Is(err, context.Canceled):
		return err
	}
	return &xmlrpc.Fault{Code: rpc.Failed, String: fmt.Sprintf("FAILED: %v", err)}
}

// callBack calls a method of the daemon for a plugin. own has the methods that only plugins can call.
func callBack(ctx context.Context, d, own *rpc.Dispatcher, readOnly bool, method string, params []any) (any, error) {
	access := rpc.Control
	if readOnly {
		access = rpc.ReadOnly
	}
	if own.Has(method) {
		d = own
	}
	if !d.Permits(access, method) {
		return nil, host.ErrForbidden
	}
	args, _ := fromPlugin(params).([]any)
	value, err := d.Call(ctx, access, method, args)
	var f *xmlrpc.Fault
	if errors.As(err, &f) {
		return nil, &sdk.Fault{Code: f.Code, Text: f.String}
	}
	return toPluginValue(value), err
}

func toPlugin(args []any) []any {
	values := make([]any, len(args))
	for i, a := range args {
		values[i] = toPluginValue(a)
	}
	return values
}

// toPluginValue is a value of the daemon as plugins have it.
func toPluginValue(v any) any {
	switch v := v.(type) {
	case xmlrpc.Struct:
		s := make(sdk.Struct, len(v))
		for i, m := range v {
			s[i] = sdk.Member{Name: m.Name, Value: toPluginValue(m.Value)}
		}
		return s
	case []any:
		return toPlugin(v)
	case []xmlrpc.Struct:
		values := make([]any, len(v))
		for i := range v {
			values[i] = toPluginValue(v[i])
		}
		return values
	case []string:
		values := make([]any, len(v))
		for i := range v {
			values[i] = v[i]
		}
		return values
	}
	return v
}

// fromPlugin is a value of a plugin as the daemon has it.
func fromPlugin(v any) any {
	switch v := v.(type) {
	case sdk.Struct:
		s := make(xmlrpc.Struct, len(v))
		for i, m := range v {
			s[i] = xmlrpc.Member{Name: m.Name, Value: fromPlugin(m.Value)}
		}
		return s
	case map[string]any:
		s := make(xmlrpc.Struct, 0, len(v))
		for _, name := range sortedNames(v) {
			s = append(s, xmlrpc.Member{Name: name, Value: fromPlugin(v[name])})
		}
		return s
	case []any:
		values := make([]any, len(v))
		for i := range v {
			values[i] = fromPlugin(v[i])
		}
		return values
	case int64:
		if n := int(v); int64(n) == v {
			return n
		}
	}
	return v
}
