package client

import (
	"context"
	"errors"
	"fmt"
)

// MethodCall is one call of a Multicall.
type MethodCall struct {
	Method string
	Args   []any
}

// Result is the result of one call of a Multicall.
type Result struct {
	Value any   // of the types that Call stores in an any
	Err   error // a *Fault, or nil
}

// Multicall makes several calls in one round trip, in order, each with its own
// result. The error is that of the whole; one call's fault does not stop the next.
func (c *Client) Multicall(ctx context.Context, calls ...MethodCall) ([]Result, error) {
	list := make([]any, len(calls))
	for i, call := range calls {
		args := call.Args
		if args == nil {
			args = []any{}
		}
		list[i] = map[string]any{"methodName": call.Method, "params": args}
	}
	var answer any
	if err := c.Call(ctx, "system.multicall", &answer, list); err != nil {
		return nil, err
	}
	values, _ := answer.([]any)
	if len(values) != len(calls) {
		return nil, errors.New("cannot read the answer of system.multicall: another number of results than calls")
	}
	results := make([]Result, len(calls))
	for i, v := range values {
		results[i].Value = v
		m, _ := v.(map[string]any)
		code, isCode := m["faultCode"].(int64)
		if text, isText := m["faultString"].(string); isCode && isText {
			results[i] = Result{Err: fmt.Errorf("cannot call %s: %w", calls[i].Method, &Fault{Code: int(code), String: text})}
		}
	}
	return results, nil
}
