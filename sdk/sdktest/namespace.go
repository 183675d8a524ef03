package sdktest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// NamespaceOptions are the options of TestNamespace.
type NamespaceOptions struct {
	Options
	// Calls are made one after another, and then all at once in several instances.
	Calls []Call
	// Host answers the plugin's calls to the daemon; nil: the plugin may not call back.
	Host func(ctx context.Context, method string, params []any) (any, error)
}

// Call is one call and its expected answer.
type Call struct {
	Method string
	Params []any
	Want   any // compared with reflect.DeepEqual: int or int64 beyond 32 bits, sdk.Struct, []any …; nil: not compared
	Fault  int // the code of the fault it must be answered with; 0: none
}

// TestNamespace tests a plugin of kind namespace.
func TestNamespace(t *testing.T, p sdk.Plugin, o NamespaceOptions) {
	t.Helper()
	run(t, p, wire.Namespace, o.Options, func(t *testing.T, s *session) {
		s.part(t, "methods are described", func(t *testing.T) {
			methods := s.mustConfigure(t, "x")
			if len(methods) == 0 {
				t.Error("there is none")
			}
			for _, m := range methods {
				if m.Help == "" {
					t.Errorf("%s has no help", m.Name)
				}
			}
		})
		s.part(t, "what is wrong with a call", func(t *testing.T) { s.wrongCalls(t, s.mustConfigure(t, "x")) })
		for i, c := range o.Calls {
			s.part(t, fmt.Sprintf("call %d, %s", i+1, c.Method), func(t *testing.T) {
				s.mustConfigureFor(t, "x", o.Host)
				if err := s.call(t, "x", c); err != nil {
					t.Error(err)
				}
			})
		}
		s.part(t, "calls at the same time", func(t *testing.T) {
			n := o.instances()
			done := make(chan error, n*len(o.Calls))
			for i := range n {
				name := fmt.Sprint("x", i)
				s.mustConfigureFor(t, name, o.Host)
				for _, c := range o.Calls {
					go func() { done <- s.call(t, name, c) }()
				}
			}
			for range n * len(o.Calls) {
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		})
	})
}

// mustConfigureFor makes an instance that may call back.
func (s *session) mustConfigureFor(t *testing.T, name string, host pluginrpc.HostFunc) {
	t.Helper()
	if host == nil {
		s.mustConfigure(t, name)
		return
	}
	socket := serveHost(t, s.pid, host)
	if _, err := s.Configure(testkit.Soon(t), s.kind, name, s.options.Values, daemon(), socket); err != nil {
		s.note(err)
		t.Fatalf("the section of Options.Values is refused: %v", err)
	}
	t.Cleanup(func() { s.note(s.Remove(testkit.Soon(t), s.kind, name)) })
}

func (s *session) wrongCalls(t *testing.T, methods []sdk.Method) {
	var f *sdk.Fault
	if _, err := s.Call(testkit.Soon(t), "x", "no_such_method", nil); !errors.As(err, &f) || f.Code != 1 {
		t.Errorf("a method that is not there is answered with %v, not UNKNOWN_METHOD", err)
	}
	for _, m := range methods {
		many := make([]any, len(m.Params)+1)
		if _, err := s.Call(testkit.Soon(t), "x", m.Name, many); !errors.As(err, &f) || f.Code != 2 {
			t.Errorf("%s with %d parameters is answered with %v, not INCORRECT_PARAMETERS", m.Name, len(many), err)
		}
		if few := len(m.Params) - m.Optional - 1; few >= 0 {
			if _, err := s.Call(testkit.Soon(t), "x", m.Name, make([]any, few)); !errors.As(err, &f) || f.Code != 2 {
				t.Errorf("%s with %d parameters is answered with %v, not INCORRECT_PARAMETERS", m.Name, few, err)
			}
		}
		// the result of unexpected values is up to the plugin, as long as it answers
		strange := make([]any, len(m.Params))
		for i := range strange {
			strange[i] = map[string]any{"strange": []any{nil, -1}}
		}
		if len(strange) == 0 {
			continue
		}
		_, err := s.Call(testkit.Soon(t), "x", m.Name, strange)
		s.note(err)
		if err != nil && !errors.As(err, &f) {
			t.Errorf("%s with strange parameters ends with %v", m.Name, err)
		}
	}
	s.well(t, "x")
}

func (s *session) call(t *testing.T, name string, c Call) error {
	v, err := s.Call(testkit.Soon(t), name, c.Method, c.Params)
	s.note(err)
	var f *sdk.Fault
	switch {
	case c.Fault != 0 && (!errors.As(err, &f) || f.Code != c.Fault):
		return fmt.Errorf("%s(%v) is answered with %v (%w), not with the fault %d", c.Method, c.Params, v, err, c.Fault)
	case c.Fault == 0 && err != nil:
		return fmt.Errorf("%s(%v): %w", c.Method, c.Params, err)
	case c.Fault == 0 && c.Want != nil && !reflect.DeepEqual(v, c.Want):
		return fmt.Errorf("%s(%v) is %#v, not %#v", c.Method, c.Params, v, c.Want)
	}
	return nil
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(context.Background(), Patience)
}
