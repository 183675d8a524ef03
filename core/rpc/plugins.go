package rpc

import (
	"context"
	"errors"
	"time"
)

// Plugins is what concerns the processes of plugins. Its methods may be called from any goroutine and do not block.
type Plugins interface {
	Plugins() []Plugin
	RestartPlugin(name string) error // ErrNoSuch where there is none of that name
	RetryPlugins()
}

// Plugin is the state of a plugin.
type Plugin struct {
	Name        string           `rpc:"name" doc:"x of [plugin:x]"`
	Version     string           `rpc:"version" doc:"its version, as it describes itself"`
	State       string           `rpc:"statename" doc:"STARTING, RUNNING, BACKOFF, FATAL, STOPPING or STOPPED"`
	PID         int              `rpc:"pid" doc:"its process id; 0: none"`
	Since       time.Time        `rpc:"since" doc:"when it came into its state, in seconds since 1970"`
	Restarts    int              `rpc:"restarts" doc:"how often it was started again"`
	Failures    int              `rpc:"failures" doc:"failures in a row"`
	Defects     int              `rpc:"internal_errors" doc:"panics of what keeps it"`
	Trouble     string           `rpc:"trouble" doc:"why it is not RUNNING; empty if it is"`
	SHA256      string           `rpc:"sha256" doc:"of its file"`
	Permissions string           `rpc:"permissions" doc:"what it may call back: none, read or control"`
	Instances   []PluginInstance `rpc:"instances" doc:"the sections that it serves"`
}

// PluginInstance is how an instance of a plugin does.
type PluginInstance struct {
	Section  string `rpc:"section" doc:"its section, such as notifier:ops"`
	Kind     string `rpc:"kind" doc:"notifier, logsink or rpcinterface"`
	Name     string `rpc:"name" doc:"what follows the colon"`
	Ready    bool   `rpc:"ready" doc:"the plugin serves it"`
	Pending  bool   `rpc:"pending" doc:"its settings have not been tried yet"`
	Previous bool   `rpc:"previous" doc:"its settings were refused, and it is served with those before"`
	Trouble  string `rpc:"trouble" doc:"why it is not served as configured; empty if it is"`
}

type pluginMethods struct{ plugins Plugins }

func (m pluginMethods) getPlugins(context.Context, noArguments) ([]Plugin, error) {
	return m.plugins.Plugins(), nil
}

func (m pluginMethods) restartPlugin(_ context.Context, a struct {
	Name string `rpc:"name" doc:"the plugin's name"`
}) (bool, error) {
	err := m.plugins.RestartPlugin(a.Name)
	switch {
	case errors.Is(err, ErrNoSuch):
		return false, fault(BadName, a.Name)
	case err != nil:
		return false, fault(Failed, err.Error())
	}
	return true, nil
}

func (m pluginMethods) retryPlugins(context.Context, noArguments) (bool, error) {
	m.plugins.RetryPlugins()
	return true, nil
}
