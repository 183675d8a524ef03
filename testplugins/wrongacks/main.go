// Command wrongacks is a log sink that answers batches it was not sent, or in the wrong order. sdk.Serve cannot be made to do
// that, so it serves the protocol by itself.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// server is the whole plugin. Its key mode says what it does: ahead, behind, twice or backwards.
type server struct {
	plugin.NetRPCUnsupportedPlugin
	pb.UnimplementedPluginServer
	pb.UnimplementedLogSinkServer

	mu   sync.Mutex
	mode string
}

func (s *server) GRPCServer(_ *plugin.GRPCBroker, g *grpc.Server) error {
	pb.RegisterPluginServer(g, s)
	pb.RegisterLogSinkServer(g, s)
	return nil
}

func (s *server) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("this is the plugin's side")
}

func (s *server) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	return &pb.DescribeReply{Name: "wrongacks", Version: "1.0.0", Doc: "Answers wrongly.", Kinds: []*pb.KindDescription{
		{Kind: pb.Kind_LOG_SINK, Fields: []*pb.Field{{Key: "mode", Default: "ahead", Doc: "ahead, behind, twice or backwards"}}},
	}}, nil
}

func (s *server) Configure(_ context.Context, q *pb.ConfigureRequest) (*pb.ConfigureReply, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = q.GetValues()["mode"]
	return &pb.ConfigureReply{}, nil
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

func (s *server) Write(stream grpc.BidiStreamingServer[pb.LogBatch, pb.LogAck]) error {
	mode := s.misbehaviour()
	held := uint64(0)
	for {
		b, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answers := []uint64{b.GetSeq() + 1}
		switch mode {
		case "behind":
			answers = []uint64{b.GetSeq() - 1}
		case "twice":
			answers = []uint64{b.GetSeq(), b.GetSeq()}
		case "backwards": // two at a time
			if held == 0 {
				held = b.GetSeq()
				continue
			}
			answers, held = []uint64{b.GetSeq(), held}, 0
		}
		for _, seq := range answers {
			if err := stream.Send(&pb.LogAck{Seq: seq}); err != nil {
				return err
			}
		}
	}
}

func (s *server) misbehaviour() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mode
}

func main() {
	go func() { // the host is gone
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{wire.ProtocolVersion: {wire.PluginName: &server{}}},
		GRPCServer: func(o []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(o, grpc.Creds(wire.PeerCredentials(wire.IsPID(os.Getppid))), grpc.MaxRecvMsgSize(wire.MaxMessage))...)
		},
	})
}
