package sdk

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// hosts are the plugin's connections to sockets of the host: in practice one, made at the first call.
type hosts struct {
	check   func(Peer) error // who may be the host
	mu      sync.Mutex
	sockets map[string]*grpc.ClientConn
}

// at is the host behind a socket; "" is one that refuses every call.
func (h *hosts) at(socket string) Host { return &remoteHost{h, socket} }

func (h *hosts) conn(socket string) (*grpc.ClientConn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.sockets[socket]; c != nil {
		return c, nil
	}
	c, err := grpc.NewClient("unix:"+socket, DialOptions(h.check)...)
	if err != nil {
		return nil, err
	}
	if h.sockets == nil {
		h.sockets = map[string]*grpc.ClientConn{}
	}
	h.sockets[socket] = c
	return c, nil
}

func (h *hosts) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.sockets {
		_ = c.Close()
	}
	clear(h.sockets)
}

// remoteHost is the daemon, as an instance has it.
type remoteHost struct {
	hosts  *hosts
	socket string
}

// noPermission is the code of the fault that an instance without any permission gets; it is Hark's own, beyond Supervisor's.
const noPermission = 403

func (r *remoteHost) Call(ctx context.Context, method string, params ...any) (any, error) {
	if r.socket == "" {
		return nil, &Fault{noPermission, "the plugin may not call back: permissions = of its section [plugin:x] is none"}
	}
	values, err := paramsToProto(params)
	if err != nil {
		return nil, err
	}
	conn, err := r.hosts.conn(r.socket)
	if err != nil {
		return nil, err
	}
	reply, err := pb.NewHostClient(conn).Call(ctx, &pb.HostCallRequest{Method: method, Params: values})
	if err != nil {
		return nil, hostError(ctx, err)
	}
	return replyFromProto(reply, false)
}

// hostError is callError in words that fit the host.
func hostError(ctx context.Context, err error) error {
	if code := status.Code(err); code == codes.Unavailable || code == codes.Canceled && ctx.Err() == nil {
		return errors.New("the daemon does not answer: " + cleanText(status.Convert(err).Message()))
	}
	return callError(ctx, err)
}

// HostFunc answers a plugin's call of an XML-RPC method. An error that is no *Fault becomes the fault FAILED (30) with its text.
type HostFunc func(ctx context.Context, method string, params []any) (any, error)

type hostService struct {
	pb.UnimplementedHostServer
	call HostFunc
}

func (s *hostService) Call(ctx context.Context, q *pb.HostCallRequest) (*pb.CallReply, error) {
	params, err := paramsFromProto(q.GetParams())
	var result any
	if err == nil {
		result, err = s.call(ctx, q.GetMethod(), params)
	}
	return replyToProto(result, err, func(s string) string { return s }), nil
}

// NewHostServer is a server of gRPC for the unix socket that a plugin calls back on. check lets connections through;
// whether a method may be called is call's business. The caller serves and stops it.
func NewHostServer(check func(Peer) error, call HostFunc) *grpc.Server {
	s := grpc.NewServer(hostOptions(check)...)
	pb.RegisterHostServer(s, &hostService{call: call})
	return s
}

func hostOptions(check func(Peer) error) []grpc.ServerOption {
	return append(serverOptions(check), grpc.MaxConcurrentStreams(maxHostStreams), grpc.MaxHeaderListSize(maxHeaders))
}
