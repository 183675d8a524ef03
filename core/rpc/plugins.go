package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/hark-supervisor/hark/core/turns"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// Plugins is what concerns the processes of plugins. Its methods may be called from any goroutine and do not block.
type Plugins interface {
	Plugins() []Plugin
	RestartPlugin(name string) error // ErrNoSuch where there is none of that name
	RetryPlugins()
}

// Plugin is how a plugin does.
type Plugin struct {
	Name, Version, State string
	PID                  int // 0: none
	Since                time.Time
	Restarts, Failures   int
	Defects              int    // internal errors of what keeps it
	Trouble              string // "" for none
	SHA256, Permissions  string
	Instances            []PluginInstance
}

// PluginInstance is how an instance of a plugin does.
type PluginInstance struct {
	Section, Kind, Name string
	Ready               bool
	Pending             bool // its settings have not been tried yet
	Previous            bool // its settings were refused, and those before stay in use
	Trouble             string
}

// PluginMethods are the methods of the hark namespace that concern the processes of plugins.
func PluginMethods(p Plugins) []Method {
	return []Method{
		{
			Name: "getPlugins", ReadOnly: true,
			Returns: Param{"array", "plugins", "a struct for each: name, version, statename, pid, since, restarts, failures, trouble, sha256, permissions, instances"},
			Help:    "Return the state of each plugin that an active section names, and of its instances.",
			Call: func(context.Context, []any) (any, error) {
				structs := []xmlrpc.Struct{}
				for _, one := range p.Plugins() {
					structs = append(structs, pluginStruct(&one))
				}
				return structs, nil
			},
		},
		{
			Name:    "restartPlugin",
			Params:  []Param{{"string", "name", "the plugin's name"}},
			Returns: Param{"boolean", "result", "true, or BAD_NAME where no active section names that plugin"},
			Help:    "Stop a plugin, if it runs, and start it, a FATAL one too. It does not wait for that.",
			Call: func(_ context.Context, args []any) (any, error) {
				name, ok := text(args[0])
				if !ok {
					return nil, incorrectParameters()
				}
				err := p.RestartPlugin(name)
				switch {
				case errors.Is(err, ErrNoSuch):
					return nil, fault(BadName, name)
				case err != nil:
					return nil, fault(Failed, err.Error())
				}
				return true, nil
			},
		},
		{
			Name:    "retryPlugins",
			Returns: Param{"boolean", "result", "true"},
			Help:    "Try at once what plugins have refused, and plugins in BACKOFF or FATAL, and read files with secrets again. It does not wait for that.",
			Call: func(context.Context, []any) (any, error) {
				p.RetryPlugins()
				return true, nil
			},
		},
	}
}

func pluginStruct(p *Plugin) xmlrpc.Struct {
	instances := make([]xmlrpc.Struct, len(p.Instances))
	for i, one := range p.Instances {
		instances[i] = xmlrpc.Struct{
			{Name: "section", Value: one.Section}, {Name: "kind", Value: one.Kind}, {Name: "name", Value: one.Name},
			{Name: "ready", Value: one.Ready}, {Name: "pending", Value: one.Pending}, {Name: "previous", Value: one.Previous}, {Name: "trouble", Value: one.Trouble},
		}
	}
	return xmlrpc.Struct{
		{Name: "name", Value: p.Name}, {Name: "version", Value: p.Version}, {Name: "statename", Value: p.State}, {Name: "pid", Value: p.PID},
		{Name: "since", Value: seconds(p.Since)}, {Name: "restarts", Value: p.Restarts}, {Name: "failures", Value: p.Failures},
		{Name: "internal_errors", Value: p.Defects},
		{Name: "trouble", Value: p.Trouble}, {Name: "sha256", Value: p.SHA256}, {Name: "permissions", Value: p.Permissions},
		{Name: "instances", Value: instances},
	}
}

// LoopMethod tells of the supervisor's loop.
func LoopMethod(info func() turns.Info) Method {
	return Method{
		Name: "getLoop", ReadOnly: true,
		Returns: Param{"struct", "loop", "turns; busy, the seconds that they took; slow, those of more than 10 ms; longest, in seconds, since the last call; longest_ever"},
		Help:    "Return how long the turns of the supervisor's loop take: during a turn nothing else happens to any process.",
		Call: func(context.Context, []any) (any, error) {
			i := info()
			return xmlrpc.Struct{
				{Name: "turns", Value: int64(i.Turns)},                                        //nolint:gosec // a count
				{Name: "busy", Value: i.Busy.Seconds()}, {Name: "slow", Value: int64(i.Slow)}, //nolint:gosec // a count
				{Name: "longest", Value: i.Longest.Seconds()}, {Name: "longest_ever", Value: i.Ever.Seconds()},
			}, nil
		},
	}
}
