package sdk

import (
	"context"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/hark-supervisor/hark/internal/wire"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// notifierService is the service Notifier of a plugin's process.
type notifierService struct {
	pb.UnimplementedNotifierServer
	r *registry
}

func (s *notifierService) Notify(ctx context.Context, q *pb.NotifyRequest) (*pb.NotifyReply, error) {
	i, err := s.r.enter(ctx, wire.Key{Kind: wire.Notifier, Name: q.GetInstance()})
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
	reply := &pb.NotifyReply{Outcome: pb.NotifyReply_RETRY, Error: wire.CleanText(s.r.redact.text(err.Error()))}
	if IsFinal(err) {
		reply.Outcome = pb.NotifyReply_FINAL
	} else if d := RetryDelay(err); d > 0 {
		reply.RetryAfter = durationpb.New(d)
	}
	return reply, nil
}

func notificationFromProto(p *pb.Notification) *Notification {
	n := &Notification{
		ID: p.GetId(), Severity: severityFromProto(p.GetSeverity()), Title: p.GetTitle(), Body: p.GetBody(),
		Attempt: int(p.GetAttempt()), Suppressed: p.GetSuppressed(), Daemon: daemonFromProto(p.GetDaemon()),
	}
	for _, e := range p.GetEvents() {
		n.Events = append(n.Events, eventFromProto(e))
	}
	return n
}

func eventFromProto(p *pb.Event) Event {
	e := Event{
		Seq: p.GetSeq(), Type: p.GetType(), Time: p.GetTime().AsTime(), Group: p.GetGroup(), Process: p.GetProcess(),
		Pid: int(p.GetPid()), From: p.GetFromState(), Tries: int(p.GetTries()), Expected: p.GetExpected(),
		Data: p.GetData(), Payload: p.GetPayload(), JSON: p.GetJson(),
	}
	if x := p.GetExit(); x != nil {
		e.Exit = &Exit{Status: int(x.GetStatus()), Signal: int(x.GetSignal()), CoreDumped: x.GetCoreDumped(), Uptime: wire.Duration(x.GetUptime())}
	}
	return e
}

// severityFromProto is the severity of that name; Info for one of a later version.
func severityFromProto(p pb.Severity) Severity {
	for s := Info; s <= Critical; s++ {
		if strings.ToUpper(s.String()) == p.String() {
			return s
		}
	}
	return Info
}
