package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const pluginHelp = "plugin list|info|verify|check|install|remove|new …\tTools for plugins (supervisord plugin --help has them all)\n" +
	"plugin status\t\tShow how the plugins do, and each section that one serves or does not\n" +
	"plugin restart <name>\tEnd a plugin that runs and start it again\n" +
	"All but status and restart act on this machine, so they are refused with a server elsewhere."

// pluginAction runs supervisord plugin, which is beside this program or in PATH: what installs a plugin is a local act of who may
// write to a plugin directory, and no method of the daemon's.
func pluginAction() Action {
	return Action{Name: "plugin", Extra: true, Help: pluginHelp, Run: pluginTool, Flags: []Flag{jsonFlag()}}
}

func pluginTool(r *run, arg string) error {
	words := strings.Fields(arg)
	if len(words) == 0 {
		r.misuse(exitInvalidArgs, "Error: plugin requires a verb; see help plugin")
		return nil
	}
	if words[0] == "restart" {
		return pluginRestart(r, words[1:])
	}
	if words[0] == "status" {
		return pluginStatus(r, words[1:])
	}
	if r.wantsJSON() {
		words = append(words, "--json") // the tool's own
	}
	if !r.server.isLocal() {
		r.status = exitGeneric
		r.printf("Error: plugin %s acts on this machine, and the server is another's; run it there\n", words[0])
		return nil
	}
	program, err := besides("supervisord")
	if err != nil {
		return err
	}
	args := append([]string{"plugin"}, words...)
	if file := r.ctl.options.file; file != "" && words[0] != "new" && !slices.Contains(words, "-c") {
		args = slices.Insert(args, 2, "-c", file)
	}
	cmd := exec.CommandContext(r.ctx, program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Stdin = r.out, r.err, os.Stdin
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		r.status = max(exit.ExitCode(), exitGeneric)
		return nil
	}
	return err
}

// besides finds a program of Hark's: beside this one, else in PATH.
func besides(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(self), name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

func pluginRestart(r *run, names []string) error {
	if len(names) != 1 {
		r.misuse(exitInvalidArgs, "Error: plugin restart requires a name")
		return nil
	}
	if ok, err := r.up(); !ok {
		return err
	}
	_, err := r.server.call(r.ctx, "hark.restartPlugin", names[0])
	if fault := asFault(err); fault != nil {
		r.status = exitGeneric
		r.println(fmt.Sprintf("%s: ERROR (%s)", names[0], fault.String))
		return nil
	}
	if err != nil {
		return err
	}
	before := r.status
	if err := r.checkServed([]string{"plugin:" + names[0]}); err != nil {
		return err
	}
	if r.status == before {
		r.println(names[0] + ": restarted")
	}
	return nil
}

// pluginStatus is how the plugins do. The exit status is that of status: 3 where a
// section is not served.
func pluginStatus(r *run, names []string) error {
	if len(names) > 0 {
		r.misuse(exitInvalidArgs, "Error: plugin status accepts no arguments")
		return nil
	}
	v, ok, err := r.ask("getPlugins")
	if !ok {
		return err
	}
	all := structsOf(v)
	var rows [][]string
	now := time.Now()
	for _, p := range all {
		pid := ""
		if intOf(p, "pid") > 0 {
			pid = count0(p, "pid")
		}
		rows = append(rows, []string{stringOf(p, "name"), stringOf(p, "statename"), pid, stringOf(p, "version"), count0(p, "restarts"),
			ago(now, intOf(p, "since")), stringOf(p, "trouble")})
		instances, _ := p.Get("instances")
		for _, i := range structsOf(instances) {
			state := "served"
			if !boolOf(i, "ready") {
				state, r.status = "not served", notServed
			}
			rows = append(rows, []string{"  [" + stringOf(i, "section") + "]", state, "", "", "", "", stringOf(i, "trouble")})
		}
	}
	switch {
	case r.wantsJSON():
		return r.printJSON(jsonStructs(all))
	case len(all) == 0:
		r.println("No section of the configuration names a plugin.")
	default:
		r.table("NAME STATE PID VERSION RESTARTS SINCE TROUBLE", rows)
	}
	return nil
}

// isLocal reports whether the server is on this machine, by its address.
func (c *client) isLocal() bool {
	if strings.HasPrefix(c.url, "unix://") {
		return true
	}
	if c.base == nil {
		return false
	}
	host := c.base.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
