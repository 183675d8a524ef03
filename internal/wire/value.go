package wire

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// The bounds of parameters and results of XML-RPC methods.
const (
	MaxDepth = 64      // how deep values may hold values
	MaxReply = 8 << 20 // bytes of one result, or of the parameters of one call, as protobuf
)

// Struct is a struct of XML-RPC whose members have an order; sdk.Struct is one.
type Struct interface {
	All() iter.Seq2[string, any]
}

// sorted is a struct whose members have no order of their own.
type sorted map[string]any

// All goes through the members by name.
func (s sorted) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(s)) {
			if !yield(name, s[name]) {
				return
			}
		}
	}
}

// Fault is a fault of XML-RPC; sdk.Fault is another name of it.
type Fault struct {
	Code int
	Text string
}

// valueError is what does not fit, and where in a value it is.
type valueError struct{ at, text string }

func (e *valueError) Error() string { return fmt.Sprintf("%.200s %s", e.at, e.text) }

// within adds to an error of toProto where that value is.
func within(at string, err error) error {
	var e *valueError
	if errors.As(err, &e) {
		return &valueError{at + e.at, e.text}
	}
	return err
}

// toProto makes protobuf of a value, and of everything in it; the error is a *valueError.
func toProto(v any, depth int) (*pb.Value, error) {
	if depth > MaxDepth {
		return nil, &valueError{text: "is nested deeper than " + strconv.Itoa(MaxDepth)}
	}
	switch v := v.(type) {
	case nil:
		return &pb.Value{}, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, &valueError{text: "is not UTF-8 (bytes travel as base64)"}
		}
		return &pb.Value{Kind: &pb.Value_Text{Text: v}}, nil
	case bool:
		return &pb.Value{Kind: &pb.Value_Boolean{Boolean: v}}, nil
	case float64:
		return floatToProto(v)
	case float32:
		return floatToProto(float64(v))
	case time.Time:
		return &pb.Value{Kind: &pb.Value_Time{Time: timestamppb.New(v)}}, nil
	case []byte:
		return &pb.Value{Kind: &pb.Value_Binary{Binary: v}}, nil
	case []any:
		return arrayToProto(v, depth)
	case []string:
		return arrayToProto(v, depth)
	case Struct:
		return structToProto(v, depth)
	case map[string]any:
		return structToProto(sorted(v), depth)
	}
	if n, ok := integerOf(v); ok {
		return &pb.Value{Kind: &pb.Value_Int{Int: n}}, nil
	}
	return nil, &valueError{text: fmt.Sprintf("is a %T, which XML-RPC does not have", v)}
}

func integerOf(v any) (int64, bool) {
	switch v := v.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint:
		return int64(v), uint64(v) <= math.MaxInt64
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

func floatToProto(f float64) (*pb.Value, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, &valueError{text: "is not a finite number"}
	}
	return &pb.Value{Kind: &pb.Value_Number{Number: f}}, nil
}

func arrayToProto[E any](items []E, depth int) (*pb.Value, error) {
	values := make([]*pb.Value, len(items))
	for i, item := range items {
		value, err := toProto(item, depth+1)
		if err != nil {
			return nil, within("["+strconv.Itoa(i)+"]", err)
		}
		values[i] = value
	}
	return &pb.Value{Kind: &pb.Value_Array{Array: &pb.Array{Values: values}}}, nil
}

func structToProto(members Struct, depth int) (*pb.Value, error) {
	out := []*pb.Member{}
	for name, value := range members.All() {
		if !utf8.ValidString(name) {
			return nil, &valueError{text: "has a member whose name is not UTF-8"}
		}
		made, err := toProto(value, depth+1)
		if err != nil {
			return nil, within("."+name, err)
		}
		out = append(out, &pb.Member{Name: name, Value: made})
	}
	return &pb.Value{Kind: &pb.Value_Struct{Struct: &pb.Struct{Members: out}}}, nil
}

// Structs makes a struct of XML-RPC of the names and values of its members.
type Structs func(names []string, values []any) any

// Maps are structs without order.
func Maps(names []string, values []any) any {
	m := make(map[string]any, len(names))
	for i, name := range names {
		m[name] = values[i]
	}
	return m
}

