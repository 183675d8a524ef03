package main

import "net/url"

func openAction() Action {
	return Action{
		Name: "open",
		Help: "open <url>\tConnect to a remote supervisord process.\n" +
			"\t\t(for UNIX domain socket, use unix:///socket/path)",
		Local: true,
		Run:   open,
	}
}

// open makes another server the shell's, and shows its status without taking
// over its exit status.
func open(r *run, arg string) error {
	u, err := url.Parse(arg)
	if err != nil || u.Scheme != "unix" && u.Scheme != "http" && u.Scheme != "https" {
		r.println("ERROR: url must be http:// or unix://")
		r.status = exitGeneric
		return nil
	}
	r.ctl.server.close()
	r.ctl.server = newClient(arg, r.ctl.options.username, r.ctl.options.password)
	r.server = r.ctl.server
	r.ctl.options.servers = []string{arg}
	before := r.status
	err = status(r, "")
	r.status = before
	return err
}
