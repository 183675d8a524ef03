package main

import (
	"errors"
	"strings"
	"syscall"
)

func (verbs) Shutdown() Action {
	return Action{
		Name:     "shutdown",
		Help:     "shutdown \tShut the remote supervisord down.",
		Complete: completeNothing, JSON: lines("shutdown", ""), AskOnce: true,
		Run: shutdown,
	}
}

func shutdown(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	if really, err := r.confirm("Really shut the remote supervisord process down y/N? "); !really {
		return answer{}, err
	}
	_, err := r.call("shutdown")
	switch fault := asFault(err); {
	case fault != nil && fault.Code == faultShutdownState:
		r.report(failed(exitSuccess, "ERROR: already shutting down"))
	case errors.Is(err, syscall.ECONNREFUSED):
		return answer{}, refuseText("ERROR: " + r.server.url + " refused connection (already shut down?)")
	case errors.Is(err, syscall.ENOENT):
		return answer{}, refuseText("ERROR: " + r.server.url + " no such file (already shut down?)")
	case err != nil:
		return answer{}, err
	default:
		r.report(said("Shut down"))
	}
	return answer{}, nil
}

// confirm asks in the shell; on the command line it does not ask.
func (r *run) confirm(question string) (bool, error) {
	if !r.ctl.options.interactive {
		return true, nil
	}
	answer, err := r.ctl.in.ask(r.ctx, question)
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}
