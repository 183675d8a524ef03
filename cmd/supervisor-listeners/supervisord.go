package main

import (
	"context"
	"time"

	"github.com/hark-supervisor/hark/sdk/client"
)

// supervisord is what memmon and httpok ask of the daemon.
type supervisord interface {
	AllProcessInfo(ctx context.Context) ([]client.ProcessInfo, error)
	ProcessInfo(ctx context.Context, name string) (client.ProcessInfo, error)
	StopProcess(ctx context.Context, name string, wait bool) error
	StartProcess(ctx context.Context, name string, wait bool) error
}

// callTime bounds a call, so that a supervisord that does not answer does not hold
// a listener forever. Starts and stops wait for startsecs and stopwaitsecs.
const callTime = 10 * time.Minute

// daemon finds the supervisord that started this process.
func (s surroundings) daemon() (*client.Client, error) {
	server := s.getenv(client.ServerURLVariable)
	if server == "" {
		return nil, client.ErrNoServer
	}
	options := []client.Option{client.WithTimeout(callTime)}
	if user := s.getenv(client.UsernameVariable); user != "" {
		options = append(options, client.WithAuth(user, s.getenv(client.PasswordVariable)))
	}
	return client.New(server, options...)
}

// isSelf reports whether a process is this listener. It never restarts itself: the
// stop would wait for the listener, and the listener for the stop.
func (s surroundings) isSelf(p *client.ProcessInfo) bool {
	return p.Name == s.getenv("SUPERVISOR_PROCESS_NAME") && p.Group == s.getenv("SUPERVISOR_GROUP_NAME")
}
