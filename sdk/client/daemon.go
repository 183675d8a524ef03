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

// Changes lists the groups in which the configuration file differs from the active configuration.
type Changes struct{ Added, Changed, Removed []string }

func (c *Client) changes(ctx context.Context, method string) (Changes, error) {
	var answer [][][]string
	if err := c.Call(ctx, method, &answer); err != nil {
		return Changes{}, err
	}
	if len(answer) != 1 || len(answer[0]) != 3 {
		return Changes{}, errors.New("cannot read the answer of " + method + ": not three lists")
	}
	return Changes{Added: answer[0][0], Changed: answer[0][1], Removed: answer[0][2]}, nil
}
