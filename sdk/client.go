package sdk

import (
	"context"
	"errors"

	"google.golang.org/grpc"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Client is the host's side of one plugin's process. All methods block until the plugin has answered or ctx is done, which
// must have a deadline: a plugin may never answer. They may be called by many goroutines. IsUnavailable tells a plugin that is
// gone from one whose answer is an error. What a plugin answers is checked: sizes, depths, names, texts.
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
		return Description{}, callError(ctx, err)
	}
	return descriptionFromProto(reply)
}

// Configure makes an instance, or puts a new one in the place of that name. values are the section's keys that are
// the plugin's, secrets read from their files; hostSocket is where it may call back, "" for nowhere. The methods are a
// namespace's. A *ConfigError is the plugin's no; the instance that was there before then goes on.
func (c *Client) Configure(ctx context.Context, kind KindName, name string, values map[string]string, d Daemon, hostSocket string) ([]Method, error) {
	reply, err := c.plugin.Configure(ctx, &pb.ConfigureRequest{
		Instance: keyToProto(instanceKey{kind, name}), Values: values, Daemon: daemonToProto(d), HostSocket: hostSocket,
	})
	switch {
	case err != nil:
		return nil, callError(ctx, err)
	case reply.GetError() != "" || reply.GetKey() != "":
		return nil, &ConfigError{oneLine(reply.GetKey()), oneLine(reply.GetError())}
	}
	return methodsFromProto(reply.GetMethods())
}

// Remove flushes and ends an instance, within ctx's deadline. One that is not there is no error.
func (c *Client) Remove(ctx context.Context, kind KindName, name string) error {
	reply, err := c.plugin.Remove(ctx, &pb.RemoveRequest{Instance: keyToProto(instanceKey{kind, name})})
	if err != nil {
		return callError(ctx, err)
	}
	if reply.GetError() != "" {
		return errors.New(oneLine(reply.GetError()))
	}
	return nil
}

// InstanceHealth is the health of one instance.
type InstanceHealth struct {
	Kind    KindName
	Name    string
	Trouble string // "" when it is well
}

// Health asks how the plugin's instances are. It answers within two seconds, or is not well.
func (c *Client) Health(ctx context.Context) ([]InstanceHealth, error) {
	reply, err := c.plugin.Health(ctx, &pb.HealthRequest{})
	if err != nil {
		return nil, callError(ctx, err)
	}
	var all []InstanceHealth
	for _, i := range reply.GetInstances() {
		all = append(all, InstanceHealth{kindFromProto(i.GetInstance().GetKind()), oneLine(i.GetInstance().GetName()), oneLine(i.GetTrouble())})
	}
	return all, nil
}

// Stop flushes all instances within ctx's deadline. The process goes on until it is ended.
func (c *Client) Stop(ctx context.Context) error {
	_, err := c.plugin.Stop(ctx, &pb.StopRequest{})
	return callError(ctx, err)
}
