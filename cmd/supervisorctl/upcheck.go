package main

import (
	"errors"
	"fmt"
	"syscall"
)

// apiVersion is the version of the XML-RPC interface that we speak
// (rpcinterface.py, API_VERSION).
const apiVersion = "3.0"

// up reports whether there is a server that understands us; if not it has said so
// and set the exit status. An error is what Supervisor has no words for.
func (r *run) up() (bool, error) {
	v, err := r.call("getVersion")
	switch fault := asFault(err); {
	case fault != nil && fault.Code == faultUnknownMethod:
		r.println("Sorry, supervisord responded but did not recognize the supervisor namespace commands that supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is enabled in the configuration file (see sample.conf).")
		r.status = exitUnimplementedFeature
		return false, nil
	case errors.Is(err, syscall.ECONNREFUSED):
		r.println(r.server.url + " refused connection")
		r.hint(hintRefused)
		r.status = exitInsufficientPrivileges
		return false, nil
	case errors.Is(err, syscall.ENOENT):
		r.println(r.server.url + " no such file")
		r.hint(hintNoSocket)
		r.status = exitNotRunning
		return false, nil
	case err != nil:
		return false, err
	}
	if v != apiVersion {
		r.printf("Sorry, this version of supervisorctl expects to talk to a server with API version %s, but the remote version is %s.\n", apiVersion, fmt.Sprint(v))
		r.hint("use the supervisorctl that came with that server")
		r.status = exitNotInstalled
		return false, nil
	}
	return true, nil
}
