package eventlistener

import (
	"slices"
	"time"
)

// Type is an event type: an index into the one table of them, rows.
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
	// HarkEvent is the root of the types that Hark adds. It is not below AnyEvent, so that a
	// subscription to EVENT gets only what Supervisor sends.
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

// row describes an event type. Its payload in every form, its record in a spool, the samples that the conformance kit sends and
// the tables of PROTOCOL.md follow from it (UPDATE_GOLDEN=1 go test -run Golden ./eventlistener writes them).
type row struct {
	name   string
	parent Type // the type itself for a root
	// The other fields are set for types that are sent.
	when     string   // when it is sent
	tokens   []*field // of the payload's first line
	extended []*field // further ones, of payload=extended and JSON
	body     *body    // what follows the first line; nil: nothing, and no line feed
	// sample returns an event about a process, with this text if the type has free text.
	sample  func(p Process, text string) *Event
	example string // a text for PROTOCOL.md
}

// The columns that the rows of the states of processes share.
var (
	stateTokens = []*field{processName, groupName, fromState}
	withTries   = append(stateTokens[:3:3], tries)
	withPid     = append(stateTokens[:3:3], pid)
	ends        = []*field{uptime, exitStatus, signal, coreDump}
	triesToo    = append([]*field{tries}, ends...)
	pidToo      = append([]*field{anyPid}, ends...)
	bothToo     = append([]*field{tries, anyPid}, ends...)
	outputOf    = []*field{processName, groupName, pid}
	pluginOf    = []*field{pluginName, fromState, pluginPid}
)

