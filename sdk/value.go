package sdk

import (
	"errors"
	"fmt"
	"math"
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
		members := make(Struct, 0, len(v))
		for _, name := range sortedKeys(v) {
			members = append(members, Member{name, v[name]})
		}
		return structToProto(members, depth)
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
	out := make([]*pb.Member, len(members))
	for i, m := range members {
		if !utf8.ValidString(m.Name) {
			return nil, &valueError{text: "has a member whose name is not UTF-8"}
		}
		value, err := toProto(m.Value, depth+1)
		if err != nil {
			return nil, within("."+m.Name, err)
		}
		out[i] = &pb.Member{Name: m.Name, Value: value}
	}
	return &pb.Value{Kind: &pb.Value_Struct{Struct: &pb.Struct{Members: out}}}, nil
}

// fromProto makes a value of protobuf: int within 32 bits and int64 beyond; structs as Struct if ordered, else as maps.
func fromProto(v *pb.Value, depth int, ordered bool) (any, error) {
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
		return arrayFromProto(v.Array.GetValues(), depth, ordered)
	case *pb.Value_Struct:
		if ordered {
			return orderedFromProto(v.Struct.GetMembers(), depth)
		}
		return mapFromProto(v.Struct.GetMembers(), depth)
	}
	return nil, nil
}

func arrayFromProto(items []*pb.Value, depth int, ordered bool) (any, error) {
	values := make([]any, len(items))
	for i, item := range items {
		value, err := fromProto(item, depth+1, ordered)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}

func orderedFromProto(members []*pb.Member, depth int) (any, error) {
	s := make(Struct, len(members))
	for i, m := range members {
		value, err := fromProto(m.GetValue(), depth+1, true)
		if err != nil {
			return nil, err
		}
		s[i] = Member{m.GetName(), value}
	}
	return s, nil
}

func mapFromProto(members []*pb.Member, depth int) (any, error) {
	s := make(map[string]any, len(members))
	for _, m := range members {
		value, err := fromProto(m.GetValue(), depth+1, false)
		if err != nil {
			return nil, err
		}
		s[m.GetName()] = value
	}
	return s, nil
}

// paramsToProto makes the parameters of a call.
func paramsToProto(params []any) ([]*pb.Value, error) {
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

func paramsFromProto(values []*pb.Value) ([]any, error) {
	params := make([]any, len(values))
	for i, v := range values {
		p, err := fromProto(v, 1, false)
		if err != nil {
			return nil, fmt.Errorf("parameter %d: %w", i+1, err)
		}
		params[i] = p
	}
	return params, nil
}

// failed is the code of Supervisor's fault FAILED.
const failed = 30

// replyToProto makes the answer to a call: a value, or a fault. What does not fit is a fault too.
func replyToProto(v any, err error, clean func(string) string) *pb.CallReply {
	var value *pb.Value
	if err == nil {
		if value, err = toProto(v, 1); err != nil {
			err = within("the result", err)
		}
	}
	if err == nil {
		if size := proto.Size(value); size > MaxReply {
			err = fmt.Errorf("the result of %d bytes is larger than %d MiB", size, MaxReply>>20)
		}
	}
	if err == nil {
		return &pb.CallReply{Value: value}
	}
	f := asFault(err)
	return &pb.CallReply{Fault: &pb.Fault{Code: int32(min(max(f.Code, math.MinInt32), math.MaxInt32)), Text: cleanText(clean(f.Text))}}
}

// replyFromProto is what replyToProto was given. The error is a *Fault, or reports what does not fit.
func replyFromProto(reply *pb.CallReply, ordered bool) (any, error) {
	if f := reply.GetFault(); f != nil {
		return nil, &Fault{Code: int(f.GetCode()), Text: cleanText(f.GetText())}
	}
	if size := proto.Size(reply.GetValue()); size > MaxReply {
		return nil, fmt.Errorf("the answer of %d bytes is larger than %d MiB", size, MaxReply>>20)
	}
	v, err := fromProto(reply.GetValue(), 1, ordered)
	if err != nil {
		return nil, fmt.Errorf("the answer cannot be read: %w", err)
	}
	return v, nil
}
