"""The states of processes, of supervisord and of listeners, by name and number."""


class ProcessStates:
    """States of a process, as XML-RPC reports them."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


STOPPED_STATES = (ProcessStates.STOPPED, ProcessStates.EXITED, ProcessStates.FATAL, ProcessStates.UNKNOWN)
RUNNING_STATES = (ProcessStates.RUNNING, ProcessStates.BACKOFF, ProcessStates.STARTING)
SIGNALLABLE_STATES = (ProcessStates.RUNNING, ProcessStates.STARTING, ProcessStates.STOPPING)


class SupervisorStates:
    """States of supervisord."""

    FATAL = 2
    RUNNING = 1
    RESTARTING = 0
    SHUTDOWN = -1


class EventListenerStates:
    """States of a listener, as supervisord sees it."""

    READY = 10
    BUSY = 20
    ACKNOWLEDGED = 30
    UNKNOWN = 40


def _names_by_code(states):
    return {code: name for name, code in vars(states).items() if not name.startswith("_")}


_process_states_by_code = _names_by_code(ProcessStates)
_supervisor_states_by_code = _names_by_code(SupervisorStates)
_eventlistener_states_by_code = _names_by_code(EventListenerStates)


def getProcessStateDescription(code):
    """The name of a process state; None for an unknown number."""
    return _process_states_by_code.get(code)


def getSupervisorStateDescription(code):
    """The name of a state of supervisord; None for an unknown number."""
    return _supervisor_states_by_code.get(code)


def getEventListenerStateDescription(code):
    """The name of a listener's state; None for an unknown number."""
    return _eventlistener_states_by_code.get(code)