// rows is the one table of event types.
var rows = [numTypes]row{
	AnyEvent: {name: "EVENT", parent: AnyEvent},

	ProcessState: {name: "PROCESS_STATE", parent: AnyEvent},
	ProcessStateStarting: {name: "PROCESS_STATE_STARTING", parent: ProcessState, when: "a process is about to be started",
		tokens: withTries, extended: pidToo, sample: state(ProcessStateStarting, "STOPPED", 0, Exit{})},
	ProcessStateRunning: {name: "PROCESS_STATE_RUNNING", parent: ProcessState, when: "a process has been up for `startsecs`",
		tokens: withPid, extended: triesToo, sample: state(ProcessStateRunning, "STARTING", 0, Exit{Uptime: time.Second})},
	ProcessStateBackoff: {name: "PROCESS_STATE_BACKOFF", parent: ProcessState,
		when:   "a process ended before `startsecs` were over, or could not be started, and will be tried again; `tries` counts this failure",
		tokens: withTries, extended: pidToo, sample: state(ProcessStateBackoff, "STARTING", 1, Exit{})},
	ProcessStateStopping: {name: "PROCESS_STATE_STOPPING", parent: ProcessState, when: "a process is being stopped",
		tokens: withPid, extended: triesToo, sample: state(ProcessStateStopping, "RUNNING", 0, Exit{Uptime: time.Second})},
	ProcessStateExited: {name: "PROCESS_STATE_EXITED", parent: ProcessState, when: "a process ended by itself, after RUNNING",
		tokens: append(stateTokens[:3:3], expected, pid), extended: triesToo,
		sample: state(ProcessStateExited, "RUNNING", 0, Exit{Ended: true, Uptime: time.Second})},
	ProcessStateStopped: {name: "PROCESS_STATE_STOPPED", parent: ProcessState, when: "a process ended after a stop",
		tokens: withPid, extended: triesToo, sample: state(ProcessStateStopped, "STOPPING", 0, Exit{Ended: true, Uptime: time.Second})},
	ProcessStateFatal: {name: "PROCESS_STATE_FATAL", parent: ProcessState, when: "a process has failed to start more than `startretries` times",
		tokens: stateTokens, extended: bothToo, sample: state(ProcessStateFatal, "BACKOFF", 0, Exit{})},
	ProcessStateUnknown: {name: "PROCESS_STATE_UNKNOWN", parent: ProcessState, when: "a process could not be signalled, so its state is not known",
		tokens: stateTokens, extended: bothToo, sample: state(ProcessStateUnknown, "RUNNING", 0, Exit{})},

	ProcessLog: {name: "PROCESS_LOG", parent: AnyEvent},
	ProcessLogStdout: {name: "PROCESS_LOG_STDOUT", parent: ProcessLog,
		when:   "something was read from a process's standard output and `stdout_events_enabled` is set",
		tokens: append(outputOf[:3:3], channel), body: output, sample: written(NewProcessLog, ProcessLogStdout), example: "two lines\nof output"},
	ProcessLogStderr: {name: "PROCESS_LOG_STDERR", parent: ProcessLog, when: "the same of standard error and `stderr_events_enabled`",
		tokens: append(outputOf[:3:3], channel), body: output, sample: written(NewProcessLog, ProcessLogStderr), example: "caf\xe9"},

	ProcessCommunication: {name: "PROCESS_COMMUNICATION", parent: AnyEvent},
	ProcessCommunicationStdout: {name: "PROCESS_COMMUNICATION_STDOUT", parent: ProcessCommunication,
		when:   "the end tag was read from standard output and `stdout_capture_maxbytes` is above 0",
		tokens: outputOf, body: output, sample: written(NewProcessCommunication, ProcessCommunicationStdout), example: "done: 17 of 20"},
	ProcessCommunicationStderr: {name: "PROCESS_COMMUNICATION_STDERR", parent: ProcessCommunication, when: "the same of standard error",
		tokens: outputOf, body: output, sample: written(NewProcessCommunication, ProcessCommunicationStderr), example: "done: 18 of 20"},

	RemoteCommunication: {name: "REMOTE_COMMUNICATION", parent: AnyEvent, when: "a client called `supervisor.sendRemoteCommEvent(type, data)`",
		tokens: []*field{kind}, body: remoteData, example: "version 12",
		sample: func(_ Process, text string) *Event { return NewRemoteCommunication("deploy", text) }},

	SupervisorStateChange: {name: "SUPERVISOR_STATE_CHANGE", parent: AnyEvent},
	SupervisorStateChangeRunning: {name: "SUPERVISOR_STATE_CHANGE_RUNNING", parent: SupervisorStateChange,
		when:   "the daemon begins, before it starts anything; after a restart again",
		sample: func(Process, string) *Event { return NewSupervisorState(SupervisorStateChangeRunning) }},
	SupervisorStateChangeStopping: {name: "SUPERVISOR_STATE_CHANGE_STOPPING", parent: SupervisorStateChange,
		when:   "a shutdown or restart begins, before anything is stopped",
		sample: func(Process, string) *Event { return NewSupervisorState(SupervisorStateChangeStopping) }},

	TickEvent: {name: "TICK", parent: AnyEvent},
	Tick5:     {name: "TICK_5", parent: TickEvent, when: "a period of 5 seconds begins", tokens: []*field{when}, sample: tick(Tick5, 1201063880)},
	Tick60:    {name: "TICK_60", parent: TickEvent, when: "a period of 60 seconds begins", tokens: []*field{when}, sample: tick(Tick60, 1201063860)},
	Tick3600:  {name: "TICK_3600", parent: TickEvent, when: "a period of 3600 seconds begins", tokens: []*field{when}, sample: tick(Tick3600, 1201060800)},

	ProcessGroup: {name: "PROCESS_GROUP", parent: AnyEvent},
	ProcessGroupAdded: {name: "PROCESS_GROUP_ADDED", parent: ProcessGroup, when: "a group becomes active: at the start, by `update` and `add`",
		tokens: []*field{subject}, body: nothing, sample: group(ProcessGroupAdded)},
	ProcessGroupRemoved: {name: "PROCESS_GROUP_REMOVED", parent: ProcessGroup, when: "a group is no longer active",
		tokens: []*field{subject}, body: nothing, sample: group(ProcessGroupRemoved)},

	HarkEvent: {name: "HARK", parent: HarkEvent},
	ConfigReloaded: {name: "CONFIG_RELOADED", parent: HarkEvent, when: "the configuration was read again (`reread`, `update`) and was in order",
		tokens: []*field{added, changed, removed},
		sample: func(p Process, _ string) *Event {
			return NewConfigReloaded([]string{p.Group, "db"}, nil, []string{"old"})
		}},
	EventsDiscarded: {name: "EVENTS_DISCARDED", parent: HarkEvent, when: "a subscriber had no room for events; at most once a second for each",
		tokens: []*field{subscriber, discarded}, sample: func(Process, string) *Event { return NewEventsDiscarded("mylistener", 3) }},
	LogDropped: {name: "LOG_DROPPED", parent: HarkEvent,
		when: "output of a process reached no log: once an episode of a full disk, or at the end of its pipe; or one log sink will not get it: once an " +
			"episode, for each channel. Where it is not known whose output a sink's spool lost, the first three keys are empty or 0",
		tokens: append(outputOf[:3:3], channel, lostBytes, sink),
		sample: func(p Process, _ string) *Event { return NewLogDropped(p, "stdout", 4096) }},

	PluginState: {name: "PLUGIN_STATE", parent: HarkEvent},
	PluginStateStarting: {name: "PLUGIN_STATE_STARTING", parent: PluginState, when: "its process is started",
		tokens: pluginOf, body: reason, sample: plugin(PluginStateStarting, "BACKOFF", 0)},
	PluginStateRunning: {name: "PLUGIN_STATE_RUNNING", parent: PluginState, when: "it answers, and has been given its instances",
		tokens: pluginOf, body: reason, sample: plugin(PluginStateRunning, "STARTING", 2766)},
	PluginStateBackoff: {name: "PLUGIN_STATE_BACKOFF", parent: PluginState, when: "it failed; it is started again after 1, 2, 4 … 60 seconds",
		tokens: pluginOf, body: reason, sample: plugin(PluginStateBackoff, "RUNNING", 0), example: "terminated by SIGKILL"},
	PluginStateFatal: {name: "PLUGIN_STATE_FATAL", parent: PluginState, when: "it failed five times in a row, and is left alone",
		tokens: pluginOf, body: reason, sample: plugin(PluginStateFatal, "BACKOFF", 0), example: "exit status 1: panic: no token"},
	PluginStateStopping: {name: "PLUGIN_STATE_STOPPING", parent: PluginState, when: "it is asked to flush, and ended",
		tokens: pluginOf, body: reason, sample: plugin(PluginStateStopping, "RUNNING", 2766)},
	PluginStateStopped: {name: "PLUGIN_STATE_STOPPED", parent: PluginState, when: "no section needs it any longer",
		tokens: pluginOf, body: reason, sample: plugin(PluginStateStopped, "STOPPING", 0)},
}

