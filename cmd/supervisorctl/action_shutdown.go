package main

import (
	"errors"
	"strings"
	"syscall"
)

func shutdownAction() Action {
	return Action{
		Name: "shutdown",
		Help: "shutdown \tShut the remote supervisord down.",
		Run:  shutdown,
	}
}

func shutdown(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	if really, err := r.confirm("Really shut the remote supervisord process down y/N? "); !really {
		return err
	}
	_, err := r.call("shutdown")
	switch fault := asFault(err); {
	case fault != nil && fault.Code == faultShutdownState:
		r.println("ERROR: already shutting down")
	case errors.Is(err, syscall.ECONNREFUSED):
		r.printf("ERROR: %s refused connection (already shut down?)\n", r.server.url)
		r.status = exitGeneric
	case errors.Is(err, syscall.ENOENT):
		r.printf("ERROR: %s no such file (already shut down?)\n", r.server.url)
		r.status = exitGeneric
	case err != nil:
		return err
	default:
		r.println("Shut down")
	}
	return nil
}

// confirm asks in the shell; on the command line there is nobody to ask.
func (r *run) confirm(question string) (bool, error) {
	if !r.ctl.options.interactive {
		return true, nil
	}
	answer, err := r.ctl.in.ask(r.ctx, question)
	return strings.HasPrefix(strings.ToLower(answer), "y"), err
}
