package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hark-supervisor/hark/internal/wire"
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
	k, err := wire.KeyFromProto(q.GetInstance())
	if err != nil {
		return nil, err
	}
	methods, err := s.r.configure(ctx, k, q.GetValues(), daemonFromProto(q.GetDaemon()), q.GetHostSocket())
	var c *ConfigError
	switch {
	case errors.As(err, &c):
		return &pb.ConfigureReply{Error: wire.CleanText(c.Text), Key: wire.CleanText(c.Key)}, nil
	case err != nil:
		return &pb.ConfigureReply{Error: wire.CleanText(err.Error())}, nil
	}
	return &pb.ConfigureReply{Methods: methodsToProto(methods)}, nil
}

func (s *pluginService) Remove(ctx context.Context, q *pb.RemoveRequest) (*pb.RemoveReply, error) {
	k, err := wire.KeyFromProto(q.GetInstance())
	if err != nil {
		return nil, err
	}
	if err := s.r.remove(ctx, k); err != nil {
		return &pb.RemoveReply{Error: wire.CleanText(err.Error())}, nil
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
				Instance: keys[n].ToProto(), Trouble: wire.CleanText(s.r.redact.text(i.trouble())),
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

func daemonFromProto(d *pb.Daemon) Daemon {
	return Daemon{Identifier: d.GetIdentifier(), Hostname: d.GetHostname(), Version: d.GetVersion()}
}

// check reports what is wrong with a plugin as its author wrote it.
func (p Plugin) check() error {
	if err := wire.CheckName(p.Name); err != nil {
		return err
	}
	if p.Version == "" || len(p.Kinds) == 0 {
		return errors.New("a plugin has a version and at least one kind")
	}
	seen := map[wire.Kind]bool{}
	for _, k := range p.Kinds {
		if k.name.ToProto() == pb.Kind_KIND_UNSPECIFIED || k.build == nil {
			return errors.New("kinds are made by NotifierOf, LogSinkOf and NamespaceOf")
		}
		if seen[k.name] {
			return fmt.Errorf("the kind %s is there twice", k.name)
		}
		seen[k.name] = true
	}
	return nil
}