// NewProcessState returns the event of a process that entered a state; t is one of
// ProcessStateStopped to ProcessStateUnknown, from is Supervisor's name of the
// state left. tries is shown with STARTING and BACKOFF, expected with EXITED,
// the pid with EXITED, RUNNING, STOPPING and STOPPED; FATAL and UNKNOWN show
// none of them.
func NewProcessState(t Type, p Process, from string, tries int, expected bool, ex Exit) *Event {
	return &Event{
		typ: t, process: p,
		change: StateChange{From: from, Tries: tries, Expected: expected, Exit: ex},
	}
}

// NewProcessLog returns the event of output a process wrote; t is ProcessLogStdout or
// ProcessLogStderr. The event takes ownership of data.
func NewProcessLog(t Type, p Process, data []byte) *Event {
	channel := "stdout"
	if t == ProcessLogStderr {
		channel = "stderr"
	}
	return &Event{typ: t, process: p, text: channel, data: data}
}

// NewProcessCommunication returns the event of a block a process wrote between
// capture tags; t is ProcessCommunicationStdout or ProcessCommunicationStderr.
// The event takes ownership of data.
func NewProcessCommunication(t Type, p Process, data []byte) *Event {
	return &Event{typ: t, process: p, data: data}
}

// NewRemoteCommunication returns the event of a call of
// supervisor.sendRemoteCommEvent with these two arguments.
func NewRemoteCommunication(kind, data string) *Event {
	return &Event{typ: RemoteCommunication, text: kind, detail: data}
}

