package pluginrpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// maxHostStreams bounds the calls that a plugin has under way at the host on one connection, and with them the messages
// that are held.
const maxHostStreams = 32

// HostFunc answers a plugin's call of an XML-RPC method. An error that is not an *sdk.Fault becomes the fault FAILED (30) with its text.
type HostFunc func(ctx context.Context, method string, params []any) (any, error)

type hostService struct {
	pb.UnimplementedHostServer
	call HostFunc
}

func (s *hostService) Call(ctx context.Context, q *pb.HostCallRequest) (*pb.CallReply, error) {
	params, err := wire.ParamsFromProto(q.GetParams())
	var result any
	if err == nil {
		result, err = s.call(ctx, q.GetMethod(), params)
	}
	return wire.ReplyToProto(result, (*wire.Fault)(sdk.FaultOf(err)), func(s string) string { return s }), nil
}

// NewHostServer is a server of gRPC for the unix socket that a plugin calls back on. check lets connections through;
// whether a method may be called is call's business. The caller serves and stops it.
func NewHostServer(check func(wire.Peer) error, call HostFunc) *grpc.Server {
	s := grpc.NewServer(hostOptions(check)...)
	pb.RegisterHostServer(s, &hostService{call: call})
	return s
}

func hostOptions(check func(wire.Peer) error) []grpc.ServerOption {
	return append(wire.ServerOptions(check), grpc.MaxConcurrentStreams(maxHostStreams), grpc.MaxHeaderListSize(maxHeaders))
}
