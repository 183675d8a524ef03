package pluginrpc

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Client is the host's side of one plugin's process. All methods block until the plugin has answered or ctx is done, which
// must have a deadline: a plugin may never answer. They may be called by many goroutines. wire.IsUnavailable distinguishes a plugin that is
// gone from one whose answer is an error. A plugin's answers are checked: sizes, depths, names, texts.
type Client struct {
	plugin    pb.PluginClient
	notifier  pb.NotifierClient
	logSink   pb.LogSinkClient
	namespace pb.NamespaceClient
}

// NewClient speaks to the plugin at the other end of a connection, which stays the caller's.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{pb.NewPluginClient(conn), pb.NewNotifierClient(conn), pb.NewLogSinkClient(conn), pb.NewNamespaceClient(conn)}
}

// Describe asks the plugin what it is.
func (c *Client) Describe(ctx context.Context) (Description, error) {
	reply, err := c.plugin.Describe(ctx, &pb.DescribeRequest{})
	if err != nil {
		return Description{}, wire.CallError(ctx, err)
	}
	return descriptionFromProto(reply)
}

// Configure creates an instance, or replaces the one of that name. values are the section's keys that are
// the plugin's, with secrets read from their files; hostSocket is where it may call back, "" for nowhere. The methods are a
// namespace's. A *pluginkeys.Error is the plugin's refusal; the previous instance then continues.
func (c *Client) Configure(ctx context.Context, kind wire.Kind, name string, values map[string]string, d sdk.Daemon, hostSocket string) ([]sdk.Method, error) {
	reply, err := c.plugin.Configure(ctx, &pb.ConfigureRequest{
		Instance: wire.Key{Kind: kind, Name: name}.ToProto(), Values: values, Daemon: daemonToProto(d), HostSocket: hostSocket,
	})
	switch {
	case err != nil:
		return nil, wire.CallError(ctx, err)
	case reply.GetError() != "" || reply.GetKey() != "":
		return nil, &pluginkeys.Error{Key: wire.OneLine(reply.GetKey()), Text: wire.OneLine(reply.GetError())}
	}
	return methodsFromProto(reply.GetMethods())
}

// Remove flushes and ends an instance, within ctx's deadline. If it does not exist, that is not an error.
func (c *Client) Remove(ctx context.Context, kind wire.Kind, name string) error {
	reply, err := c.plugin.Remove(ctx, &pb.RemoveRequest{Instance: wire.Key{Kind: kind, Name: name}.ToProto()})
	if err != nil {
		return wire.CallError(ctx, err)
	}
	if reply.GetError() != "" {
		return errors.New(wire.OneLine(reply.GetError()))
	}
	return nil
}

// InstanceHealth is the health of one instance.
type InstanceHealth struct {
	Kind    wire.Kind
	Name    string
	Trouble string // "" when it is well
}

// Health asks how the plugin's instances are. It answers within two seconds, or is not well.
func (c *Client) Health(ctx context.Context) ([]InstanceHealth, error) {
	reply, err := c.plugin.Health(ctx, &pb.HealthRequest{})
	if err != nil {
		return nil, wire.CallError(ctx, err)
	}
	var all []InstanceHealth
	for _, i := range reply.GetInstances() {
		all = append(all, InstanceHealth{wire.KindFromProto(i.GetInstance().GetKind()), wire.OneLine(i.GetInstance().GetName()), wire.OneLine(i.GetTrouble())})
	}
	return all, nil
}

// Stop flushes all instances within ctx's deadline. The process continues until it is ended.
func (c *Client) Stop(ctx context.Context) error {
	_, err := c.plugin.Stop(ctx, &pb.StopRequest{})
	return wire.CallError(ctx, err)
}
