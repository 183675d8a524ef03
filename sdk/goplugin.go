package sdk

import (
	"context"
	"io"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

const (
	// ProtocolVersion is the version of hark.plugin.v1, which go-plugin negotiates.
	ProtocolVersion = 1
	// PluginName is what go-plugin's client dispenses: a *Client.
	PluginName = "plugin"
	// Cookie is the variable by which a plugin knows that a host has started it, and CookieValue its value. It is no secret.
	Cookie      = "HARK_PLUGIN"
	CookieValue = "hark.plugin.v1"
	// MaxMessage bounds every message of gRPC, either way, in bytes.
	MaxMessage = 16 << 20
	// maxHostStreams bounds the calls that a plugin has under way at the host on one connection, and with them the messages that are held.
	maxHostStreams = 32
)

// Handshake is go-plugin's handshake, the same on both sides.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{ProtocolVersion: ProtocolVersion, MagicCookieKey: Cookie, MagicCookieValue: CookieValue}
}

// ClientPlugins is go-plugin's VersionedPlugins on the host's side: every version it speaks. Dispense(PluginName)
// gives a *Client.
func ClientPlugins() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &GRPCPlugin{}}}
}

// DialOptions are the options of gRPC (go-plugin's GRPCDialOptions) for a connection to a plugin or to a
// host: check is asked who is at the other end, see IsPID.
func DialOptions(check func(Peer) error) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithTransportCredentials(PeerCredentials(check)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)),
		grpc.WithNoProxy(),
		grpc.WithDisableServiceConfig(),
	}
}

func serverOptions(check func(Peer) error) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(PeerCredentials(check)), grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage),
	}
}

// GRPCPlugin is the services of a plugin, as go-plugin wants them.
type GRPCPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	r *registry // nil on the host's side
}

// GRPCServer registers the services. It is for the plugin's process.
func (p *GRPCPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	p.r.register(s)
	return nil
}

// GRPCClient makes a *Client. It is for the host.
func (p *GRPCPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// register serves what the plugin is; the services of kinds that it is not do not exist.
func (r *registry) register(s grpc.ServiceRegistrar) {
	pb.RegisterPluginServer(s, &pluginService{r: r})
	for _, k := range r.plugin.Kinds {
		switch k.Name {
		case NotifierKind:
			pb.RegisterNotifierServer(s, &notifierService{r: r})
		case LogSinkKind:
			pb.RegisterLogSinkServer(s, &logSinkService{r: r})
		case NamespaceKind:
			pb.RegisterNamespaceServer(s, &namespaceService{r: r})
		}
	}
}

// NewServer is a server of gRPC that serves p as Serve does, within this process: for tests. Log lines go to stderr; check is
// asked who connects, and who listens on the host's socket. The caller serves and stops it.
func NewServer(p Plugin, stderr io.Writer, check func(Peer) error) (*grpc.Server, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	s := grpc.NewServer(serverOptions(check)...)
	newRegistry(p, stderr, check).register(s)
	return s, nil
}
