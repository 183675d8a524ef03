package sdk

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

func TestMethodsAndCallsOfANamespace(t *testing.T) {
	l := serveHere(t)
	ctx := soon(t)
	methods, err := l.Configure(ctx, NamespaceKind, "x", nil, Daemon{}, "")
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
		"every kind of value": {"echo", []any{Struct{
			{"i", -5}, {"l", int64(-1) << 40}, {"b", true}, {"s", "é"}, {"f", 0.1}, {"t", time.Unix(99, 0).UTC()}, {"x", []byte{0, 255}}, {"n", nil},
		}}, []any{Struct{
			{"b", true}, {"f", 0.1}, {"i", -5}, {"l", int64(-1) << 40}, {"n", nil}, {"s", "é"}, {"t", time.Unix(99, 0).UTC()}, {"x", []byte{0, 255}},
		}}, ""}, // a map in the plugin: its members come back sorted
		"members in order":      {"odd", []any{"ordered"}, Struct{{"z", 1}, {"a", int64(1) << 40}, {"m", []byte{0}}, {"n", nil}, {"t", time.Unix(5, 0).UTC()}, {"f", 1.5}}, ""},
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
	var f *Fault
	if _, err := l.Call(ctx, "x", "odd", []any{"fault"}); !errors.As(err, &f) || f.Code != 70 {
		t.Errorf("the fault is %#v", err)
	}
	if _, err := l.Call(ctx, "x", "odd", []any{"x"}); !errors.As(err, &f) || f.Code != failed {
		t.Errorf("an error is the fault %#v", err)
	}
}

func TestCallsOfANamespaceRunSideBySide(t *testing.T) {
	l := serveHere(t)
	ctx := soon(t)
	x := l.configure(t, NamespaceKind, "x", "block")
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
	if _, err := l.Configure(soon(t), NamespaceKind, "x", map[string]string{"mode": "bad method"}, Daemon{}, ""); err == nil || !strings.Contains(err.Error(), `"a b"`) {
		t.Errorf("a bad name: %v", err)
	}
	any := Param{Type: "any"}
	for want, methods := range map[string][]Method{
		"is there twice":        {{Name: "a", Returns: any}, {Name: "a", Returns: any}},
		"not a type of XML-RPC": {{Name: "a", Returns: Param{Type: "object"}}},
		"than optional ones":    {{Name: "a", Optional: 1, Returns: any}},
		"its timeout":           {{Name: "a", Timeout: -1, Returns: any}},
		"are too many":          make([]Method, maxMethods+1),
		"has other characters":  {{Name: "a:b", Returns: any}},
		"parameters are too ma": {{Name: "a", Params: make([]Param, maxParams+1), Returns: any}},
	} {
		if err := checkMethods(methods); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// deepProto is a value nested n deep, as no SDK makes it.
func deepProto(n int) *pb.Value {
	v := &pb.Value{}
	for range n {
		v = &pb.Value{Kind: &pb.Value_Array{Array: &pb.Array{Values: []*pb.Value{v}}}}
	}
	return v
}

func TestTheHostChecksAnswersItself(t *testing.T) {
	for name, reply := range map[string]*pb.CallReply{
		"deep":      {Value: deepProto(MaxDepth)},
		"very deep": {Value: deepProto(5000)},
		"huge":      {Value: &pb.Value{Kind: &pb.Value_Binary{Binary: make([]byte, MaxReply+1)}}},
	} {
		if v, err := replyFromProto(reply, true); err == nil {
			t.Errorf("%s: it is taken for %T", name, v)
		}
	}
	if _, err := replyFromProto(&pb.CallReply{Value: deepProto(MaxDepth - 1)}, true); err != nil {
		t.Error(err)
	}
	if v, err := replyFromProto(&pb.CallReply{}, true); v != nil || err != nil {
		t.Errorf("an empty answer is %v (%v)", v, err)
	}
}

// The types of fields are numbered alike here and in the protocol.
func TestTypesOfFieldsAreThoseOfTheProtocol(t *testing.T) {
	for ours, theirs := range map[FieldType]pb.Field_Type{
		Text: pb.Field_TEXT, Integer: pb.Field_INTEGER, Boolean: pb.Field_BOOLEAN, Size: pb.Field_SIZE, Duration: pb.Field_DURATION,
		List: pb.Field_LIST, Choice: pb.Field_CHOICE, Map: pb.Field_MAP, Float: pb.Field_FLOAT,
	} {
		if int(ours) != int(theirs) {
			t.Errorf("%d is %v there", ours, theirs)
		}
	}
	if n := len(pb.Field_Type_name); int(Float)+1 != n {
		t.Errorf("the protocol has %d types", n)
	}
	for ours, theirs := range map[Severity]pb.Severity{Info: pb.Severity_INFO, Warning: pb.Severity_WARNING, Error: pb.Severity_ERROR, Critical: pb.Severity_CRITICAL} {
		if int(ours) != int(theirs) {
			t.Errorf("%v is %v there", ours, theirs)
		}
	}
}

func FuzzAValueMadeOfBytesIsMadeAgain(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, text string, n int64, number float64, b []byte) {
		v := Struct{{name, []any{text, n, number, b}}}
		p, err := toProto(v, 1)
		if err != nil {
			return
		}
		back, err := fromProto(p, 1, true)
		if err != nil {
			t.Fatal(err)
		}
		again, err := toProto(back, 1)
		if err != nil || again.String() != p.String() {
			t.Errorf("%v comes back as %v (%v)", v, back, err)
		}
	})
}
