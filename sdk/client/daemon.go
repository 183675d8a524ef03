package client

import (
	"context"
	"errors"
)

// State is the state of supervisord itself (supervisor/states.py, SupervisorStates): 2 FATAL, 1 RUNNING, 0 RESTARTING,
// -1 SHUTDOWN.
type State struct {
	Code int    `xmlrpc:"statecode"`
	Name string `xmlrpc:"statename"`
}

// State asks what supervisord is up to. While it goes down or restarts, this and
// every other call is refused with ShutdownState.
func (c *Client) State(ctx context.Context) (State, error) {
	var s State
	err := c.Call(ctx, "supervisor.getState", &s)
	return s, err
}

// APIVersion returns the version of the interface, "3.0".
func (c *Client) APIVersion(ctx context.Context) (string, error) {
	return c.text(ctx, "supervisor.getAPIVersion")
}

// SupervisorVersion is the version of Supervisor; Hark tells the one that it is
// compatible with.
func (c *Client) SupervisorVersion(ctx context.Context) (string, error) {
	return c.text(ctx, "supervisor.getSupervisorVersion")
}

// Identification returns the identifier of [supervisord].
func (c *Client) Identification(ctx context.Context) (string, error) {
	return c.text(ctx, "supervisor.getIdentification")
}

func (c *Client) text(ctx context.Context, method string, args ...any) (string, error) {
	var s string
	err := c.Call(ctx, method, &s, args...)
	return s, err
}

// PID is supervisord's process id.
func (c *Client) PID(ctx context.Context) (int, error) {
	var pid int
	err := c.Call(ctx, "supervisor.getPID", &pid)
	return pid, err
}

// Shutdown makes supervisord stop all processes and end; it returns when it has
// begun to.
func (c *Client) Shutdown(ctx context.Context) error {
	return c.Call(ctx, "supervisor.shutdown", nil)
}

// Restart makes supervisord stop all processes, read its configuration and start
// again; it returns when it has begun to.
func (c *Client) Restart(ctx context.Context) error {
	return c.Call(ctx, "supervisor.restart", nil)
}

// Changes lists the groups in which the configuration file differs from the active configuration.
type Changes struct{ Added, Changed, Removed []string }

// ReloadConfig reads the configuration file again and reports what differs; nothing
// is started or stopped (AddProcessGroup and RemoveProcessGroup are for that).
// Faults: CantReread.
func (c *Client) ReloadConfig(ctx context.Context) (Changes, error) {
	var answer [][][]string
	if err := c.Call(ctx, "supervisor.reloadConfig", &answer); err != nil {
		return Changes{}, err
	}
	if len(answer) != 1 || len(answer[0]) != 3 {
		return Changes{}, errors.New("cannot read the answer of supervisor.reloadConfig: not three lists")
	}
	return Changes{Added: answer[0][0], Changed: answer[0][1], Removed: answer[0][2]}, nil
}
