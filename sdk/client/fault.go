package client

import (
	"errors"
	"fmt"
)

// The codes of Supervisor's faults (supervisor/xmlrpc.py, Faults).
const (
	UnknownMethod        = 1
	IncorrectParameters  = 2
	BadArguments         = 3
	SignatureUnsupported = 4
	ShutdownState        = 6 // supervisord is going down
	BadName              = 10
	BadSignal            = 11
	NoFile               = 20
	NotExecutable        = 21
	Failed               = 30
	AbnormalTermination  = 40
	SpawnError           = 50
	AlreadyStarted       = 60
	NotRunning           = 70
	Success              = 80 // the status of an Outcome, never a fault
	AlreadyAdded         = 90
	StillRunning         = 91
	CantReread           = 92
)

// Fault is a refusal by supervisord.
type Fault struct {
	Code   int    // one of the codes above, or a plugin's own
	String string // Supervisor's text, "CODE_NAME: detail"
}

func (f *Fault) Error() string { return fmt.Sprintf("%s (fault %d)", f.String, f.Code) }

// IsFault reports whether err is, or wraps, a *Fault with this code.
func IsFault(err error, code int) bool {
	var f *Fault
	return errors.As(err, &f) && f.Code == code
}

// StatusError is an answer of the HTTP server that is not an XML-RPC answer: 401 for a wrong password, 404 if no
// supervisord listens at the URL.
type StatusError struct {
	Code int // HTTP's status code
}

func (e *StatusError) Error() string {
	if e.Code == 401 {
		return "user name or password refused (HTTP status 401)"
	}
	return fmt.Sprintf("HTTP status %d", e.Code)
}
