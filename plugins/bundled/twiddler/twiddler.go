// Package twiddler is the plugin that adds programs to groups, and removes processes from them, at run time: the methods of the well-known
// supervisor_twiddler. The daemon does the work; with the plugin, only those can use it whom a section permits. README.md has the methods.
package twiddler

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/sdk"
)

const (
	// version is the plugin's own.
	version = "1.0.0"
	// apiVersion is what getAPIVersion answers (supervisor_twiddler/rpcinterface.py, API_VERSION).
	apiVersion = "1.0"
)

// The faults that the methods answer with by themselves (supervisor/xmlrpc.py and supervisor_twiddler/rpcinterface.py, Faults).
const (
	incorrectParameters = 2
	failed              = 30
	notInWhitelist      = 230
	// forbidden is the code with which the host refuses a call back.
	forbidden = 403
)

// config holds the keys of [rpcinterface:x] with plugin = twiddler, or with supervisor_twiddler's factory.
type config struct {
	Whitelist []string `hark:"whitelist" doc:"the only methods that may be called; none: all"`
}

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "twiddler", Version: version, Doc: "Adds programs to groups at run time, as supervisor_twiddler does.", Permission: sdk.AllCalls,
		Kinds: []sdk.Kind{sdk.NamespaceOf(config{}, func(_ context.Context, c config, i sdk.Instance) (sdk.Namespace, error) {
			return &namespace{c.Whitelist, i.Host}, nil
		})},
	}
}

// namespace implements sdk.Namespace.
type namespace struct {
	whitelist []string
	host      sdk.Host
}

// Methods implements sdk.Namespace.
func (n *namespace) Methods() []sdk.Method {
	group := sdk.Param{Type: "string", Name: "group_name", Help: "a group there is"}
	done := sdk.Param{Type: "boolean", Name: "result", Help: "true, or a fault"}
	return []sdk.Method{
		{
			Name: "getAPIVersion", ReadOnly: true, Returns: sdk.Param{Type: "string", Name: "version", Help: "the version of supervisor_twiddler's interface"},
			Help: "Return the version of the interface.",
		},
		{
			Name: "getGroupNames", ReadOnly: true, Returns: sdk.Param{Type: "array", Name: "names", Help: "the groups, those without processes too"},
			Help: "List the groups.",
		},
		{
			Name: "log", Params: []sdk.Param{{Type: "string", Name: "message", Help: "the line"}, {Type: "string", Name: "level", Help: "a level's name or number; default INFO"}}, Optional: 1, Returns: done,
			Help: "Write a line to supervisord's activity log.\nLevels: CRIT 50, ERRO 40, WARN 30, INFO 20, DEBG 10, TRAC 5, BLAT 3.",
		},
		{
			Name: "addProgramToGroup", Params: []sdk.Param{group, {Type: "string", Name: "program_name", Help: "x, as of [program:x]"}, {Type: "struct", Name: "program_options", Help: "the keys of such a section, their values as strings"}}, Returns: done,
			Help: "Add a program to a group. With numprocs it is several processes.\nThey start at once unless autostart is false. They are in no file.",
		},
		{
			Name: "removeProcessFromGroup", Params: []sdk.Param{group, {Type: "string", Name: "process_name", Help: "its name in the group"}}, Returns: done,
			Help: "Remove a process from a group. It must not be running.",
		},
	}
}

// Call implements sdk.Namespace.
func (n *namespace) Call(ctx context.Context, method string, params []any) (any, error) {
	if len(n.whitelist) > 0 && !slices.Contains(n.whitelist, method) {
		return nil, &sdk.Fault{Code: notInWhitelist, Text: "UNKNOWN: " + method}
	}
	switch method {
	case "getAPIVersion":
		return apiVersion, nil
	case "log":
		level := any("INFO")
		if len(params) > 1 {
			level = params[1]
		}
		number, ok := levelOf(level)
		if !ok {
			return nil, incorrect()
		}
		return n.ask(ctx, method, params[0], number)
	case "addProgramToGroup":
		if !isOptions(params[2]) {
			return nil, incorrect()
		}
	}
	return n.ask(ctx, method, params...)
}

func incorrect() error {
	return &sdk.Fault{Code: incorrectParameters, Text: "INCORRECT_PARAMETERS"}
}

// isOptions reports whether a value is a struct of strings.
func isOptions(v any) bool {
	options, ok := v.(map[string]any)
	for _, e := range options {
		switch e.(type) {
		case string, []byte:
		default:
			return false
		}
	}
	return ok
}

// levelOf is a level of the activity log by its name, in any case, or its number.
func levelOf(v any) (int, bool) {
	levels := map[string]int{"CRIT": 50, "ERRO": 40, "WARN": 30, "INFO": 20, "DEBG": 10, "TRAC": 5, "BLAT": 3}
	switch v := v.(type) {
	case string:
		n, ok := levels[strings.ToUpper(v)]
		return n, ok
	case int:
		for _, n := range levels {
			if n == v {
				return n, true
			}
		}
	}
	return 0, false
}

// ask has the daemon do it.
func (n *namespace) ask(ctx context.Context, method string, params ...any) (any, error) {
	answer, err := n.host.Call(ctx, "hark."+method, params...)
	f, isFault := errors.AsType[*sdk.Fault](err)
	switch {
	case isFault && f.Code == forbidden:
		return nil, &sdk.Fault{Code: failed, Text: "FAILED: the plugin may not change anything: its section [plugin:twiddler] needs permissions = control"}
	case err != nil && !isFault:
		return nil, fmt.Errorf("FAILED: %w", err)
	}
	return answer, err
}
