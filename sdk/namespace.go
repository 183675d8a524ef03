package sdk

import (
	"context"
	"iter"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
)

// Namespace adds XML-RPC methods: those of [rpcinterface:x] are called x.METHOD.
type Namespace interface {
	// Methods lists what can be called. It is asked once, after the instance is made.
	Methods() []Method
	// Call calls a method by its name without the namespace, with as many parameters as it declares. Values are
	// int, int64, bool, string, float64, time.Time, []byte, []any, map[string]any (or Struct, which keeps its order) and nil. It may be called by many
	// goroutines at once. An error that is not a *Fault becomes the fault FAILED (30) with its text.
	Call(ctx context.Context, method string, params []any) (any, error)
}

// Method describes one method of a namespace for system.listMethods, methodSignature and methodHelp.
type Method struct {
	Name     string // without the namespace
	Params   []Param
	Optional int // how many of the last Params may be left out
	Returns  Param
	Help     string
	ReadOnly bool          // may be called with read-only credentials
	Timeout  time.Duration // 0: the host's default, 30 s
}

// Param is a parameter or a result: its XML-RPC type (string, int, boolean, double, array, struct …), name and meaning.
type Param struct{ Type, Name, Help string }

// Struct is a struct of XML-RPC with its members in order.
type Struct []Member

// All goes through the names and values of the members in order.
func (s Struct) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for _, m := range s {
			if !yield(m.Name, m.Value) {
				return
			}
		}
	}
}

// Member is one member of a Struct.
type Member struct {
	Name  string
	Value any
}

// The bounds of parameters and results of XML-RPC methods.
const (
	MaxDepth = wire.MaxDepth // 64: how deep values may hold values
	MaxReply = wire.MaxReply // 8 MiB: bytes of one result, or of the parameters of one call, as protobuf
)
