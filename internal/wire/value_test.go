package wire

import (
	"iter"
	"testing"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// pairs is a struct that keeps its order.
type pairs []pair

type pair struct {
	name  string
	value any
}

func (p pairs) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, one := range p {
			if !yield(one.name, one.value) {
				return
			}
		}
	}
}

func ordered(names []string, values []any) any {
	p := make(pairs, len(names))
	for i, name := range names {
		p[i] = pair{name, values[i]}
	}
	return p
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
		if v, f, err := ReplyFromProto(reply, ordered); err == nil || f != nil {
			t.Errorf("%s: it is taken for %T", name, v)
		}
	}
	if _, _, err := ReplyFromProto(&pb.CallReply{Value: deepProto(MaxDepth - 1)}, ordered); err != nil {
		t.Error(err)
	}
	if v, f, err := ReplyFromProto(&pb.CallReply{}, ordered); v != nil || f != nil || err != nil {
		t.Errorf("an empty answer is %v (%v)", v, err)
	}
}

func FuzzAValueMadeOfBytesIsMadeAgain(f *testing.F) {
	f.Fuzz(func(t *testing.T, name, text string, n int64, number float64, b []byte) {
		v := pairs{{name, []any{text, n, number, b}}}
		p, err := toProto(v, 1)
		if err != nil {
			return
		}
		back, err := fromProto(p, 1, ordered)
		if err != nil {
			t.Fatal(err)
		}
		again, err := toProto(back, 1)
		if err != nil || again.String() != p.String() {
			t.Errorf("%v comes back as %v (%v)", v, back, err)
		}
	})
}
