package rpc

import (
	"context"
	"errors"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// Twiddling changes groups at run time; *core.Supervisor is one.
type Twiddling interface {
	GroupNames(ctx context.Context) ([]string, error)
	AddProgram(ctx context.Context, group, program string, settings map[string]string) error
	RemoveProcess(ctx context.Context, group, name string) error
	WriteLog(level int, message string) error
}

// TwiddleMethods are methods of the hark namespace that plugins call back, with permissions = control but for the first. They are not for clients of the
// servers: whoever may add programs may run any command as any user, which a client may not, whatever its credentials, unless
// the configuration has a plugin that lets it.
func TwiddleMethods(t Twiddling) []Method {
	group := Param{"string", "group", "the group"}
	done := Param{"boolean", "result", "true, or a fault"}
	return []Method{
		{
			Name: "getGroupNames", ReadOnly: true, Returns: Param{"array", "names", "the groups, those without processes too"}, Help: "List the groups.",
			Call: func(ctx context.Context, _ []any) (any, error) {
				names, err := t.GroupNames(ctx)
				return names, err
			},
		},
		{
			Name: "addProgramToGroup", Params: []Param{group, {"string", "program", "its name"}, {"struct", "options", "its settings, as strings"}}, Returns: done,
			Help: "Add a program to a group, as a section [program:x] with these settings would be.",
			Call: func(ctx context.Context, args []any) (any, error) {
				into, ok := text(args[0])
				program, ok2 := text(args[1])
				settings, ok3 := texts(args[2])
				if !ok || !ok2 || !ok3 {
					return nil, incorrectParameters()
				}
				return twiddled(t.AddProgram(ctx, into, program, settings))
			},
		},
		{
			Name: "removeProcessFromGroup", Params: []Param{group, {"string", "process", "its name in the group"}}, Returns: done,
			Help: "Remove a stopped process from a group.",
			Call: func(ctx context.Context, args []any) (any, error) {
				from, ok := text(args[0])
				name, ok2 := text(args[1])
				if !ok || !ok2 {
					return nil, incorrectParameters()
				}
				return twiddled(t.RemoveProcess(ctx, from, name))
			},
		},
		{
			Name: "log", Params: []Param{{"string", "message", "the line"}, {"int", "level", "50, 40, 30, 20, 10, 5 or 3"}}, Returns: done,
			Help: "Write a line to the activity log.",
			Call: func(_ context.Context, args []any) (any, error) {
				message, ok := text(args[0])
				level, ok2 := args[1].(int)
				if !ok || !ok2 {
					return nil, incorrectParameters()
				}
				return twiddled(t.WriteLog(level, message))
			},
		},
	}
}

// texts takes a struct of strings.
func texts(v any) (map[string]string, bool) {
	members, ok := v.(xmlrpc.Struct)
	if !ok {
		return nil, false
	}
	all := make(map[string]string, len(members))
	for _, m := range members {
		if all[m.Name], ok = text(m.Value); !ok {
			return nil, false
		}
	}
	return all, true
}

// twiddled is the answer, with supervisor_twiddler's faults: what is wrong with settings is INCORRECT_PARAMETERS.
func twiddled(err error) (any, error) {
	var refused *core.Error
	switch {
	case err == nil:
		return true, nil
	case !errors.As(err, &refused):
		return nil, faultOf(err, "")
	case refused.Kind == core.BadArguments:
		return nil, fault(IncorrectParameters, refused.Detail)
	}
	return nil, faultOf(err, refused.Detail)
}
