package rpc

import (
	"context"
	"errors"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// The codes of Supervisor's faults (supervisor/xmlrpc.py, Faults).
const (
	UnknownMethod        = 1
	IncorrectParameters  = 2
	BadArguments         = 3
	SignatureUnsupported = 4
	ShutdownState        = 6
	BadName              = 10
	BadSignal            = 11
	NoFile               = 20
	NotExecutable        = 21
	Failed               = 30
	AbnormalTermination  = 40
	SpawnError           = 50
	AlreadyStarted       = 60
	NotRunning           = 70
	Success              = 80
	AlreadyAdded         = 90
	StillRunning         = 91
	CantReread           = 92
)

// faultNames is never written to.
var faultNames = map[int]string{
	UnknownMethod:        "UNKNOWN_METHOD",
	IncorrectParameters:  "INCORRECT_PARAMETERS",
	BadArguments:         "BAD_ARGUMENTS",
	SignatureUnsupported: "SIGNATURE_UNSUPPORTED",
	ShutdownState:        "SHUTDOWN_STATE",
	BadName:              "BAD_NAME",
	BadSignal:            "BAD_SIGNAL",
	NoFile:               "NO_FILE",
	NotExecutable:        "NOT_EXECUTABLE",
	Failed:               "FAILED",
	AbnormalTermination:  "ABNORMAL_TERMINATION",
	SpawnError:           "SPAWN_ERROR",
	AlreadyStarted:       "ALREADY_STARTED",
	NotRunning:           "NOT_RUNNING",
	Success:              "SUCCESS",
	AlreadyAdded:         "ALREADY_ADDED",
	StillRunning:         "STILL_RUNNING",
	CantReread:           "CANT_REREAD",
}

// kind is how an error of the core becomes a fault. Where named is set, the
// detail is the name as the caller wrote it, which the core doesn't know.
type kind struct {
	code  int
	named bool
}

// kinds is never written to.
var kinds = map[core.ErrorKind]kind{
	core.BadName:             {BadName, true},
	core.BadSignal:           {BadSignal, false},
	core.NoFile:              {NoFile, false},
	core.NotExecutable:       {NotExecutable, false},
	core.Failed:              {Failed, false},
	core.AbnormalTermination: {AbnormalTermination, true},
	core.SpawnFailed:         {SpawnError, true},
	core.AlreadyStarted:      {AlreadyStarted, true},
	core.NotRunning:          {NotRunning, true},
	core.AlreadyAdded:        {AlreadyAdded, true},
	core.StillRunning:        {StillRunning, true},
	core.CantReread:          {CantReread, false},
	core.ShutdownState:       {ShutdownState, false},
	core.BadArguments:        {BadArguments, false},
}

// plainFault is a fault with its name alone for a string.
func plainFault(code int) *xmlrpc.Fault {
	return &xmlrpc.Fault{Code: code, String: faultNames[code]}
}

// fault returns a fault whose string is "NAME: detail", the detail even if empty.
func fault(code int, detail string) *xmlrpc.Fault {
	return &xmlrpc.Fault{Code: code, String: faultNames[code] + ": " + detail}
}

func incorrectParameters() *xmlrpc.Fault { return plainFault(IncorrectParameters) }

// faultOf turns an error of the core about what the caller calls given into a
// fault. A context's error is unchanged: the client has gone.
func faultOf(err error, given string) error {
	if f := faultFor(err, given); f != nil {
		return f
	}
	return err
}

func faultFor(err error, given string) *xmlrpc.Fault {
	var refused *core.Error
	switch {
	case errors.As(err, &refused):
		k, known := kinds[refused.Kind]
		switch {
		case !known:
			return fault(Failed, refused.Error())
		case k.named:
			return fault(k.code, given)
		case refused.Detail == "":
			return plainFault(k.code)
		}
		return fault(k.code, refused.Detail)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return nil
	case errors.Is(err, core.ErrEnded):
		return plainFault(ShutdownState)
	}
	return fault(Failed, err.Error())
}
