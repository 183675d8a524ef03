package pluginrpc

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// remoteNotifier is an instance of a plugin's process, as the host has it.
type remoteNotifier struct {
	c    pb.NotifierClient
	name string
}

// Notifier is an instance that Configure made. Its Notify blocks no longer than the deadline of its ctx, which every call
// must have. IsUnavailable reports where the plugin is gone: the notification may or may not have been delivered.
func (c *Client) Notifier(name string) sdk.Notifier { return &remoteNotifier{c.notifier, name} }

func (r *remoteNotifier) Notify(ctx context.Context, n *sdk.Notification) error {
	reply, err := r.c.Notify(ctx, &pb.NotifyRequest{Instance: r.name, Notification: notificationToProto(n)})
	if err != nil {
		return wire.CallError(ctx, err)
	}
	return outcome(reply.GetOutcome() != pb.NotifyReply_DELIVERED, reply.GetError(), reply.GetOutcome() == pb.NotifyReply_FINAL, reply.GetRetryAfter())
}

// MaxRetryDelay bounds what a plugin may make the host wait.
const MaxRetryDelay = 24 * time.Hour

// outcome makes an error of what a plugin answered.
func outcome(refused bool, text string, final bool, after *durationpb.Duration) error {
	if !refused {
		return nil
	}
	if text == "" {
		text = "the plugin gives no reason"
	}
	err := errors.New(wire.CleanText(text))
	switch d := wire.Duration(after); {
	case final:
		return sdk.Final(err)
	case d > 0:
		return sdk.RetryAfter(err, min(d, MaxRetryDelay))
	}
	return err
}

func notificationToProto(n *sdk.Notification) *pb.Notification {
	p := &pb.Notification{
		Id: wire.ValidText(n.ID), Severity: severity(n.Severity), Title: wire.ValidText(n.Title), Body: wire.ValidText(n.Body),
		Attempt: uint32(n.Attempt), Suppressed: n.Suppressed, Daemon: daemonToProto(n.Daemon),
	}
	for i := range n.Events {
		p.Events = append(p.Events, eventToProto(&n.Events[i]))
	}
	return p
}

func eventToProto(e *sdk.Event) *pb.Event {
	p := &pb.Event{
		Seq: e.Seq, Type: wire.ValidText(e.Type), Time: timestamppb.New(e.Time), Group: wire.ValidText(e.Group), Process: wire.ValidText(e.Process),
		Pid: int64(e.Pid), FromState: wire.ValidText(e.From), Tries: int64(e.Tries), Expected: e.Expected,
		Data: e.Data, Payload: e.Payload, Json: e.JSON,
	}
	if x := e.Exit; x != nil {
		p.Exit = &pb.Exit{Status: int32(x.Status), Signal: int32(x.Signal), CoreDumped: x.CoreDumped, Uptime: durationpb.New(x.Uptime)}
	}
	return p
}

// severity is the word of the protocol for one of ours: they have the same names.
func severity(s sdk.Severity) pb.Severity {
	return pb.Severity(pb.Severity_value[strings.ToUpper(s.String())])
}

func daemonToProto(d sdk.Daemon) *pb.Daemon {
	return &pb.Daemon{
		Identifier: wire.CleanText(d.Identifier), Hostname: wire.CleanText(d.Hostname), Version: wire.CleanText(d.Version),
	}
}
