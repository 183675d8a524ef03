package sdk

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// notifierService is the service Notifier of a plugin's process.
type notifierService struct {
	pb.UnimplementedNotifierServer
	r *registry
}

func (s *notifierService) Notify(ctx context.Context, q *pb.NotifyRequest) (*pb.NotifyReply, error) {
	i, err := s.r.enter(ctx, instanceKey{NotifierKind, q.GetInstance()})
	if err != nil {
		return nil, err
	}
	defer i.leave()
	n := notificationFromProto(q.GetNotification())
	began := false
	err = i.inTurn(ctx, "Notify", func() error {
		began = true
		return i.impl.(Notifier).Notify(ctx, n)
	})
	switch {
	case err == nil:
		return &pb.NotifyReply{}, nil
	case !began:
		return nil, err
	}
	reply := &pb.NotifyReply{Outcome: pb.NotifyReply_RETRY, Error: cleanText(s.r.redact.text(err.Error()))}
	if IsFinal(err) {
		reply.Outcome = pb.NotifyReply_FINAL
	} else if d := RetryDelay(err); d > 0 {
		reply.RetryAfter = durationpb.New(d)
	}
	return reply, nil
}

// remoteNotifier is an instance of a plugin's process, as the host has it.
type remoteNotifier struct {
	c    pb.NotifierClient
	name string
}

// Notifier is an instance that Configure made. Its Notify blocks no longer than the deadline of its ctx, which every call
// must have. IsUnavailable reports where the plugin is gone: the notification may or may not have been delivered.
func (c *Client) Notifier(name string) Notifier { return &remoteNotifier{c.notifier, name} }

func (r *remoteNotifier) Notify(ctx context.Context, n *Notification) error {
	reply, err := r.c.Notify(ctx, &pb.NotifyRequest{Instance: r.name, Notification: notificationToProto(n)})
	if err != nil {
		return callError(ctx, err)
	}
	return outcome(reply.GetOutcome() != pb.NotifyReply_DELIVERED, reply.GetError(), reply.GetOutcome() == pb.NotifyReply_FINAL, reply.GetRetryAfter())
}

// maxRetryDelay bounds what a plugin may make the host wait.
const maxRetryDelay = 24 * time.Hour

// outcome makes an error of what a plugin answered.
func outcome(refused bool, text string, final bool, after *durationpb.Duration) error {
	if !refused {
		return nil
	}
	if text == "" {
		text = "the plugin gives no reason"
	}
	err := errors.New(cleanText(text))
	switch d := durationFromProto(after); {
	case final:
		return Final(err)
	case d > 0:
		return RetryAfter(err, min(d, maxRetryDelay))
	}
	return err
}

// durationFromProto takes what is out of range for 0.
func durationFromProto(d *durationpb.Duration) time.Duration {
	if d.CheckValid() != nil {
		return 0
	}
	return d.AsDuration()
}

func notificationToProto(n *Notification) *pb.Notification {
	p := &pb.Notification{
		Id: validText(n.ID), Severity: severities()[n.Severity], Title: validText(n.Title), Body: validText(n.Body),
		Attempt: uint32(n.Attempt), Suppressed: n.Suppressed, Daemon: daemonToProto(n.Daemon),
	}
	for i := range n.Events {
		p.Events = append(p.Events, eventToProto(&n.Events[i]))
	}
	return p
}

func notificationFromProto(p *pb.Notification) *Notification {
	n := &Notification{
		ID: p.GetId(), Severity: named(severities(), p.GetSeverity(), Info), Title: p.GetTitle(), Body: p.GetBody(),
		Attempt: int(p.GetAttempt()), Suppressed: p.GetSuppressed(), Daemon: daemonFromProto(p.GetDaemon()),
	}
	for _, e := range p.GetEvents() {
		n.Events = append(n.Events, eventFromProto(e))
	}
	return n
}

func eventToProto(e *Event) *pb.Event {
	p := &pb.Event{
		Seq: e.Seq, Type: validText(e.Type), Time: timestamppb.New(e.Time), Group: validText(e.Group), Process: validText(e.Process),
		Pid: int64(e.Pid), FromState: validText(e.From), Tries: int64(e.Tries), Expected: e.Expected,
		Data: e.Data, Payload: e.Payload, Json: e.JSON,
	}
	if x := e.Exit; x != nil {
		p.Exit = &pb.Exit{Status: int32(x.Status), Signal: int32(x.Signal), CoreDumped: x.CoreDumped, Uptime: durationpb.New(x.Uptime)}
	}
	return p
}

func eventFromProto(p *pb.Event) Event {
	e := Event{
		Seq: p.GetSeq(), Type: p.GetType(), Time: p.GetTime().AsTime(), Group: p.GetGroup(), Process: p.GetProcess(),
		Pid: int(p.GetPid()), From: p.GetFromState(), Tries: int(p.GetTries()), Expected: p.GetExpected(),
		Data: p.GetData(), Payload: p.GetPayload(), JSON: p.GetJson(),
	}
	if x := p.GetExit(); x != nil {
		e.Exit = &Exit{Status: int(x.GetStatus()), Signal: int(x.GetSignal()), CoreDumped: x.GetCoreDumped(), Uptime: durationFromProto(x.GetUptime())}
	}
	return e
}
