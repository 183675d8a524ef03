package client

import (
	"context"
	"errors"
)

// Tail is the end of a log.
type Tail struct {
	Text     string
	Offset   int64 // where to ask from next: the log's length
	Overflow bool  // whether more came since the offset asked for than was returned
}

// ReadLog reads the activity log from an offset. With length 0 it reads to the
// end; with a negative offset and length 0 the last bytes. Faults: BadArguments,
// NoFile, Failed.
func (c *Client) ReadLog(ctx context.Context, offset, length int) (string, error) {
	var text string
	err := c.Call(ctx, "supervisor.readLog", &text, offset, length)
	return text, err
}

// ClearLog empties the activity log. Faults: NoFile, Failed.
func (c *Client) ClearLog(ctx context.Context) error {
	return c.Call(ctx, "supervisor.clearLog", nil)
}

// ReadProcessStdoutLog reads a process's stdout log as ReadLog does. Faults:
// BadName too.
func (c *Client) ReadProcessStdoutLog(ctx context.Context, name string, offset, length int) (string, error) {
	var text string
	err := c.Call(ctx, "supervisor.readProcessStdoutLog", &text, name, offset, length)
	return text, err
}

// ReadProcessStderrLog reads a process's stderr log as ReadLog does. Faults:
// BadName too.
func (c *Client) ReadProcessStderrLog(ctx context.Context, name string, offset, length int) (string, error) {
	var text string
	err := c.Call(ctx, "supervisor.readProcessStderrLog", &text, name, offset, length)
	return text, err
}

// TailProcessStdoutLog reads the last length bytes of a process's stdout log. A
// log that is not there is empty. Faults: BadName.
func (c *Client) TailProcessStdoutLog(ctx context.Context, name string, offset, length int) (Tail, error) {
	return c.tail(ctx, "supervisor.tailProcessStdoutLog", name, offset, length)
}

// TailProcessStderrLog reads the last length bytes of a process's stderr log.
// Faults: BadName.
func (c *Client) TailProcessStderrLog(ctx context.Context, name string, offset, length int) (Tail, error) {
	return c.tail(ctx, "supervisor.tailProcessStderrLog", name, offset, length)
}

func (c *Client) tail(ctx context.Context, method, name string, offset, length int) (Tail, error) {
	var answer any
	if err := c.Call(ctx, method, &answer, name, offset, length); err != nil {
		return Tail{}, err
	}
	parts, _ := answer.([]any)
	if len(parts) != 3 {
		return Tail{}, errors.New("cannot read the answer of " + method + ": not three parts")
	}
	var t Tail
	var isText, isOffset, isFlag bool
	t.Text, isText = parts[0].(string)
	t.Offset, isOffset = parts[1].(int64)
	t.Overflow, isFlag = parts[2].(bool)
	if !isText || !isOffset || !isFlag {
		return Tail{}, errors.New("cannot read the answer of " + method + ": parts of another type")
	}
	return t, nil
}

// ClearProcessLogs empties both logs of a process. Faults: BadName, Failed.
func (c *Client) ClearProcessLogs(ctx context.Context, name string) error {
	return c.Call(ctx, "supervisor.clearProcessLogs", nil, name)
}

// ClearAllProcessLogs empties the logs of all processes.
func (c *Client) ClearAllProcessLogs(ctx context.Context) ([]Outcome, error) {
	return c.outcomes(ctx, "supervisor.clearAllProcessLogs")
}
