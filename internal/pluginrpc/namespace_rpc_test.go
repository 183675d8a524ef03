package pluginrpc

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

func TestMethodsAndCallsOfANamespace(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	methods, err := l.Configure(ctx, wire.Namespace, "x", nil, sdk.Daemon{}, "")
	if err != nil {
		t.Fatal(err)
	}
	x := <-l.things
	if want := x.Methods(); !reflect.DeepEqual(methods, want) {
		t.Errorf("methods are\n%+v, want\n%+v", methods, want)
	}
	for name, c := range map[string]struct {
		method string
		params []any
		want   any
		err    string
	}{
		"every kind of value": {"echo", []any{sdk.Struct{
			{Name: "i", Value: -5}, {Name: "l", Value: int64(-1) << 40}, {Name: "b", Value: true}, {Name: "s", Value: "é"}, {Name: "f", Value: 0.1}, {Name: "t", Value: time.Unix(99, 0).UTC()}, {Name: "x", Value: []byte{0, 255}}, {Name: "n", Value: nil},
		}}, []any{sdk.Struct{
			{Name: "b", Value: true}, {Name: "f", Value: 0.1}, {Name: "i", Value: -5}, {Name: "l", Value: int64(-1) << 40}, {Name: "n", Value: nil}, {Name: "s", Value: "é"}, {Name: "t", Value: time.Unix(99, 0).UTC()}, {Name: "x", Value: []byte{0, 255}},
		}}, ""}, // a map in the plugin: its members come back sorted
		"members in order":      {"odd", []any{"ordered"}, sdk.Struct{{Name: "z", Value: 1}, {Name: "a", Value: int64(1) << 40}, {Name: "m", Value: []byte{0}}, {Name: "n", Value: nil}, {Name: "t", Value: time.Unix(5, 0).UTC()}, {Name: "f", Value: 1.5}}, ""},
		"an optional parameter": {"echo", []any{"a", "b"}, []any{"a", "b"}, ""},
		"too few":               {"echo", nil, nil, "INCORRECT_PARAMETERS"},
		"too many":              {"echo", []any{1, 2, 3}, nil, "INCORRECT_PARAMETERS"},
		"no such method":        {"Close", nil, nil, "UNKNOWN_METHOD"},
		"a fault":               {"odd", []any{"fault"}, nil, "NOT_RUNNING"},
		"an error":              {"odd", []any{"x"}, nil, "no x"},
		"as deep as may be":     {"odd", []any{"just deep enough"}, nil, ""},
		"too deep":              {"odd", []any{"deep"}, nil, "the result" + strings.Repeat("[0]", 64) + " is nested deeper than 64"},
		"too large":             {"odd", []any{"huge"}, nil, "the result of 8388614 bytes is larger than 8 MiB"},
		"no UTF-8":              {"odd", []any{"no utf-8"}, nil, "the result.a[1] is not UTF-8 (bytes travel as base64)"},
		"no value":              {"odd", []any{"channel"}, nil, "the result is a chan int, which XML-RPC does not have"},
		"a parameter no value":  {"echo", []any{"a", struct{}{}}, nil, "parameter 2 is a struct {}, which XML-RPC does not have"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := l.Call(ctx, "x", c.method, c.params)
			if c.err == "" && (err != nil || c.want != nil && !reflect.DeepEqual(got, c.want)) {
				t.Errorf("the answer is %#v (%v), want %#v", got, err, c.want)
			}
			if c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err[:min(len(c.err), 200)])) {
				t.Errorf("the error is %v, want %s", err, c.err)
			}
		})
	}
	var f *sdk.Fault
	if _, err := l.Call(ctx, "x", "odd", []any{"fault"}); !errors.As(err, &f) || f.Code != 70 {
		t.Errorf("the fault is %#v", err)
	}
	if _, err := l.Call(ctx, "x", "odd", []any{"x"}); !errors.As(err, &f) || f.Code != wire.Failed {
		t.Errorf("an error is the fault %#v", err)
	}
}

func TestCallsOfANamespaceRunSideBySide(t *testing.T) {
	l := serveHere(t)
	ctx := testkit.Soon(t)
	x := l.configure(t, wire.Namespace, "x", "block")
	const n = 5
	done := make(chan error, n)
	for range n {
		go func() { _, err := l.Call(ctx, "x", "mode", nil); done <- err }()
	}
	for range n {
		<-x.enter
	}
	for range n {
		x.leave <- struct{}{}
	}
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if _, most, _ := x.state(); most != n {
		t.Errorf("%d at once", most)
	}
}

func TestMethodsAreChecked(t *testing.T) {
	l := serveHere(t)
	if _, err := l.Configure(testkit.Soon(t), wire.Namespace, "x", map[string]string{"mode": "bad method"}, sdk.Daemon{}, ""); err == nil || !strings.Contains(err.Error(), `"a b"`) {
		t.Errorf("a bad name: %v", err)
	}
}
