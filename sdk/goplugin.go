package sdk

import (
	"context"
	"errors"
	"io"
	"net"
	"os"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// grpcPlugin registers a plugin's services in the form that go-plugin requires.
type grpcPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	r *registry
}

// GRPCServer registers the services.
func (p *grpcPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	p.r.register(s)
	return nil
}

// GRPCClient is for the host, which has its own.
func (p *grpcPlugin) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("internal error: a plugin calls no plugin")
}

// register serves what the plugin is; the services of kinds that it is not do not exist.
func (r *registry) register(s grpc.ServiceRegistrar) {
	pb.RegisterPluginServer(s, &pluginService{r: r})
	for _, k := range r.plugin.Kinds {
		switch k.name {
		case wire.Notifier:
			pb.RegisterNotifierServer(s, &notifierService{r: r})
		case wire.LogSink:
			pb.RegisterLogSinkServer(s, &logSinkService{r: r})
		case wire.Namespace:
			pb.RegisterNamespaceServer(s, &namespaceService{r: r})
		}
	}
}

// ServeAt serves p within this process, to this process only, at a unix socket that listens: for tests, as sdktest does it
// for an author. Log lines go to stderr. stop closes the listener and all connections, and returns once that is done.
func ServeAt(l net.Listener, p Plugin, stderr io.Writer) (stop func() error, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	own := wire.IsPID(os.Getpid)
	s := grpc.NewServer(wire.ServerOptions(own)...)
	newRegistry(p, stderr, own).register(s)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return func() error {
		s.Stop()
		return <-served
	}, nil
}
