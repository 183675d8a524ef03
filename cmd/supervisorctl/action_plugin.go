package main

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/build"
	records "github.com/hark-supervisor/hark/sdk/client"
)

const pluginHelp = "plugin list|info|verify|check|install|remove|new …\tTools for plugins (supervisord plugin --help has them all)\n" +
	"plugin status\t\tShow how the plugins do, and each section that one serves or does not\n" +
	"plugin restart <name>\tEnd a plugin that runs and start it again\n" +
	"All but status and restart act on this machine, so they are refused with a server elsewhere."

// Plugin runs supervisord plugin, which is next to this program or in PATH: installing a plugin is a local action of a user who may
// write to a plugin directory, and not a method of the daemon.
func (verbs) Plugin() Action {
	return Action{
		Name: "plugin", Extra: true, OthersFlags: true, Help: pluginHelp, Run: pluginTool,
		Complete: completeWords(func() []string {
			return []string{"list", "info", "verify", "check", "install", "remove", "new", "status", "restart"}
		}),
		JSON: []document{
			{form: "plugin status", value: []records.Plugin{}, text: structsText("hark.getPlugins")},
			{form: "plugin restart", args: "slack", value: []line{}},
			{form: "plugin list", text: "what `supervisord plugin` prints ([plugins.md](plugins.md)), as with its other verbs"},
		},
	}
}

func pluginTool(r *run, arg string) (answer, error) {
	words := strings.Fields(arg)
	if len(words) == 0 {
		return answer{}, r.misuse(exitInvalidArgs, "Error: plugin requires a verb; see help plugin")
	}
	switch words[0] {
	case "restart":
		return pluginRestart(r, words[1:])
	case "status":
		return pluginStatus(r, words[1:])
	}
	if r.json {
		words = append(words, "--json") // the tool's own
	}
	if !r.server.isLocal() {
		return answer{}, refuseText("Error: plugin " + words[0] + " acts on this machine, and the server is another's; run it there")
	}
	program, err := build.Companion("supervisord")
	if err != nil {
		return answer{}, err
	}
	args := append([]string{"plugin"}, words...)
	if file := r.ctl.options.file; file != "" && words[0] != "new" && !slices.Contains(words, "-c") {
		args = slices.Insert(args, 2, "-c", file)
	}
	cmd := exec.CommandContext(r.ctx, program, args...)
	cmd.Stdout, cmd.Stderr, cmd.Stdin = r.out, r.err, os.Stdin
	a := answer{printed: true}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		a.status, err = max(exit.ExitCode(), exitGeneric), nil
	}
	return a, err
}

func pluginRestart(r *run, names []string) (answer, error) {
	if len(names) != 1 {
		return answer{}, r.misuse(exitInvalidArgs, "Error: plugin restart requires a name")
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	_, err := r.server.call(r.ctx, "hark.restartPlugin", names[0])
	if fault := asFault(err); fault != nil {
		return answer{}, refuse(problem(exitGeneric, names[0], fault.String))
	}
	if err != nil {
		return answer{}, err
	}
	good, err := r.checkServed([]string{"plugin:" + names[0]}, []string{"plugin:" + names[0]})
	if good {
		r.report(did(names[0], "restarted"))
	}
	return answer{}, err
}

// pluginStatus prints the state of the plugins. The exit status is that of status: 3 if a
// section is not served.
func pluginStatus(r *run, names []string) (answer, error) {
	if len(names) > 0 {
		return answer{}, r.misuse(exitInvalidArgs, "Error: plugin status accepts no arguments")
	}
	all, err := asked[[]records.Plugin](r.ask("getPlugins"))
	if err != nil {
		return answer{}, err
	}
	a, now := answer{value: all}, time.Now()
	var rows [][]string
	for i := range all {
		p := &all[i]
		pid := ""
		if p.PID > 0 {
			pid = decimal(p.PID)
		}
		rows = append(rows, []string{p.Name, p.State, pid, p.Version, decimal(p.Restarts), ago(now, p.Since), p.Trouble})
		for _, instance := range p.Instances {
			state := "served"
			if !instance.Ready {
				state, a.status = "not served", notServed
			} else if instance.Previous {
				state, a.status = "previous settings", notServed
			}
			rows = append(rows, []string{"  [" + instance.Section + "]", state, "", "", "", "", instance.Trouble})
		}
	}
	a.text = table("NAME STATE PID VERSION RESTARTS SINCE TROUBLE", "No section of the configuration names a plugin.", rows)
	return a, nil
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