// fromProto makes a value of protobuf: int within 32 bits and int64 beyond.
func fromProto(v *pb.Value, depth int, structs Structs) (any, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("nested deeper than %d", MaxDepth)
	}
	switch v := v.GetKind().(type) {
	case *pb.Value_Int:
		if v.Int >= math.MinInt32 && v.Int <= math.MaxInt32 {
			return int(v.Int), nil
		}
		return v.Int, nil
	case *pb.Value_Boolean:
		return v.Boolean, nil
	case *pb.Value_Text:
		return v.Text, nil
	case *pb.Value_Number:
		return v.Number, nil
	case *pb.Value_Time:
		if err := v.Time.CheckValid(); err != nil {
			return nil, fmt.Errorf("not a time: %w", err)
		}
		return v.Time.AsTime(), nil
	case *pb.Value_Binary:
		return v.Binary, nil
	case *pb.Value_Array:
		return arrayFromProto(v.Array.GetValues(), depth, structs)
	case *pb.Value_Struct:
		return structFromProto(v.Struct.GetMembers(), depth, structs)
	}
	return nil, nil
}

func arrayFromProto(items []*pb.Value, depth int, structs Structs) (any, error) {
	values := make([]any, len(items))
	for i, item := range items {
		value, err := fromProto(item, depth+1, structs)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

func structFromProto(members []*pb.Member, depth int, structs Structs) (any, error) {
	names, values := make([]string, len(members)), make([]any, len(members))
	for i, m := range members {
		value, err := fromProto(m.GetValue(), depth+1, structs)
		if err != nil {
			return nil, err
		}
		names[i], values[i] = m.GetName(), value
	}
	return structs(names, values), nil
}

// ParamsToProto makes the parameters of a call.
func ParamsToProto(params []any) ([]*pb.Value, error) {
	values := make([]*pb.Value, len(params))
	size := 0
	for i, p := range params {
		value, err := toProto(p, 1)
		if err != nil {
			return nil, within("parameter "+strconv.Itoa(i+1), err)
		}
		if size += proto.Size(value); size > MaxReply {
			return nil, fmt.Errorf("the parameters are larger than %d MiB", MaxReply>>20)
		}
		values[i] = value
	}
	return values, nil
}

// ParamsFromProto is the other way round; structs are maps.
func ParamsFromProto(values []*pb.Value) ([]any, error) {
	params := make([]any, len(values))
	for i, v := range values {
		p, err := fromProto(v, 1, Maps)
		if err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		params[i] = p
	}
	return params, nil
}

// Failed is the code of Supervisor's fault FAILED.
const Failed = 30

// ReplyToProto makes the answer to a call: a value, or a fault. What does not fit is a fault too. clean goes over the text
// of a fault.
func ReplyToProto(v any, f *Fault, clean func(string) string) *pb.CallReply {
	if f == nil {
		value, err := result(v)
		if err == nil {
			return &pb.CallReply{Value: value}
		}
		f = &Fault{Failed, err.Error()}
	}
	return &pb.CallReply{Fault: &pb.Fault{Code: int32(min(max(f.Code, math.MinInt32), math.MaxInt32)), Text: CleanText(clean(f.Text))}}
}

func result(v any) (*pb.Value, error) {
	value, err := toProto(v, 1)
	if err != nil {
		return nil, within("the result", err)
	}
	if size := proto.Size(value); size > MaxReply {
		return nil, fmt.Errorf("the result of %d bytes is larger than %d MiB", size, MaxReply>>20)
	}
	return value, nil
}

// ReplyFromProto is what ReplyToProto was given: a value, or a fault. The error reports what does not fit.
func ReplyFromProto(reply *pb.CallReply, structs Structs) (any, *Fault, error) {
	if f := reply.GetFault(); f != nil {
		return nil, &Fault{Code: int(f.GetCode()), Text: CleanText(f.GetText())}, nil
	}
	if size := proto.Size(reply.GetValue()); size > MaxReply {
		return nil, nil, fmt.Errorf("the answer of %d bytes is larger than %d MiB", size, MaxReply>>20)
	}
	v, err := fromProto(reply.GetValue(), 1, structs)
	if err != nil {
		return nil, nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return v, nil, nil
}
