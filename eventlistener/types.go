// Package eventlistener holds the event vocabulary and Supervisor's event
// notification protocol 3.0 over io.Reader and io.Writer. It knows no
// processes: what filters and payloads need is in the Event.
package eventlistener

import "slices"

// Type is an event type: an index into the one table of names and parents.
type Type uint8

// The event types (supervisor/events.py, EventTypes). Abstract ones (Event,
// ProcessState, ...) are never sent themselves; subscribing to one delivers
// every type below it.
const (
	AnyEvent Type = iota
	ProcessState
	ProcessStateStopped
	ProcessStateExited
	ProcessStateStarting
	ProcessStateStopping
	ProcessStateBackoff
	ProcessStateFatal
	ProcessStateRunning
	ProcessStateUnknown
	ProcessCommunication
	ProcessCommunicationStdout
	ProcessCommunicationStderr
	ProcessLog
	ProcessLogStdout
	ProcessLogStderr
	RemoteCommunication
	SupervisorStateChange
	SupervisorStateChangeRunning
	SupervisorStateChangeStopping
	TickEvent
	Tick5
	Tick60
	Tick3600
	ProcessGroup
	ProcessGroupAdded
	ProcessGroupRemoved
	// HarkEvent is the root of Hark's own types, apart from AnyEvent so that a
	// subscription to EVENT sees what Supervisor sends and no more.
	HarkEvent
	ConfigReloaded
	EventsDiscarded
	LogDropped
	PluginState
	PluginStateStarting
	PluginStateRunning
	PluginStateBackoff
	PluginStateFatal
	PluginStateStopping
	PluginStateStopped
	numTypes
)

var table = [numTypes]struct {
	name   string
	parent Type
}{
	AnyEvent:                      {"EVENT", AnyEvent},
	ProcessState:                  {"PROCESS_STATE", AnyEvent},
	ProcessStateStopped:           {"PROCESS_STATE_STOPPED", ProcessState},
	ProcessStateExited:            {"PROCESS_STATE_EXITED", ProcessState},
	ProcessStateStarting:          {"PROCESS_STATE_STARTING", ProcessState},
	ProcessStateStopping:          {"PROCESS_STATE_STOPPING", ProcessState},
	ProcessStateBackoff:           {"PROCESS_STATE_BACKOFF", ProcessState},
	ProcessStateFatal:             {"PROCESS_STATE_FATAL", ProcessState},
	ProcessStateRunning:           {"PROCESS_STATE_RUNNING", ProcessState},
	ProcessStateUnknown:           {"PROCESS_STATE_UNKNOWN", ProcessState},
	ProcessCommunication:          {"PROCESS_COMMUNICATION", AnyEvent},
	ProcessCommunicationStdout:    {"PROCESS_COMMUNICATION_STDOUT", ProcessCommunication},
	ProcessCommunicationStderr:    {"PROCESS_COMMUNICATION_STDERR", ProcessCommunication},
	ProcessLog:                    {"PROCESS_LOG", AnyEvent},
	ProcessLogStdout:              {"PROCESS_LOG_STDOUT", ProcessLog},
	ProcessLogStderr:              {"PROCESS_LOG_STDERR", ProcessLog},
	RemoteCommunication:           {"REMOTE_COMMUNICATION", AnyEvent},
	SupervisorStateChange:         {"SUPERVISOR_STATE_CHANGE", AnyEvent},
	SupervisorStateChangeRunning:  {"SUPERVISOR_STATE_CHANGE_RUNNING", SupervisorStateChange},
	SupervisorStateChangeStopping: {"SUPERVISOR_STATE_CHANGE_STOPPING", SupervisorStateChange},
	TickEvent:                     {"TICK", AnyEvent},
	Tick5:                         {"TICK_5", TickEvent},
	Tick60:                        {"TICK_60", TickEvent},
	Tick3600:                      {"TICK_3600", TickEvent},
	ProcessGroup:                  {"PROCESS_GROUP", AnyEvent},
	ProcessGroupAdded:             {"PROCESS_GROUP_ADDED", ProcessGroup},
	ProcessGroupRemoved:           {"PROCESS_GROUP_REMOVED", ProcessGroup},
	HarkEvent:                     {"HARK", HarkEvent},
	ConfigReloaded:                {"CONFIG_RELOADED", HarkEvent},
	EventsDiscarded:               {"EVENTS_DISCARDED", HarkEvent},
	LogDropped:                    {"LOG_DROPPED", HarkEvent},
	PluginState:                   {"PLUGIN_STATE", HarkEvent},
	PluginStateStarting:           {"PLUGIN_STATE_STARTING", PluginState},
	PluginStateRunning:            {"PLUGIN_STATE_RUNNING", PluginState},
	PluginStateBackoff:            {"PLUGIN_STATE_BACKOFF", PluginState},
	PluginStateFatal:              {"PLUGIN_STATE_FATAL", PluginState},
	PluginStateStopping:           {"PLUGIN_STATE_STOPPING", PluginState},
	PluginStateStopped:            {"PLUGIN_STATE_STOPPED", PluginState},
}

// String is the type's name on the wire.
func (t Type) String() string { return table[t].name }

// Parent is the type this one hangs under; false for a root.
func (t Type) Parent() (Type, bool) {
	p := table[t].parent
	return p, p != t
}

// Is reports whether t is ancestor or hangs anywhere under it.
func (t Type) Is(ancestor Type) bool {
	for {
		if t == ancestor {
			return true
		}
		p, ok := t.Parent()
		if !ok {
			return false
		}
		t = p
	}
}

// ParseType finds a type by its exact name.
func ParseType(name string) (Type, bool) {
	for i := range table {
		if table[i].name == name {
			return Type(i), true
		}
	}
	return 0, false
}

// Distinct is types without those that hang under another of them and without
// repetitions, so that a subscription to it delivers nothing twice.
func Distinct(types []Type) []Type {
	var kept []Type
	for i, t := range types {
		covered := slices.ContainsFunc(types, func(other Type) bool { return other != t && t.Is(other) })
		if !covered && !slices.Contains(types[:i], t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// Types lists every type in the order of the table.
func Types() []Type {
	all := make([]Type, numTypes)
	for i := range all {
		all[i] = Type(i)
	}
	return all
}
