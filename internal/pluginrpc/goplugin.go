// Package pluginrpc is the host's end of the plugin protocol: a client of one plugin's process, the server that the plugin
// calls back, and the bounds of what it may send. An author's end is package sdk.
package pluginrpc

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/hark-supervisor/hark/internal/wire"
)

// Plugins is go-plugin's VersionedPlugins on the host's side: every version it speaks. Dispense(wire.PluginName)
// returns a *Client.
func Plugins() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{wire.ProtocolVersion: {wire.PluginName: &grpcPlugin{}}}
}

// grpcPlugin is how go-plugin's client makes a *Client.
type grpcPlugin struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCClient makes a *Client.
func (*grpcPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewClient(conn), nil
}

// GRPCServer is for the plugin's end, which has its own.
func (*grpcPlugin) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error {
	return errors.New("internal error: the host serves no plugin")
}
