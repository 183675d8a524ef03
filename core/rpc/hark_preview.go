package rpc

import (
	"context"

	"github.com/hark-supervisor/hark/core/preview"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// Previews reports what an update would do; *core.Supervisor is one.
type Previews interface {
	PreviewUpdate(ctx context.Context) ([]preview.Group, error)
}

func previewMethod(p Previews) Method {
	return Method{
		Name: "previewUpdate", ReadOnly: true,
		Returns: Param{"array", "groups", "a struct of group, action, changes and processes for each group that differs"},
		Help:    "Read the configuration again and return what an update would do. Nothing is changed.",
		Call: func(ctx context.Context, _ []any) (any, error) {
			plans, err := p.PreviewUpdate(ctx)
			if err != nil {
				return nil, faultOf(err, "")
			}
			answer := make([]xmlrpc.Struct, len(plans))
			for i := range plans {
				answer[i] = planStruct(&plans[i])
			}
			return answer, nil
		},
	}
}

func planStruct(p *preview.Group) xmlrpc.Struct {
	changes := make([]xmlrpc.Struct, len(p.Changes))
	for i, c := range p.Changes {
		changes[i] = xmlrpc.Struct{
			{Name: "process", Value: c.Process}, {Name: "key", Value: c.Key},
			{Name: "from", Value: c.From}, {Name: "to", Value: c.To},
		}
	}
	processes := make([]xmlrpc.Struct, len(p.Processes))
	for i, q := range p.Processes {
		processes[i] = xmlrpc.Struct{
			{Name: "name", Value: q.Name}, {Name: "statename", Value: q.State.String()},
			{Name: "fate", Value: q.Fate}, {Name: "comes_back", Value: q.ComesBack},
		}
	}
	return xmlrpc.Struct{
		{Name: "group", Value: p.Name}, {Name: "action", Value: p.Action},
		{Name: "changes", Value: changes}, {Name: "processes", Value: processes},
	}
}
