package rpc

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/preview"
	"github.com/hark-supervisor/hark/core/turns"
)

// Hark is what the methods of the hark namespace call. Where a field is nil, the namespace lacks its methods.
type Hark struct {
	Version     string // Hark's own
	Daemon      Daemon
	Publisher   Publisher
	Notifiers   Notifiers
	DeadLetters DeadLetters
	Plugins     Plugins
	Loop        func() turns.Info
	Selections  Selections
	Stats       ProcessStats // with Selections
	Previews    Previews
	Twiddling   Twiddling // for plugins only
	// Activity writes a line to the activity log; it must not block.
	Activity func(config.Level, string)
}

// Namespace is what Hark adds for clients; it is there whatever the configuration says.
func (h Hark) Namespace() Namespace {
	return Namespace{Name: "hark", Methods: slices.DeleteFunc(h.table(), func(m Method) bool { return m.PluginsOnly })}
}

// ForPlugins is what only plugins may call.
func (h Hark) ForPlugins() Namespace {
	return Namespace{Name: "hark", Methods: slices.DeleteFunc(h.table(), func(m Method) bool { return !m.PluginsOnly })}
}

// table is the whole of the hark namespace; the functions are in files named for what they touch.
func (h Hark) table() []Method {
	var (
		done       = Param{"boolean", "result", "true, or a fault"}
		outcomes   = Param{"array", "result", "a struct of name, group, status and description for each process acted on, as it was done; a pattern that chooses none has status 10"}
		selections = selectionMethods{h.Selections, h.Stats}
		letters    = deadLetterMethods{h.DeadLetters}
		notifiers  = notifierMethods{h.Notifiers}
		plugins    = pluginMethods{h.Plugins}
		twiddling  = twiddleMethods{h.Twiddling}
	)
	methods := slices.Concat(
		unless(h.Daemon == nil,
			row(Method{
				Name: "getVersion", ReadOnly: true,
				Returns: Param{"string", "version", "Hark's own version"},
				Help:    "Return the version of Hark; supervisor.getSupervisorVersion returns the version of Supervisor that it is compatible with.",
			}, constant(h.Version)),
			row(Method{
				Name: "shutdown", WhileRunning: true, Returns: done, Faults: []int{BadArguments},
				Help: "Stop all processes, then supervisord, as supervisor.shutdown does, with an exit status for\nthe program that runs supervisord.",
			}, h.shutdown),
		),
		unless(h.Publisher == nil,
			row(Method{
				Name: "getEventListeners", ReadOnly: true,
				Returns: Param{"array", "subscribers", "a struct for each"},
				Help:    "Return every subscriber of events (listener pools, notifiers, streams): the events that wait, and the number of the others.",
			}, h.getEventListeners),
		),
		unless(h.Notifiers == nil,
			row(Method{
				Name: "silence", Returns: Param{"int", "id", "the number of the silence"}, Faults: []int{BadArguments},
				Help: "Silence notifications about some events for a time. Events that are held back are counted. A silence outlasts a changed\n" +
					"configuration, but not supervisord.",
			}, notifiers.silence),
			row(Method{
				Name: "getSilences", ReadOnly: true,
				Returns: Param{"array", "silences", "a struct for each, oldest first"},
				Help:    "Return the active silences.",
			}, notifiers.getSilences),
			row(Method{
				Name: "unsilence", Returns: Param{"boolean", "result", "true, or BAD_NAME if there is no such silence"}, Faults: []int{BadName},
				Help: "End a silence before its time.",
			}, notifiers.unsilence),
			row(Method{
				Name:    "testNotifier",
				Returns: Param{"struct", "outcome", "outcome (delivered, retry, final or unavailable), error, retry_after, title, body, seconds"}, Faults: []int{BadName},
				Help: "Send a sample notification at once, regardless of queue, silences and limits, and return the result.",
			}, notifiers.testNotifier),
			row(Method{
				Name: "getLogSinks", ReadOnly: true,
				Returns: Param{"array", "sinks", "a struct for each"},
				Help:    "Return the state of the log sinks: the output that waits, and the amount of the rest, in bytes.",
			}, notifiers.getLogSinks),
		),
		unless(h.DeadLetters == nil,
			row(Method{
				Name: "getDeadLetters", ReadOnly: true, Returns: Param{"struct", "letters", "total, unreadable, letters: an array with a struct for each"}, Faults: []int{BadName, Failed},
				Help: "Return the dead letters: the events that listener pools and notifiers gave up, in the order in which they were given up.",
			}, letters.getDeadLetters),
			row(Method{
				Name: "sendDeadLetters", Faults: []int{BadName, Failed, ShutdownState},
				Returns: Param{"array", "sent", "a struct for each pool and notifier that has dead letters: name, kind, sent, kept, reason"},
				Help: "Give dead letters to the queues of their pools and notifiers again, oldest first. Each leaves the dead letters once the\n" +
					"queue has it; what a queue has no room for is kept.",
			}, letters.sendDeadLetters),
		),
		unless(h.Plugins == nil,
			row(Method{
				Name: "getPlugins", ReadOnly: true,
				Returns: Param{"array", "plugins", "a struct for each: name, version, statename, pid, since, restarts, failures, trouble, sha256, permissions, instances"},
				Help:    "Return the state of each plugin that an active section names, and of its instances.",
			}, plugins.getPlugins),
			row(Method{
				Name: "restartPlugin", Returns: Param{"boolean", "result", "true, or BAD_NAME where no active section names that plugin"}, Faults: []int{BadName},
				Help: "Stop a plugin, if it runs, and start it, a FATAL one too. It does not wait for that.",
			}, plugins.restartPlugin),
			row(Method{
				Name: "retryPlugins", Returns: Param{"boolean", "result", "true"},
				Help: "Try at once what plugins have refused, and plugins in BACKOFF or FATAL, and read files with secrets again. It does not wait for that.",
			}, plugins.retryPlugins),
		),
		unless(h.Activity == nil,
			row(Method{
				Name: "noteToolCall", ReadOnly: true, Returns: Param{"boolean", "result", "true; false if there have been too many, and it is left out"},
				Help: "Write to the activity log that a client of supervisorctl mcp has called a tool.",
			}, newToolCalls(h.Activity).note),
		),
		unless(h.Loop == nil,
			row(Method{
				Name: "getLoop", ReadOnly: true,
				Returns: Param{"struct", "loop", "turns; busy, the seconds that they took; slow, those of more than 10 ms; longest, in seconds, since the last call; longest_ever"},
				Help:    "Return how long the turns of the supervisor's loop take: during a turn nothing else happens to any process.",
			}, h.getLoop),
		),
		unless(h.Selections == nil,
			row(Method{
				Name: "startProcesses", Waits: true, WhileRunning: true, Returns: outcomes, Faults: []int{BadArguments},
				Help: "Start processes, together.",
			}, selections.start),
			row(Method{
				Name: "stopProcesses", Waits: true, WhileRunning: true, Returns: outcomes, Faults: []int{BadArguments},
				Help: "Stop processes, together.",
			}, selections.stop),
			row(Method{
				Name: "restartProcesses", Waits: true, WhileRunning: true, Faults: []int{BadArguments},
				Returns: Param{"array", "result", "as that of startProcesses, and step (stop or start): a process that ran has both"},
				Help:    "Stop processes that run and start them, each as soon as it has itself stopped;\nthose that don't run are started. It is carried through even when the caller goes away, but\nfor processes that somebody else is stopping, which stay stopped then.",
			}, selections.restart),
			row(Method{
				Name: "signalProcesses", WhileRunning: true, Returns: outcomes, Faults: []int{BadSignal, BadArguments},
				Help: "Send a signal to processes.",
			}, selections.signal),
			row(Method{
				Name: "clearProcessLogs", WhileRunning: true, Returns: outcomes, Faults: []int{BadArguments},
				Help: "Empty the logs of processes.",
			}, selections.clearLogs),
			row(Method{
				Name: "waitProcesses", ReadOnly: true, Waits: true, Faults: []int{BadName, BadArguments},
				Returns: Param{"array", "result",
					"a struct of name, group, state, statename, pid, description and the booleans reached (one of the states) and gone (its group was removed) for each process"},
				Help: "Wait until each process has reached one of the states, is FATAL, or was removed. The answer\ncomes at the transition, or when the timeout is over.",
			}, selections.wait),
		),
		unless(h.Selections == nil || h.Stats == nil,
			row(Method{
				Name: "getProcessStats", ReadOnly: true, Faults: []int{BadName, BadArguments},
				Returns: Param{"array", "result", "a struct for each process: its state, and what it and its descendants use"},
				Help:    "Return what processes use: CPU time, memory, threads and open files of each, including\nits descendants. Default all. A process that does not run has none of these members.",
			}, selections.getProcessStats),
		),
		unless(h.Previews == nil,
			row(Method{
				Name: "previewUpdate", ReadOnly: true, Faults: []int{CantReread},
				Returns: Param{"array", "groups", "a struct of group, action, changes and processes for each group that differs"},
				Help:    "Read the configuration again and return what an update would do. Nothing is changed.",
			}, h.previewUpdate),
		),
		// A user who may add programs may run any command as any user, which a client may not, whatever its credentials, unless the configuration
		// has a plugin that permits it: these are called back by plugins, with permissions = control for all except the first.
		unless(h.Twiddling == nil,
			row(Method{
				Name: "getGroupNames", ReadOnly: true, PluginsOnly: true,
				Returns: Param{"array", "names", "the groups, those without processes too"},
				Help:    "List the groups.",
			}, twiddling.getGroupNames),
			row(Method{
				Name: "addProgramToGroup", PluginsOnly: true, Returns: done, Faults: []int{BadName, IncorrectParameters},
				Help: "Add a program to a group, as a section [program:x] with these settings would be.",
			}, twiddling.addProgramToGroup),
			row(Method{
				Name: "removeProcessFromGroup", PluginsOnly: true, Returns: done, Faults: []int{BadName, StillRunning},
				Help: "Remove a stopped process from a group.",
			}, twiddling.removeProcessFromGroup),
			row(Method{
				Name: "log", PluginsOnly: true, Returns: done, Faults: []int{IncorrectParameters},
				Help: "Write a line to the activity log.",
			}, twiddling.log),
		),
	)
	for i := range methods {
		switch {
		case !methods[i].WhileRunning:
		case methods[i].Name == "shutdown":
			methods[i].Call = whileRunning(h.Daemon.Mood, methods[i].Call)
		default:
			methods[i].Call = whileRunning(h.Selections.Mood, methods[i].Call)
		}
	}
	return methods
}

func (h Hark) shutdown(ctx context.Context, a struct {
	Status int `rpc:"status" doc:"what supervisord is to exit with, from 0 to 255"`
}) (bool, error) {
	return succeeded(h.Daemon.ShutdownWith(ctx, a.Status), "")
}

func (h Hark) getEventListeners(ctx context.Context, _ noArguments) ([]core.SubscriberInfo, error) {
	return h.Publisher.Subscribers(ctx)
}

// getLoop reports how long the turns of the supervisor's loop take.
func (h Hark) getLoop(context.Context, noArguments) (turns.Info, error) { return h.Loop(), nil }

// Previews reports what an update would do; *core.Supervisor is one.
type Previews interface {
	PreviewUpdate(ctx context.Context) ([]preview.Group, error)
}

func (h Hark) previewUpdate(ctx context.Context, _ noArguments) ([]preview.Group, error) {
	plans, err := h.Previews.PreviewUpdate(ctx)
	if err != nil {
		return nil, faultOf(err, "")
	}
	return plans, nil
}
