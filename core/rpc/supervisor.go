package rpc

import (
	"context"
	"os"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/xmlrpc"
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

// whileRunning refuses a call when the daemon is stopping, before its arguments
// are looked at (rpcinterface.py, _update).
func (n *supervisorNamespace) whileRunning(call func(context.Context, []any) (any, error)) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, args []any) (any, error) {
		if n.sup.Mood() < core.MoodRunning {
			return nil, plainFault(ShutdownState)
		}
		return call(ctx, args)
	}
}

// SupervisorNamespace is Supervisor's namespace, for those in the daemon who call it
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
			methods[i].Call = n.whileRunning(methods[i].Call)
		}
	}
	return Namespace{Name: name, Methods: methods}
}

func (n *supervisorNamespace) table() []Method {
	const always = "true, or a fault"
	var (
		process = Param{"string", "name", "the process, as name or group:name"}
		several = Param{"string", "name", "the process, as name or group:name, or a whole group as group:*"}
		group   = Param{"string", "name", "the group"}
		signal  = Param{"string", "signal", "a signal's name, such as HUP, or its number"}
		wait    = Param{"boolean", "wait", "whether to answer only when it is done; default true"}
		offset  = Param{"int", "offset", "where to begin, in bytes"}
		length  = Param{"int", "length", "how many bytes"}
		done    = Param{"boolean", "result", always}
		chunk   = Param{"string", "result", "what was read"}
		tail    = Param{"array", "result", "the bytes as a string, the end of the log as an int, and whether bytes were passed over as a boolean"}
		status  = Param{"array", "result", "a struct of name, group, status and description for each process acted on"}
	)
	const tailHelp = "Read the last length bytes of a process's log. When the whole log lies before\noffset+length, what is read begins at offset instead.\nThe offset returned is the end of the log."
	apiVersion := Method{
		Name: "getAPIVersion", ReadOnly: true, Call: n.constant(APIVersion),
		Returns: Param{"string", "version", "the version of this interface"},
		Help:    "Return the version of the XML-RPC interface.",
	}
	readLog := Method{
		Name: "readLog", ReadOnly: true, Call: n.readLog,
		Params: []Param{offset, length}, Returns: chunk,
		Help: "Read from the activity log. A negative offset with length 0 reads that many last\nbytes; length 0 reads all there is from offset.",
	}
	readStdout := Method{
		Name: "readProcessStdoutLog", ReadOnly: true, Call: n.readProcessLog("stdout"),
		Params: []Param{process, offset, length}, Returns: chunk,
		Help: "Read from a process's stdout log.",
	}
	tailStdout := Method{
		Name: "tailProcessStdoutLog", ReadOnly: true, Call: n.tailProcessLog("stdout"),
		Params: []Param{process, offset, length}, Returns: tail, Help: tailHelp,
	}
	clearLogs := Method{
		Name: "clearProcessLogs", Call: n.clearProcessLogs,
		Params: []Param{process}, Returns: done,
		Help: "Empty a process's logs.",
	}
	return []Method{
		apiVersion, apiVersion.alias("getVersion"),
		{
			Name: "getSupervisorVersion", ReadOnly: true, Call: n.constant(SupervisorVersion),
			Returns: Param{"string", "version", "the version of Supervisor that this server is compatible with"},
			Help:    "Return the version of supervisord.",
		},
		{
			Name: "getIdentification", ReadOnly: true, Call: n.getIdentification,
			Returns: Param{"string", "identifier", "the identifier of the configuration"},
			Help:    "Return the identifier of this supervisord.",
		},
		{
			Name: "getState", ReadOnly: true, Call: n.getState,
			Returns: Param{"struct", "state", "int statecode, string statename"},
			Help:    "Return the state of supervisord.",
		},
		{
			Name: "getPID", ReadOnly: true, Call: n.getPID,
			Returns: Param{"int", "pid", "the process id"},
			Help:    "Return the process id of supervisord.",
		},
		readLog, readLog.alias("readMainLog"),
		{
			Name: "clearLog", Call: n.clearLog, Returns: done,
			Help: "Empty the activity log.",
		},
		{
			Name: "shutdown", Call: n.act(n.sup.Shutdown), Returns: done,
			Help: "Stop all processes, then supervisord.",
		},
		{
			Name: "restart", Call: n.act(n.sup.Restart), Returns: done,
			Help: "Stop all processes and start supervisord again.",
		},
		{
			Name: "reloadConfig", Call: n.reloadConfig,
			Returns: Param{"array", "result", "an array in an array: the names of the groups added, changed and removed"},
			Help:    "Read the configuration again and return what would change. Nothing is started or\nstopped: that is for addProcessGroup and removeProcessGroup.",
		},
		{
			Name: "addProcessGroup", Call: n.addGroup,
			Params: []Param{group}, Returns: done,
			Help: "Make a group of the configuration last read active.",
		},
		{
			Name: "removeProcessGroup", Call: n.onGroup(n.sup.RemoveGroup),
			Params: []Param{group}, Returns: done,
			Help: "Remove a stopped group.",
		},
		{
			Name: "startProcess", Waits: true, Call: n.startProcess,
			Params: []Param{several, wait}, Optional: 1, Returns: done,
			Help: "Start a process.",
		},
		{
			Name: "startProcessGroup", Waits: true, Call: n.groupCall(n.sup.StartGroup),
			Params: []Param{group, wait}, Optional: 1, Returns: status,
			Help: "Start the processes of a group.",
		},
		{
			Name: "startAllProcesses", Waits: true, Call: n.allCall(n.sup.StartAll),
			Params: []Param{wait}, Optional: 1, Returns: status,
			Help: "Start all processes.",
		},
		{
			Name: "stopProcess", Waits: true, Call: n.stopProcess,
			Params: []Param{several, wait}, Optional: 1, Returns: done,
			Help: "Stop a process.",
		},
		{
			Name: "stopProcessGroup", Waits: true, Call: n.groupCall(n.sup.StopGroup),
			Params: []Param{group, wait}, Optional: 1, Returns: status,
			Help: "Stop the processes of a group.",
		},
		{
			Name: "stopAllProcesses", Waits: true, Call: n.allCall(n.sup.StopAll),
			Params: []Param{wait}, Optional: 1, Returns: status,
			Help: "Stop all processes.",
		},
		{
			Name: "signalProcess", Call: n.signalProcess,
			Params: []Param{several, signal}, Returns: Param{Type: "boolean"},
			Help: "Send a signal to a process.",
		},
		{
			Name: "signalProcessGroup", Call: n.signalProcessGroup,
			Params: []Param{group, signal}, Returns: Param{Type: "array"},
			Help: "Send a signal to the processes of a group.",
		},
		{
			Name: "signalAllProcesses", Call: n.signalAllProcesses,
			Params: []Param{signal}, Returns: status,
			Help: "Send a signal to all processes.",
		},
		{
			Name: "getAllConfigInfo", ReadOnly: true, Call: n.getAllConfigInfo,
			Returns: Param{"array", "result", "a struct for each process"},
			Help:    "Return the settings of every process of the configuration last read.",
		},
		{
			Name: "getProcessInfo", ReadOnly: true, Call: n.getProcessInfo,
			Params: []Param{process}, Returns: Param{"struct", "result", "what is known of the process"},
			Help: "Return the state of a process.",
		},
		{
			Name: "getAllProcessInfo", ReadOnly: true, Call: n.getAllProcessInfo,
			Returns: Param{"array", "result", "a struct for each process, as that of getProcessInfo"},
			Help:    "Return the state of every process.",
		},
		readStdout, readStdout.alias("readProcessLog"),
		{
			Name: "readProcessStderrLog", ReadOnly: true, Call: n.readProcessLog("stderr"),
			Params: []Param{process, offset, length}, Returns: chunk,
			Help: "Read from a process's stderr log.",
		},
		tailStdout, tailStdout.alias("tailProcessLog"),
		{
			Name: "tailProcessStderrLog", ReadOnly: true, Call: n.tailProcessLog("stderr"),
			Params: []Param{process, offset, length}, Returns: tail, Help: tailHelp,
		},
		clearLogs, clearLogs.alias("clearProcessLog"),
		{
			Name: "clearAllProcessLogs", Call: n.clearAllProcessLogs, Returns: status,
			Help: "Empty the logs of all processes.",
		},
		{
			Name: "sendProcessStdin", Call: n.sendProcessStdin,
			Params:  []Param{process, {"string", "chars", "the characters, sent as UTF-8"}},
			Returns: done, Help: "Write to the standard input of a process. An event listener needs stdin=true in its section.",
		},
		{
			Name: "sendRemoteCommEvent", Call: n.sendRemoteCommEvent,
			Params:  []Param{{"string", "type", "the event's type key"}, {"string", "data", "the event's body"}},
			Returns: Param{Type: "boolean", Help: always},
			Help:    "Send a REMOTE_COMMUNICATION event to the listeners that subscribe to it.",
		},
	}
}

func (n *supervisorNamespace) constant(value string) func(context.Context, []any) (any, error) {
	return func(context.Context, []any) (any, error) { return value, nil }
}

func (n *supervisorNamespace) getIdentification(context.Context, []any) (any, error) {
	return n.sup.Identifier(), nil
}

func (n *supervisorNamespace) getState(context.Context, []any) (any, error) {
	mood := n.sup.Mood()
	return xmlrpc.Struct{{Name: "statecode", Value: int(mood)}, {Name: "statename", Value: moodName(mood)}}, nil
}

func (n *supervisorNamespace) getPID(context.Context, []any) (any, error) {
	return os.Getpid(), nil
}

// act makes a method of a call on the daemon that takes and answers nothing.
func (n *supervisorNamespace) act(call func(context.Context) error) func(context.Context, []any) (any, error) {
	return func(ctx context.Context, _ []any) (any, error) {
		if err := call(ctx); err != nil {
			return nil, faultOf(err, "")
		}
		return true, nil
	}
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
