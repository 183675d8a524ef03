package rpc

import (
	"context"
	"os"

	"github.com/hark-supervisor/hark/core"
)

// The versions that the supervisor namespace answers: tools compare them.
const (
	APIVersion        = "3.0"
	SupervisorVersion = "4.4.0" // the level of compatibility, not Hark's own version
)

// supervisorNamespace has the methods of supervisor/rpcinterface.py. Its table
// is the whole of it; the functions are in files named for what they touch.
type supervisorNamespace struct {
	sup  Supervisor
	logs Logs
}

// SupervisorNamespace is Supervisor's namespace, for parts of the daemon that call it
// as clients do, whatever the configuration offers to clients.
func SupervisorNamespace(sup Supervisor, logs Logs) Namespace {
	n := &supervisorNamespace{sup: sup, logs: logs}
	return n.namespace("supervisor")
}

func (n *supervisorNamespace) namespace(name string) Namespace {
	methods := n.table()
	for i := range methods {
		// The one call that Supervisor takes in shutdown, too.
		if methods[i].Name != "sendRemoteCommEvent" {
			methods[i].Call = whileRunning(n.sup.Mood, methods[i].Call)
		}
	}
	return Namespace{Name: name, Methods: methods}
}

// whileRunning refuses a call when the daemon is stopping, before its arguments
// are looked at (rpcinterface.py, _update).
func whileRunning(mood func() core.Mood, call func(context.Context, []any) (any, error)) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		if mood() < core.MoodRunning {
			return nil, plainFault(ShutdownState)
		}
		return call(ctx, args)
	}
}

