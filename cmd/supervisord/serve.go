package main

import (
	"context"
	"errors"
	"slices"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/web"
)

// open opens the HTTP servers on their sockets.
func (d *daemon) open(supervisor *core.Supervisor, conf *config.Config, log *activity, sockets *rpc.Set) (*rpc.Server, error) {
	stats, ext := procstat.New(), d.ext
	seen := &extended{supervisor, ext}
	page, err := web.New(web.Options{
		Supervisor: seen, Logs: d.logReaders(), Events: supervisor, Counters: supervisor, Previews: supervisor,
		Usage: processUsage(stats), Plugins: pluginInfos(ext), LogSinks: outletCalls{ext.outlets}.LogSinks,
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
		Hark: slices.Concat(rpc.NotifierMethods(outletCalls{ext.outlets}), rpc.DeadLetterMethods(supervisor), rpc.PluginMethods(ext),
			[]rpc.Method{rpc.LoopMethod(supervisor.LoopInfo)}),
		Logs:       d.logReaders(),
		Version:    version,
		Selections: supervisor,
		Previews:   supervisor,
		Stats:      stats,
		Events:     supervisor,
		Activity:   log.write,
		Level:      log.level,
	})
}

// processUsage is what the page and the metrics ask what processes use; nil where that cannot be told.
func processUsage(reader *procstat.Reader) func([]int) (map[int]procstat.Stat, error) {
	if _, err := reader.ReadUsage(nil); err != nil {
		return nil
	}
	return reader.ReadUsage
}

// pluginInfos is what the page and the metrics show of plugins.
func pluginInfos(ext *extensions) func(context.Context) ([]web.PluginInfo, error) {
	return func(context.Context) ([]web.PluginInfo, error) {
		all := []web.PluginInfo{}
		for _, p := range ext.Plugins() {
			info := web.PluginInfo{Name: p.Name, State: p.State, Version: p.Version, Pid: p.PID, Restarts: p.Restarts, Failures: p.Failures, Trouble: p.Trouble}
			for _, i := range p.Instances {
				info.Instances = append(info.Instances, web.PluginInstance{Section: i.Section, Ready: i.Ready, Trouble: i.Trouble})
				if info.Trouble == "" {
					info.Trouble = i.Trouble
				}
			}
			all = append(all, info)
		}
		return all, nil
	}
}

// isOpen reports whether an inet server asks nobody for a password.
func isOpen(conf *config.Config) bool {
	return slices.ContainsFunc(conf.Servers, func(s config.Server) bool {
		return s.Network == "tcp" && s.Username == "" && s.ReadOnlyUsername == ""
	})
}

// logReaders reads logs for clients, few at a time.
func (d *daemon) logReaders() rpc.Logs {
	return rpc.Logs{
		Read: func(path string, offset, length int64) ([]byte, error) {
			defer d.disk()()
			return readLog(path, offset, length)
		},
		Tail: func(path string, offset, length int64) ([]byte, int64, bool, error) {
			defer d.disk()()
			return logs.Tail(path, offset, length)
		},
		Follow: follow,
	}
}

// disk waits for its turn at the disk; what it returns lets the next in.
func (d *daemon) disk() (done func()) {
	d.diskTurns <- struct{}{}
	return func() { <-d.diskTurns }
}

// readLog is logs.Read with the errors that core/rpc knows.
func readLog(path string, offset, length int64) ([]byte, error) {
	b, err := logs.Read(path, offset, length)
	switch {
	case errors.Is(err, logs.ErrBadArguments):
		return nil, &core.Error{Kind: core.BadArguments}
	case errors.Is(err, logs.ErrNoFile):
		return nil, &core.Error{Kind: core.NoFile, Detail: path}
	case err != nil:
		return nil, &core.Error{Kind: core.Failed}
	}
	return b, nil
}

func follow(path string, head int64) (rpc.Follower, error) {
	f, err := logs.NewFollower(path, head)
	if err != nil {
		return nil, err
	}
	return f, nil
}
