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

// StartProcess starts one process, or with "group:*" those of a group. With wait
// it returns once the process is RUNNING or has failed. Faults: BadName, NoFile,
// NotExecutable, AlreadyStarted, SpawnError, AbnormalTermination, Failed. Of a
// group, the faults of all its processes are joined.
func (c *Client) StartProcess(ctx context.Context, name string, wait bool) error {
	return c.onProcess(ctx, "supervisor.startProcess", name, wait)
}

// StopProcess stops one process, or with "group:*" those of a group. With wait it
// returns once the process has ended. Faults: BadName, NotRunning, Failed.
func (c *Client) StopProcess(ctx context.Context, name string, wait bool) error {
	return c.onProcess(ctx, "supervisor.stopProcess", name, wait)
}

// SignalProcess sends a signal, by name or number ("HUP", "SIGHUP", "1"), to one
// process, or with "group:*" to those of a group. Faults: BadName, BadSignal,
// NotRunning.
func (c *Client) SignalProcess(ctx context.Context, name, signal string) error {
	return c.onProcess(ctx, "supervisor.signalProcess", name, signal)
}

// onProcess makes a call that answers true for a process and outcomes for a group.
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

// StartProcessGroup starts all processes of a group. Faults: BadName.
func (c *Client) StartProcessGroup(ctx context.Context, group string, wait bool) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.startProcessGroup", group, wait)
}

// StopProcessGroup stops all processes of a group. Faults: BadName.
func (c *Client) StopProcessGroup(ctx context.Context, group string, wait bool) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.stopProcessGroup", group, wait)
}

// SignalProcessGroup sends a signal to all processes of a group. Faults: BadName.
func (c *Client) SignalProcessGroup(ctx context.Context, group, signal string) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.signalProcessGroup", group, signal)
}

// StartAllProcesses starts all processes.
func (c *Client) StartAllProcesses(ctx context.Context, wait bool) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.startAllProcesses", wait)
}

// StopAllProcesses stops all processes, a listener that calls it too.
func (c *Client) StopAllProcesses(ctx context.Context, wait bool) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.stopAllProcesses", wait)
}

// SignalAllProcesses sends a signal to all processes.
func (c *Client) SignalAllProcesses(ctx context.Context, signal string) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.signalAllProcesses", signal)
}

func (c *Client) outcomes(ctx context.Context, method string, args ...any) ([]Outcome, error) {
	var all []Outcome
	err := c.Call(ctx, method, &all, args...)
	return all, err
}

// AddProcessGroup adds a group of the configuration that is not active yet, after ReloadConfig. Faults: BadName,
// AlreadyAdded.
func (c *Client) AddProcessGroup(ctx context.Context, group string) error {
	return c.Call(ctx, "supervisor.addProcessGroup", nil, group)
}

// RemoveProcessGroup removes a group whose processes are all stopped. Faults:
// BadName, StillRunning.
func (c *Client) RemoveProcessGroup(ctx context.Context, group string) error {
	return c.Call(ctx, "supervisor.removeProcessGroup", nil, group)
}

// SendProcessStdin writes text to a process's standard input. XML cannot carry
// control characters, so they are refused. Faults: BadName, NotRunning, NoFile.
func (c *Client) SendProcessStdin(ctx context.Context, name, text string) error {
	return c.Call(ctx, "supervisor.sendProcessStdin", nil, name, text)
}

// SendRemoteCommEvent makes supervisord send a REMOTE_COMMUNICATION event to the
// listeners that subscribe to it.
func (c *Client) SendRemoteCommEvent(ctx context.Context, kind, data string) error {
	return c.Call(ctx, "supervisor.sendRemoteCommEvent", nil, kind, data)
}