func (n *supervisorNamespace) table() []Method {
	const always = "true, or a fault"
	var (
		done   = Param{"boolean", "result", always}
		chunk  = Param{"string", "result", "what was read"}
		tail   = Param{"array", "result", "the bytes as a string, the end of the log as an int, and whether bytes were passed over as a boolean"}
		status = Param{"array", "result", "a struct of name, group, status and description for each process acted on"}
	)
	const tailHelp = "Read the last length bytes of a process's log. When the whole log lies before\noffset+length, what is read begins at offset instead.\nThe offset returned is the end of the log."
	starting := []int{BadName, NoFile, NotExecutable, AlreadyStarted, SpawnError, AbnormalTermination, Failed}
	reading := []int{BadName, BadArguments, NoFile, Failed}
	apiVersion := row(Method{
		Name: "getAPIVersion", ReadOnly: true,
		Returns: Param{"string", "version", "the version of this interface"},
		Help:    "Return the version of the XML-RPC interface.",
	}, constant(APIVersion))
	readLog := row(Method{
		Name: "readLog", ReadOnly: true, Returns: chunk, Faults: reading[1:],
		Help: "Read from the activity log. A negative offset with length 0 reads that many last\nbytes; length 0 reads all there is from offset.",
	}, n.readLog)
	readStdout := row(Method{
		Name: "readProcessStdoutLog", ReadOnly: true, Returns: chunk, Faults: reading,
		Help: "Read from a process's stdout log.",
	}, n.readProcessLog("stdout"))
	tailStdout := row(Method{
		Name: "tailProcessStdoutLog", ReadOnly: true, Returns: tail, Faults: []int{BadName}, Help: tailHelp,
	}, n.tailProcessLog("stdout"))
	clearLogs := row(Method{
		Name: "clearProcessLogs", Returns: done, Faults: []int{BadName, Failed},
		Help: "Empty a process's logs.",
	}, n.clearProcessLogs)
	return []Method{
		apiVersion, apiVersion.alias("getVersion"),
		row(Method{
			Name: "getSupervisorVersion", ReadOnly: true,
			Returns: Param{"string", "version", "the version of Supervisor that this server is compatible with"},
			Help:    "Return the version of supervisord.",
		}, constant(SupervisorVersion)),
		row(Method{
			Name: "getIdentification", ReadOnly: true,
			Returns: Param{"string", "identifier", "the identifier of the configuration"},
			Help:    "Return the identifier of this supervisord.",
		}, n.getIdentification),
		row(Method{
			Name: "getState", ReadOnly: true,
			Returns: Param{"struct", "state", "int statecode, string statename"},
			Help:    "Return the state of supervisord.",
		}, n.getState),
		row(Method{
			Name: "getPID", ReadOnly: true,
			Returns: Param{"int", "pid", "the process id"},
			Help:    "Return the process id of supervisord.",
		}, getPID),
		readLog, readLog.alias("readMainLog"),
		row(Method{
			Name: "clearLog", Returns: done, Faults: []int{NoFile, Failed},
			Help: "Empty the activity log.",
		}, n.clearLog),
		row(Method{
			Name: "shutdown", Returns: done,
			Help: "Stop all processes, then supervisord.",
		}, act(n.sup.Shutdown)),
		row(Method{
			Name: "restart", Returns: done, Faults: []int{CantReread},
			Help: "Stop all processes and start supervisord again.",
		}, act(n.sup.Restart)),
		row(Method{
			Name:    "reloadConfig",
			Returns: Param{"array", "result", "an array in an array: the names of the groups added, changed and removed"}, Faults: []int{CantReread},
			Help: "Read the configuration again and return what would change. Nothing is started or\nstopped: that is for addProcessGroup and removeProcessGroup.",
		}, n.reloadConfig),
		row(Method{
			Name: "addProcessGroup", Returns: done, Faults: []int{BadName, AlreadyAdded},
			Help: "Make a group of the configuration last read active.",
		}, func(ctx context.Context, a struct{ Name newGroupName }) (bool, error) {
			return succeeded(n.sup.AddGroup(ctx, string(a.Name.groupName)), string(a.Name.groupName))
		}),
		row(Method{
			Name: "removeProcessGroup", Returns: done, Faults: []int{BadName, StillRunning},
			Help: "Remove a stopped group.",
		}, func(ctx context.Context, a struct{ Name groupName }) (bool, error) {
			return succeeded(n.sup.RemoveGroup(ctx, string(a.Name)), string(a.Name))
		}),
		row(Method{
			Name: "startProcess", Waits: true, Returns: done, Faults: starting,
			Help: "Start a process.",
		}, n.startProcess),
		row(Method{
			Name: "startProcessGroup", Waits: true, Returns: status, Faults: []int{BadName},
			Help: "Start the processes of a group.",
		}, groupCall(n.sup.StartGroup)),
		row(Method{
			Name: "startAllProcesses", Waits: true, Returns: status,
			Help: "Start all processes.",
		}, allCall(n.sup.StartAll)),
		row(Method{
			Name: "stopProcess", Waits: true, Returns: done, Faults: []int{BadName, NotRunning, Failed},
			Help: "Stop a process.",
		}, n.stopProcess),
		row(Method{
			Name: "stopProcessGroup", Waits: true, Returns: status, Faults: []int{BadName},
			Help: "Stop the processes of a group.",
		}, groupCall(n.sup.StopGroup)),
		row(Method{
			Name: "stopAllProcesses", Waits: true, Returns: status,
			Help: "Stop all processes.",
		}, allCall(n.sup.StopAll)),
		row(Method{
			Name: "signalProcess", Returns: Param{Type: "boolean"}, Faults: []int{BadName, BadSignal, NotRunning},
			Help: "Send a signal to a process.",
		}, n.signalProcess),
		row(Method{
			Name: "signalProcessGroup", Returns: Param{Type: "array"}, Faults: []int{BadName},
			Help: "Send a signal to the processes of a group.",
		}, n.signalProcessGroup),
		row(Method{
			Name: "signalAllProcesses", Returns: status,
			Help: "Send a signal to all processes.",
		}, n.signalAllProcesses),
		row(Method{
			Name: "getAllConfigInfo", ReadOnly: true,
			Returns: Param{"array", "result", "a struct for each process"},
			Help:    "Return the settings of every process of the configuration last read.",
		}, n.getAllConfigInfo),
		row(Method{
			Name: "getProcessInfo", ReadOnly: true, Returns: Param{"struct", "result", "what is known of the process"}, Faults: []int{BadName},
			Help: "Return the state of a process.",
		}, n.getProcessInfo),
		row(Method{
			Name: "getAllProcessInfo", ReadOnly: true,
			Returns: Param{"array", "result", "a struct for each process, as that of getProcessInfo"},
			Help:    "Return the state of every process.",
		}, n.getAllProcessInfo),
		readStdout, readStdout.alias("readProcessLog"),
		row(Method{
			Name: "readProcessStderrLog", ReadOnly: true, Returns: chunk, Faults: reading,
			Help: "Read from a process's stderr log.",
		}, n.readProcessLog("stderr")),
		tailStdout, tailStdout.alias("tailProcessLog"),
		row(Method{
			Name: "tailProcessStderrLog", ReadOnly: true, Returns: tail, Faults: []int{BadName}, Help: tailHelp,
		}, n.tailProcessLog("stderr")),
		clearLogs, clearLogs.alias("clearProcessLog"),
		row(Method{
			Name: "clearAllProcessLogs", Returns: status,
			Help: "Empty the logs of all processes.",
		}, n.clearAllProcessLogs),
		row(Method{
			Name: "sendProcessStdin", Returns: done, Faults: []int{BadName, NotRunning, NoFile, Failed},
			Help: "Write to the standard input of a process. An event listener needs stdin=true in its section.",
		}, n.sendProcessStdin),
		row(Method{
			Name:    "sendRemoteCommEvent",
			Returns: Param{Type: "boolean", Help: always},
			Help:    "Send a REMOTE_COMMUNICATION event to the listeners that subscribe to it.",
		}, n.sendRemoteCommEvent),
	}
}

// noArguments are those of a method that takes none.
type noArguments struct{}

func constant(value string) func(context.Context, noArguments) (string, error) {
	return func(context.Context, noArguments) (string, error) { return value, nil }
}

func (n *supervisorNamespace) getIdentification(context.Context, noArguments) (string, error) {
	return n.sup.Identifier(), nil
}

// State is the state of supervisord itself.
type State struct {
	Code int    `rpc:"statecode" doc:"2 FATAL, 1 RUNNING, 0 RESTARTING, -1 SHUTDOWN"`
	Name string `rpc:"statename" doc:"its name"`
}

func (n *supervisorNamespace) getState(context.Context, noArguments) (State, error) {
	mood := n.sup.Mood()
	return State{int(mood), moodName(mood)}, nil
}

func getPID(context.Context, noArguments) (int, error) { return os.Getpid(), nil }

// act makes a method of a call on the daemon that takes and answers nothing.
func act(call func(context.Context) error) func(context.Context, noArguments) (bool, error) {
	return func(ctx context.Context, _ noArguments) (bool, error) { return succeeded(call(ctx), "") }
}

func moodName(m core.Mood) string {
	switch m {
	case core.MoodFatal:
		return "FATAL"
	case core.MoodRunning:
		return "RUNNING"
	case core.MoodRestarting:
		return "RESTARTING"
	}
	return "SHUTDOWN"
}