// NewTick returns the event of the beginning of a period; t is Tick5, Tick60 or Tick3600,
// when is the first second of the period, in seconds since 1970.
func NewTick(t Type, when int64) *Event {
	return &Event{typ: t, number: when}
}

// NewProcessGroup returns the event of a group that was added or removed; t is
// ProcessGroupAdded or ProcessGroupRemoved. The payload ends in a newline as
// Supervisor's does, though its documentation shows none.
func NewProcessGroup(t Type, group string) *Event {
	return &Event{typ: t, text: group}
}

// NewSupervisorState returns the event of the supervisor's own start or stop; t is
// SupervisorStateChangeRunning or SupervisorStateChangeStopping. Its payload is
// empty.
func NewSupervisorState(t Type) *Event {
	return &Event{typ: t}
}

// NewConfigReloaded returns Hark's event of a configuration that was read again, with
// the groups it adds, changes and removes. Payload:
// "added:a,b changed:c removed:".
func NewConfigReloaded(added, changed, removed []string) *Event {
	return &Event{typ: ConfigReloaded,
		groups: &[...][]string{slices.Clone(added), slices.Clone(changed), slices.Clone(removed)}}
}

// NewEventsDiscarded returns Hark's event of count events that were discarded because the
// buffer of a subscriber was full. Payload: "subscriber:mylistener discarded:3".
func NewEventsDiscarded(subscriber string, count int64) *Event {
	return &Event{typ: EventsDiscarded, text: subscriber, number: count}
}

// NewLogDropped returns Hark's event of output that was not written to a log: so many bytes
// of the channel ("stdout" or "stderr") of p. Payload:
// "processname:cat groupname:cat pid:7 channel:stdout bytes:4096".
func NewLogDropped(p Process, channel string, bytes int64) *Event {
	return &Event{typ: LogDropped, process: p, text: channel, number: bytes}
}

// NewSinkDropped returns Hark's event of output that one log sink will not get; logs and other sinks may have it. The payload is
// that of NewLogDropped followed by " sink:central". p is empty if the process is not known.
func NewSinkDropped(sink string, p Process, channel string, bytes int64) *Event {
	e := NewLogDropped(p, channel, bytes)
	e.detail = sink
	return e
}

// NewPluginState returns Hark's event of a plugin whose process has changed its state; t is a type below PluginState. pid is 0 if
// there is no process; why describes a failure, in one line. Payload: "pluginname:slack from_state:RUNNING pid:0", a line feed, and why.
func NewPluginState(t Type, plugin, from string, pid int, why string) *Event {
	return &Event{typ: t, text: plugin, detail: why, number: int64(pid), change: StateChange{From: from}}
}

func state(t Type, from string, tries int, x Exit) func(Process, string) *Event {
	return func(p Process, _ string) *Event { return NewProcessState(t, p, from, tries, true, x) }
}

func written(event func(Type, Process, []byte) *Event, t Type) func(Process, string) *Event {
	return func(p Process, text string) *Event { return event(t, p, []byte(text)) }
}

func tick(t Type, at int64) func(Process, string) *Event {
	return func(Process, string) *Event { return NewTick(t, at) }
}

func group(t Type) func(Process, string) *Event {
	return func(p Process, _ string) *Event { return NewProcessGroup(t, p.Group) }
}

func plugin(t Type, from string, pid int) func(Process, string) *Event {
	return func(_ Process, text string) *Event { return NewPluginState(t, "slack", from, pid, text) }
}

// Sample returns an event of a type, for tests and documents: about this process if the type is about one, and with
// this text if it has free text; nil for a type that is never sent.
func Sample(t Type, p Process, text string) *Event {
	if make := rows[t].sample; make != nil {
		return make(p, text)
	}
	return nil
}

// appendPayload writes the payload in Supervisor's form (supervisor/events.py).
func (e *Event) appendPayload(dst []byte) []byte {
	r := &rows[e.typ]
	for i, f := range r.tokens {
		if f.optional && !f.has(e) {
			continue
		}
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = f.appendToken(dst, e)
	}
	if r.body == nil {
		return dst
	}
	dst = append(dst, '\n')
	if r.body.append != nil {
		dst = r.body.append(dst, e)
	}
	return dst
}
