package host

import (
	"time"
)

// Status is the state of a plugin.
type Status struct {
	Name, Version string
	State         State
	PID           int // 0: none
	Since         time.Time
	Restarts      int    // starts after the first
	Failures      int    // in a row
	Defects       int    // panics of the host's own goroutines that keep it
	Trouble       string // why it is not RUNNING, or what is wrong with its health; "" for nothing
	SHA256        string
	Permissions   Permissions
	Instances     []InstanceStatus
}

// InstanceStatus is the state of an instance.
type InstanceStatus struct {
	Section string
	Kind    string // a wire.Kind
	Name    string
	Ready   bool
	Pending bool // what was set last has not been tried yet
	// Previous is set where the plugin refused what was set last, and serves the section by what it took before.
	Previous bool
	Trouble  string
}

// Plugins returns the state of all plugins, by name.
func (h *Host) Plugins() []Status {
	all := h.present()
	stats := make([]Status, len(all))
	for i, p := range all {
		stats[i] = p.status()
	}
	return stats
}

func (h *Host) present() []*plugin {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all()
}
