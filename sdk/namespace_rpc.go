package sdk

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// namespaceService is the service Namespace of a plugin's process.
type namespaceService struct {
	pb.UnimplementedNamespaceServer
	r *registry
}

// Faults of Supervisor's (xmlrpc.py, Faults).
const (
	unknownMethod       = 1
	incorrectParameters = 2
)

func (s *namespaceService) Call(ctx context.Context, q *pb.CallRequest) (*pb.CallReply, error) {
	i, err := s.r.enter(ctx, wire.Key{Kind: wire.Namespace, Name: q.GetInstance()})
	if err != nil {
		return nil, err
	}
	defer i.leave()
	var result any
	params, err := i.params(q)
	if err == nil {
		err = i.guard(q.GetMethod(), func() (err error) {
			result, err = i.impl.(Namespace).Call(ctx, q.GetMethod(), params)
			return err
		})
	}
	return wire.ReplyToProto(result, (*wire.Fault)(FaultOf(err)), s.r.redact.text), nil
}

// params are the parameters of a call, if there is such a method and it takes as many.
func (i *instance) params(q *pb.CallRequest) ([]any, error) {
	at := slices.IndexFunc(i.methods, func(m Method) bool { return m.Name == q.GetMethod() })
	if at < 0 {
		return nil, &Fault{unknownMethod, "UNKNOWN_METHOD"}
	}
	m, n := &i.methods[at], len(q.GetParams())
	if n > len(m.Params) || n < len(m.Params)-m.Optional {
		return nil, &Fault{incorrectParameters, "INCORRECT_PARAMETERS"}
	}
	return wire.ParamsFromProto(q.GetParams())
}

func methodsToProto(methods []Method) []*pb.Method {
	var out []*pb.Method
	for _, m := range methods {
		p := &pb.Method{
			Name: m.Name, Optional: uint32(m.Optional), Returns: paramToProto(m.Returns), Help: wire.CleanText(m.Help), ReadOnly: m.ReadOnly,
		}
		if m.Timeout != 0 {
			p.Timeout = durationpb.New(m.Timeout)
		}
		for _, param := range m.Params {
			p.Params = append(p.Params, paramToProto(param))
		}
		out = append(out, p)
	}
	return out
}

func paramToProto(p Param) *pb.Param {
	return &pb.Param{Type: p.Type, Name: wire.CleanText(p.Name), Help: wire.CleanText(p.Help)}
}
