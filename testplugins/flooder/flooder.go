// Package flooder is a plugin that does its work well and, when it is told to, floods the host with frames of HTTP/2: a test binary becomes it by
// calling Run. sdk.Serve cannot be made to do that, so it serves the protocol by itself.
package flooder

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Verb is the argument by which a test binary knows that it is to be this plugin.
const Verb = "hark-flooder"

// Floods are the frames that it can send without end, by the method flood. Those over "back" go to the socket on which it calls back.
func Floods() []string {
	return []string{
		"ping", "settings", "long settings", "reset", "window", "empty data", "padding", "headers", "priority", "data",
		"back ping", "back rapid reset", "back unknown method", "back connections",
	}
}

// server is the whole plugin.
type server struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedPluginServer
	pb.UnimplementedNamespaceServer
	pb.UnimplementedLogSinkServer

	mu     sync.Mutex
	socket string // of the host
	conn   *tap   // the host's connection
}

// Run is the plugin's main.
func Run() {
	go func() { // the host is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	s := &server{}
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{wire.ProtocolVersion: {wire.PluginName: s}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.Creds(tapped{wire.PeerCredentials(wire.IsPID(os.Getppid)), s}), grpc.MaxRecvMsgSize(wire.MaxMessage))...)
		},
	})
}

// tap is a connection on which gRPC and a flood may write.
type tap struct {
	net.Conn
	mu sync.Mutex
}

func (w *tap) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Conn.Write(b)
}

// tapped are credentials that keep the connection.
type tapped struct {
	credentials.TransportCredentials
	s *server
}

func (c tapped) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	w := &tap{Conn: conn}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.conn = w
	return w, info, nil
}

func (c tapped) Clone() credentials.TransportCredentials { return c }

func (s *server) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pb.RegisterPluginServer(g, s)
	pb.RegisterNamespaceServer(g, s)
	pb.RegisterLogSinkServer(g, s)
	return nil
}

func (s *server) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	return &pb.DescribeReply{Name: "flooder", Version: "1.0.0", Doc: "Floods.", Kinds: []*pb.KindDescription{
		{Kind: pb.Kind_NAMESPACE}, {Kind: pb.Kind_LOG_SINK},
	}}, nil
}

func (s *server) Configure(_ context.Context, q *pb.ConfigureRequest) (*pb.ConfigureReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.socket = q.GetHostSocket()
	text := &pb.Param{Type: "string", Name: "text"}
	return &pb.ConfigureReply{Methods: []*pb.Method{
		{Name: "echo", Params: []*pb.Param{text}, Returns: text, Help: "Answer what it is given."},
		{Name: "flood", Params: []*pb.Param{text}, Returns: text, Help: "Flood the host."},
	}}, nil
}

func (s *server) Remove(context.Context, *pb.RemoveRequest) (*pb.RemoveReply, error) {
	return &pb.RemoveReply{}, nil
}

func (s *server) Health(context.Context, *pb.HealthRequest) (*pb.HealthReply, error) {
	return &pb.HealthReply{}, nil
}

func (s *server) Stop(context.Context, *pb.StopRequest) (*pb.StopReply, error) {
	return &pb.StopReply{}, nil
}

// Call answers its parameter, and floods without end from then on if that is the method.
func (s *server) Call(_ context.Context, q *pb.CallRequest) (*pb.CallReply, error) {
	if q.GetMethod() == "flood" {
		s.mu.Lock()
		defer s.mu.Unlock()
		go flood(q.GetParams()[0].GetText(), s.socket, s.conn)
	}
	return &pb.CallReply{Value: q.GetParams()[0]}, nil
}

// Write acknowledges everything.
func (s *server) Write(stream grpc.BidiStreamingServer[pb.LogBatch, pb.LogAck]) error {
	for {
		b, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = stream.Send(&pb.LogAck{Seq: b.GetSeq()})
		}
		if err != nil {
			return err
		}
	}
}

// flood ends with the connection, and the process with it unless the host is quicker.
func flood(how, socket string, conn net.Conn) {
	err := fmt.Errorf("there is no flood %q", how)
	switch how {
	case "ping":
		err = repeat(conn, frame(6, 0, 0, make([]byte, 8)))
	case "settings":
		err = repeat(conn, frame(4, 0, 0, nil))
	case "long settings":
		err = repeat(conn, frame(4, 0, 0, make([]byte, 6*2000)))
	case "reset":
		err = repeat(conn, frame(3, 0, 1, []byte{0, 0, 0, 8}))
	case "window":
		err = repeat(conn, frame(8, 0, 1, []byte{0, 0, 0, 1}))
	case "empty data":
		err = repeat(conn, frame(0, 0, 1, nil))
	case "padding":
		err = repeat(conn, frame(0, 8, 1, append([]byte{255}, make([]byte, 255)...)))
	case "headers":
		err = repeat(conn, frame(1, 4, 1, []byte{0x88}))
	case "priority":
		err = repeat(conn, frame(2, 0, 1, make([]byte, 5)))
	case "data":
		err = repeat(conn, frame(0, 0, 1, []byte{1}))
	case "back ping":
		err = floodHost(socket, func(c net.Conn) error { return repeat(c, frame(6, 1, 0, make([]byte, 8))) })
	case "back rapid reset":
		err = floodHost(socket, func(c net.Conn) error {
			return streams(c, pb.Host_Call_FullMethodName, func(id uint32) []byte { return frame(3, 0, id, []byte{0, 0, 0, 8}) })
		})
	case "back unknown method":
		err = floodHost(socket, func(c net.Conn) error {
			return streams(c, "/nobody/knows", func(id uint32) []byte { return frame(0, 1, id, nil) })
		})
	case "back connections":
		for { // one that is refused is as good
			_ = floodHost(socket, func(net.Conn) error { return nil })
		}
	}
	// It goes on as if nothing had happened, for it is the host's to find out.
	_, _ = fmt.Fprintln(os.Stderr, "the flood ended:", err)
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b := []byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// repeat writes a frame again and again, many at once.
func repeat(to io.Writer, f []byte) error {
	var many []byte
	for len(many) < 16<<10 {
		many = append(many, f...)
	}
	for {
		if _, err := to.Write(many); err != nil {
			return err
		}
	}
}

// floodHost connects to the host's socket as a client of HTTP/2.
func floodHost(socket string, f func(net.Conn) error) error {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	if _, err := conn.Write(append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, nil)...)); err != nil {
		return err
	}
	return f(conn)
}

// streams opens one stream after another, each followed by what end makes.
func streams(c net.Conn, path string, end func(id uint32) []byte) error {
	headers := []byte{0x83, 0x86, 0x41, 1, 'x'} // :method POST, :scheme http, :authority x
	literal := func(name, value string) {
		headers = append(append(headers, 0, byte(len(name))), name...)
		headers = append(append(headers, byte(len(value))), value...)
	}
	literal(":path", path)
	literal("content-type", "application/grpc")
	literal("te", "trailers")
	for id := uint32(1); ; {
		var many []byte
		for range 100 {
			many = append(append(many, frame(1, 4, id, headers)...), end(id)...)
			id += 2
		}
		if _, err := c.Write(many); err != nil {
			return err
		}
	}
}
