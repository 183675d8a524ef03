package main

import (
	"errors"
	"fmt"
	"syscall"
)

// apiVersion is the version of the XML-RPC interface that we speak
// (rpcinterface.py, API_VERSION).
const apiVersion = "3.0"

// up refuses if there is no server that understands us. For other errors
// Supervisor has no text.
func (r *run) up() error {
	v, err := r.call("getVersion")
	no := func(status int, text, hint string) error {
		err := refuse(failed(status, text))
		if hint != "" {
			return withHints(err, hint)
		}
		return err
	}
	switch fault := asFault(err); {
	case fault != nil && fault.Code == faultUnknownMethod:
		return no(exitUnimplementedFeature, "Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf).", "")
	case errors.Is(err, syscall.ECONNREFUSED):
		return no(exitInsufficientPrivileges, r.server.url+" refused connection", hintRefused)
	case errors.Is(err, syscall.ENOENT):
		return no(exitNotRunning, r.server.url+" no such file", hintNoSocket)
	case err != nil:
		return err
	case v != apiVersion:
		return no(exitNotInstalled, fmt.Sprintf("Sorry, this version of supervisorctl expects to talk to a server with API version %s, but the remote version is %v.", apiVersion, v),
			"use the supervisorctl that came with that server")
	}
	return nil
}
