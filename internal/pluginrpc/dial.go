package pluginrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/hark-supervisor/hark/internal/wire"
)

// Dial connects to a plugin by the line it wrote at its start, without go-plugin's client: for tests and checks. It does not wait for
// the plugin. check is called with the peer. What the plugin prints to standard output, which go-plugin
// carries over the connection, is copied to output. close ends the connection, not the process.
func Dial(line string, check func(wire.Peer) error, output io.Writer) (c *Client, end func(), err error) {
	address, err := handshakeAddress(line)
	if err != nil {
		return nil, nil, err
	}
	conn, err := grpc.NewClient("unix:"+address, wire.DialOptions(check)...)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		drain(ctx, conn, output)
	}()
	return NewClient(conn), func() {
		cancel()
		_ = conn.Close()
		<-done
	}, nil
}

// handshakeAddress reads core version|protocol version|network|address|protocol|certificate.
func handshakeAddress(line string) (string, error) {
	part := strings.Split(strings.TrimSpace(line), "|")
	switch {
	case len(part) < 5 || part[0] != "1":
		return "", errors.New(NotHandshake(line))
	case part[1] != fmt.Sprint(wire.ProtocolVersion):
		return "", fmt.Errorf("the plugin speaks version %.10q of the protocol, this program version %d", part[1], wire.ProtocolVersion)
	case part[2] != "unix" || part[4] != "grpc":
		return "", fmt.Errorf("the plugin offers %.20q over %.20q, not gRPC over a unix socket", part[4], part[2])
	}
	return part[3], nil
}

// NotHandshake says what is wrong with a plugin whose standard output does not begin with the handshake, and what to do.
func NotHandshake(line string) string {
	line, _, _ = strings.Cut(line, "\n")
	return fmt.Sprintf("%.80q is not the handshake of a plugin: its standard output belongs to the protocol, so it must print to standard error", strings.TrimSpace(line))
}

// drain reads the plugin's standard output and error from go-plugin (grpc_stdio.proto: a channel and data). A plugin whose
// output is not read blocks when it prints; one that does not offer it is one in another language.
func drain(ctx context.Context, conn *grpc.ClientConn, output io.Writer) {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/plugin.GRPCStdio/StreamStdio", grpc.WaitForReady(true))
	if err != nil {
		return
	}
	if err := errors.Join(stream.SendMsg(&emptypb.Empty{}), stream.CloseSend()); err != nil {
		return
	}
	for {
		var m emptypb.Empty // its fields are unknown to it, and kept
		if err := stream.RecvMsg(&m); err != nil {
			return
		}
		for b := m.ProtoReflect().GetUnknown(); len(b) > 0; {
			number, kind, n := protowire.ConsumeTag(b)
			if n < 0 {
				return
			}
			b = b[n:]
			size := protowire.ConsumeFieldValue(number, kind, b)
			if size < 0 {
				return
			}
			if kind == protowire.BytesType {
				data, _ := protowire.ConsumeBytes(b)
				_, _ = output.Write(data)
			}
			b = b[size:]
		}
	}
}
