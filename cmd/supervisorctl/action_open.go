package main

import "net/url"

func (verbs) Open() Action {
	return Action{
		Name: "open",
		Help: "open <url>\tConnect to a remote supervisord process.\n" +
			"\t\t(for UNIX domain socket, use unix:///socket/path)",
		Complete: completeNothing, JSON: textOnly(),
		Local: true,
		Run:   open,
	}
}

// open makes another server the shell's, and shows its status without taking
// over its exit status.
func open(r *run, arg string) (answer, error) {
	u, err := url.Parse(arg)
	if err != nil || u.Scheme != "unix" && u.Scheme != "http" && u.Scheme != "https" {
		return answer{}, refuseText("ERROR: url must be http:// or unix://")
	}
	r.ctl.server.close()
	r.ctl.server = newClient(arg, r.ctl.options.username, r.ctl.options.password)
	r.server = r.ctl.server
	r.ctl.options.servers = []string{arg}
	a, err := status(r, "")
	a.status = exitSuccess
	return a, withStatus(err, exitSuccess)
}
