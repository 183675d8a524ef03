package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// pluginService is the service Plugin of a plugin's process.
type pluginService struct {
	pb.UnimplementedPluginServer
	r *registry
}

func (s *pluginService) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeReply, error) {
	return describe(s.r.plugin), nil
}

func (s *pluginService) Configure(ctx context.Context, q *pb.ConfigureRequest) (*pb.ConfigureReply, error) {
	k, err := keyFromProto(q.GetInstance())
	if err != nil {
		return nil, err
	}
	methods, err := s.r.configure(ctx, k, q.GetValues(), daemonFromProto(q.GetDaemon()), q.GetHostSocket())
	var c *ConfigError
	switch {
	case errors.As(err, &c):
		return &pb.ConfigureReply{Error: cleanText(c.Text), Key: cleanText(c.Key)}, nil
	case err != nil:
		return &pb.ConfigureReply{Error: cleanText(err.Error())}, nil
	}
	return &pb.ConfigureReply{Methods: methodsToProto(methods)}, nil
}

func (s *pluginService) Remove(ctx context.Context, q *pb.RemoveRequest) (*pb.RemoveReply, error) {
	k, err := keyFromProto(q.GetInstance())
	if err != nil {
		return nil, err
	}
	if err := s.r.remove(ctx, k); err != nil {
		return &pb.RemoveReply{Error: cleanText(err.Error())}, nil
	}
	return &pb.RemoveReply{}, nil
}

func (s *pluginService) Health(context.Context, *pb.HealthRequest) (*pb.HealthReply, error) {
	keys, instances := s.r.all()
	reply := &pb.HealthReply{Instances: make([]*pb.InstanceHealth, len(keys))}
	var asked sync.WaitGroup
	for n, i := range instances {
		asked.Go(func() {
			reply.Instances[n] = &pb.InstanceHealth{
				Instance: keyToProto(keys[n]), Trouble: cleanText(s.r.redact.text(i.trouble())),
			}
		})
	}
	asked.Wait()
	return reply, nil
}

func (s *pluginService) Stop(ctx context.Context, _ *pb.StopRequest) (*pb.StopReply, error) {
	s.r.stop(ctx)
	return &pb.StopReply{}, nil
}

func keyFromProto(i *pb.Instance) (instanceKey, error) {
	kind := kindFromProto(i.GetKind())
	if kind == "" {
		return instanceKey{}, status.Errorf(codes.InvalidArgument, "the kind %d is unknown", i.GetKind())
	}
	if i.GetName() == "" || len(i.GetName()) > maxName {
		return instanceKey{}, status.Error(codes.InvalidArgument, "an instance needs a name of at most 256 bytes")
	}
	return instanceKey{kind, i.GetName()}, nil
}

func keyToProto(k instanceKey) *pb.Instance {
	return &pb.Instance{Kind: kindToProto(k.kind), Name: cleanText(k.name)}
}

func kindToProto(k KindName) pb.Kind {
	switch k {
	case NotifierKind:
		return pb.Kind_NOTIFIER
	case LogSinkKind:
		return pb.Kind_LOG_SINK
	case NamespaceKind:
		return pb.Kind_NAMESPACE
	}
	return pb.Kind_KIND_UNSPECIFIED
}

func kindFromProto(k pb.Kind) KindName {
	switch k {
	case pb.Kind_NOTIFIER:
		return NotifierKind
	case pb.Kind_LOG_SINK:
		return LogSinkKind
	case pb.Kind_NAMESPACE:
		return NamespaceKind
	}
	return ""
}

func daemonToProto(d Daemon) *pb.Daemon {
	return &pb.Daemon{Identifier: cleanText(d.Identifier), Hostname: cleanText(d.Hostname), Version: cleanText(d.Version)}
}

func daemonFromProto(d *pb.Daemon) Daemon {
	return Daemon{Identifier: d.GetIdentifier(), Hostname: d.GetHostname(), Version: d.GetVersion()}
}

// check reports what is wrong with a plugin as its author wrote it.
func (p Plugin) check() error {
	if err := checkName(p.Name); err != nil {
		return err
	}
	if p.Version == "" || len(p.Kinds) == 0 {
		return errors.New("a plugin has a version and at least one kind")
	}
	seen := map[KindName]bool{}
	for _, k := range p.Kinds {
		if kindToProto(k.Name) == pb.Kind_KIND_UNSPECIFIED || k.build == nil {
			return errors.New("kinds are made by NotifierOf, LogSinkOf and NamespaceOf")
		}
		if seen[k.Name] {
			return fmt.Errorf("the kind %s is there twice", k.Name)
		}
		seen[k.Name] = true
	}
	return nil
}
