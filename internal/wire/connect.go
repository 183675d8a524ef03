package wire

import (
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

const (
	// ProtocolVersion is the version of hark.plugin.v1, which go-plugin negotiates.
	ProtocolVersion = 1
	// PluginName is what go-plugin's client dispenses.
	PluginName = "plugin"
	// Cookie is the variable by which a plugin knows that a host has started it, and CookieValue its value. It is not a secret.
	Cookie      = "HARK_PLUGIN"
	CookieValue = "hark.plugin.v1"
	// MaxMessage bounds every message of gRPC, either way, in bytes.
	MaxMessage = 16 << 20
)

// Handshake is go-plugin's handshake, the same on both sides.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{ProtocolVersion: ProtocolVersion, MagicCookieKey: Cookie, MagicCookieValue: CookieValue}
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

// ServerOptions are the same for a server.
func ServerOptions(check func(Peer) error) []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.Creds(PeerCredentials(check)), grpc.MaxRecvMsgSize(MaxMessage), grpc.MaxSendMsgSize(MaxMessage),
	}
}
