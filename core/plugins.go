package core

import "github.com/hark-supervisor/hark/eventlistener"

// PluginChanged publishes that the process of a plugin has changed its state; t is one below PluginState. It may be called from any
// goroutine and does not block.
func (s *Supervisor) PluginChanged(t eventlistener.Type, plugin, from string, pid int, why string) {
	f := func() { s.bus.Publish(eventlistener.NewPluginState(t, plugin, from, pid, why)) }
	if !s.early.put(f) {
		s.inbox.put(f)
	}
}
