package main

import (
	"context"
	"slices"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/daemonlog"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/streams"
	"github.com/hark-supervisor/hark/core/web"
)

// open opens the HTTP servers on their sockets.
func (d *daemon) open(supervisor *core.Supervisor, letters *deadletters.Log, conf *config.Config, log *daemonlog.Log, sockets *rpc.Set) (*rpc.Server, error) {
	stats, ext := procstat.New(), d.ext
	seen := ext.Extend(supervisor)
	hark := rpc.Hark{
		Version: version, Daemon: seen, Publisher: supervisor, Notifiers: ext.Outlets(), DeadLetters: deadletters.NewOffice(letters, supervisor), Plugins: ext,
		Loop: supervisor.LoopInfo, Selections: selectionCalls{supervisor, supervisor.Selections()}, Stats: stats, Previews: supervisor, Activity: log.Write,
	}
	history, err := pageHistory(supervisor, conf.Servers)
	if err != nil {
		return nil, err
	}
	page, err := web.New(web.Options{
		Supervisor: seen, Logs: d.turns.Logs(), Hark: hark, Counters: supervisor,
		History: history, Usage: processUsage(stats), LogSinks: ext.Outlets().LogSinks,
		Plugins: func(context.Context) ([]rpc.Plugin, error) { return ext.Plugins(), nil },
		Version: version, SupervisorVersion: supervisorVersion, Open: isOpen(conf),
	})
	if err != nil {
		return nil, err
	}
	return rpc.Open(rpc.Options{
		Sockets:    sockets,
		Fallback:   page,
		Observe:    page.Observe,
		Interfaces: slices.DeleteFunc(slices.Clone(conf.RPCInterfaces), func(i config.RPCInterface) bool { return i.Plugin != "" }),
		Supervisor: seen,
		Hark:       hark,
		Logs:       d.turns.Logs(),
		Streams:    streams.New(supervisor),
		Activity:   log.Write,
		Level:      log.Level,
		Crowded:    d.crowds.Crowded,
		Logins:     d.logins,
	})
}

// pageHistory keeps the changes of state for the page, if there is a server that serves it; otherwise it returns nil.
func pageHistory(loop web.Host, servers []config.Server) (*web.History, error) {
	if len(servers) == 0 {
		return nil, nil //nolint:nilnil // no page, no history
	}
	return web.OpenHistory(context.Background(), loop)
}

// selectionCalls is rpc.Selections.
type selectionCalls struct {
	*core.Supervisor
	core.Selections
}

// processUsage returns the function by which the page and the metrics read what processes use; nil if that is not available.
func processUsage(reader *procstat.Reader) func([]int) (map[int]procstat.Stat, error) {
	if _, err := reader.ReadUsage(nil); err != nil {
		return nil
	}
	return reader.ReadUsage
}

// isOpen reports whether an inet server requires no password.
func isOpen(conf *config.Config) bool {
	return slices.ContainsFunc(conf.Servers, func(s config.Server) bool {
		return s.Network == "tcp" && s.Username == "" && s.ReadOnlyUsername == ""
	})
}
