package sdk

import (
	"context"
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// hosts are the plugin's connections to sockets of the host: in practice one, made at the first call.
type hosts struct {
	check   func(wire.Peer) error // checks that the peer may be the host
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
	c, err := grpc.NewClient("unix:"+socket, wire.DialOptions(h.check)...)
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
	values, err := wire.ParamsToProto(params)
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
	v, fault, err := wire.ReplyFromProto(reply, wire.Maps)
	if fault != nil {
		return nil, (*Fault)(fault)
	}
	return v, err
}

// hostError is wire.CallError in words that fit the host.
func hostError(ctx context.Context, err error) error {
	if code := status.Code(err); code == codes.Unavailable || code == codes.Canceled && ctx.Err() == nil {
		return errors.New("the daemon does not answer: " + wire.CleanText(status.Convert(err).Message()))
	}
	return wire.CallError(ctx, err)
}
