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
