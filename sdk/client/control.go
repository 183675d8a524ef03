package client

import (
	"context"
	"errors"
	"fmt"
)

// Outcome is the result for one process of a call on several processes.
type Outcome struct {
	Name        string `xmlrpc:"name"`
	Group       string `xmlrpc:"group"`
	Status      int    `xmlrpc:"status"`      // Success, or a fault's code
	Description string `xmlrpc:"description"` // "OK", or the fault's text
}

// Err returns nil for a success, otherwise a *Fault.
func (o Outcome) Err() error {
	if o.Status == Success {
		return nil
	}
	return &Fault{Code: o.Status, String: o.Description}
}

// onProcess makes a call that answers true for a process and outcomes for a group (group:*). Of a group, the faults of all
// its processes are joined.
func (c *Client) onProcess(ctx context.Context, method, name string, arg any) error {
	var answer any
	if err := c.Call(ctx, method, &answer, name, arg); err != nil {
		return err
	}
	outcomes, _ := answer.([]any)
	var faults []error
	for _, v := range outcomes {
		m, _ := v.(map[string]any)
		status, _ := m["status"].(int64)
		text, _ := m["description"].(string)
		if err := (Outcome{Status: int(status), Description: text}).Err(); err != nil {
			faults = append(faults, fmt.Errorf("cannot call %s for %v:%v: %w", method, m["group"], m["name"], err))
		}
	}
	return errors.Join(faults...)
}
