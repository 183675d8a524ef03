package pluginrpc

import (
	"context"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
	pb "github.com/hark-supervisor/hark/sdk/proto"
)

// Call calls a method of a namespace that Configure made, by its name without the namespace. It may be called by many
// goroutines. Structs in the result are of type sdk.Struct. The error is a *sdk.Fault where the method answered with one.
func (c *Client) Call(ctx context.Context, name, method string, params []any) (any, error) {
	values, err := wire.ParamsToProto(params)
	if err != nil {
		return nil, err
	}
	reply, err := c.namespace.Call(ctx, &pb.CallRequest{Instance: name, Method: method, Params: values})
	if err != nil {
		return nil, wire.CallError(ctx, err)
	}
	v, fault, err := wire.ReplyFromProto(reply, orderedStruct)
	if fault != nil {
		return nil, (*sdk.Fault)(fault)
	}
	return v, err
}

func methodsFromProto(described []*pb.Method) ([]sdk.Method, error) {
	if err := wire.CheckMethods(described); err != nil {
		return nil, err
	}
	var methods []sdk.Method
	for _, p := range described {
		m := sdk.Method{
			Name: p.GetName(), Optional: int(p.GetOptional()), Returns: paramFromProto(p.GetReturns()), Help: wire.CleanText(p.GetHelp()),
			ReadOnly: p.GetReadOnly(), Timeout: wire.Duration(p.GetTimeout()),
		}
		for _, param := range p.GetParams() {
			m.Params = append(m.Params, paramFromProto(param))
		}
		methods = append(methods, m)
	}
	return methods, nil
}

func paramFromProto(p *pb.Param) sdk.Param {
	return sdk.Param{Type: p.GetType(), Name: wire.OneLine(p.GetName()), Help: wire.OneLine(p.GetHelp())}
}

// orderedStruct keeps the order of the members.
func orderedStruct(names []string, values []any) any {
	s := make(sdk.Struct, len(names))
	for i, name := range names {
		s[i] = sdk.Member{Name: name, Value: values[i]}
	}
	return s
}
