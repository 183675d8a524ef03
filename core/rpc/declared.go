package rpc

import (
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/turns"
)

// Declared are the namespaces supervisor, system and hark with all their methods, and what only plugins may call, for what
// is made of their declarations. None of the methods can be called.
func Declared() (clients []Namespace, plugins Namespace) {
	hark := everything()
	supervisor := SupervisorNamespace(struct{ Supervisor }{}, Logs{})
	return []Namespace{supervisor, NewDispatcher(nil).systemNamespace(Control), hark.Namespace()}, hark.ForPlugins()
}

// everything is a Hark with all of its methods, none of which may be called.
func everything() Hark {
	type (
		letters = DeadLetters
		running = Plugins
	)
	return Hark{
		Daemon: struct{ Daemon }{}, Publisher: struct{ Publisher }{}, Notifiers: struct{ Notifiers }{}, DeadLetters: struct{ letters }{}, Plugins: struct{ running }{},
		Loop: func() (none turns.Info) { return none }, Selections: struct{ Selections }{}, Stats: struct{ ProcessStats }{}, Previews: struct{ Previews }{},
		Twiddling: struct{ Twiddling }{}, Activity: func(config.Level, string) {}, Version: "x",
	}
}

// FaultName is the name of a code of Supervisor's faults.
func FaultName(code int) string { return faultNames[code] }
