package main

// Exit statuses (supervisorctl.py, LSBInitExitStatuses and LSBStatusExitStatuses).
const (
	exitSuccess                = 0
	exitGeneric                = 1
	exitInvalidArgs            = 2
	exitUnimplementedFeature   = 3
	exitInsufficientPrivileges = 4
	exitNotInstalled           = 5
	exitNotRunning             = 7

	exitStatusNotRunning = 3 // of status: something is stopped
	exitStatusUnknown    = 4 // of status: it is not known
)

// Fault codes (supervisor/xmlrpc.py, Faults).
const (
	faultUnknownMethod       = 1
	faultShutdownState       = 6
	faultBadName             = 10
	faultBadSignal           = 11
	faultNoFile              = 20
	faultNotExecutable       = 21
	faultFailed              = 30
	faultAbnormalTermination = 40
	faultSpawnError          = 50
	faultAlreadyStarted      = 60
	faultNotRunning          = 70
	faultSuccess             = 80
	faultAlreadyAdded        = 90
	faultStillRunning        = 91
	faultCantReread          = 92
)

// Process states (supervisor/states.py).
const (
	stateStopped = 0
	stateRunning = 20
	stateExited  = 100
	stateFatal   = 200
	stateUnknown = 1000
)

// stopped reports whether a process in a state is not running and will not be soon.
func stopped(state int) bool {
	return state == stateStopped || state == stateExited || state == stateFatal || state == stateUnknown
}
