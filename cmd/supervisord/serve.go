package main

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"slices"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/streams"
	"github.com/hark-supervisor/hark/core/web"
)

// open opens the HTTP servers on their sockets.
func (d *daemon) open(supervisor *core.Supervisor, letters *deadletters.Log, conf *config.Config, log *activity, sockets *rpc.Set) (*rpc.Server, error) {
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
		Hark: slices.Concat(rpc.NotifierMethods(outletCalls{ext.outlets}), rpc.DeadLetterMethods(deadletters.NewOffice(letters, supervisor)), rpc.PluginMethods(ext),
			[]rpc.Method{rpc.LoopMethod(supervisor.LoopInfo)}),
		Logs:       d.logReaders(),
		Version:    version,
		Selections: supervisor,
		Previews:   supervisor,
		Stats:      stats,
		Events:     supervisor,
		Streams:    streams.New(supervisor),
		Activity:   log.write,
		Level:      log.level,
		Crowded:    d.crowded,
	})
}

// crowdedGC is the garbage collector's target, in percent, while many clients are connected. What they have is little in itself, but twice that is held at the usual
// target of 100.
const crowdedGC = 50

// crowded has less memory held while many clients are connected, unless the environment (GOGC) says how much is. The servers of two lives may overlap.
func (d *daemon) crowded(many bool) {
	if os.Getenv("GOGC") != "" {
		return
	}
	d.crowds.Lock()
	defer d.crowds.Unlock()
	switch {
	case many:
		if d.crowds.servers++; d.crowds.servers == 1 {
			d.crowds.usual = debug.SetGCPercent(crowdedGC)
		}
	default:
		if d.crowds.servers--; d.crowds.servers == 0 {
			debug.SetGCPercent(d.crowds.usual)
		}
	}
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
				info.Instances = append(info.Instances, web.PluginInstance{Section: i.Section, Ready: i.Ready, Previous: i.Previous, Trouble: i.Trouble})
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
		Read: func(path string, offset, length int64) (rpc.LogSlice, error) {
			defer d.disk()()
			s, err := openLog(path, offset, length)
			if err != nil {
				return nil, err
			}
			return &diskSlice{s, d}, nil
		},
		Tail: func(path string, offset, length int64) (rpc.LogSlice, int64, bool, error) {
			defer d.disk()()
			s, end, overflow, err := logs.OpenTail(path, offset, length)
			if err != nil {
				return nil, end, overflow, err
			}
			return &diskSlice{s, d}, end, overflow, nil
		},
		Follow: follow,
	}
}

// disk waits for its turn at the disk; what it returns lets the next in.
func (d *daemon) disk() (done func()) {
	d.diskTurns <- struct{}{}
	return func() { <-d.diskTurns }
}

// diskSlice is a part of a log that waits for its turn at the disk for each piece.
type diskSlice struct {
	*logs.Slice
	daemon *daemon
}

// ReadAt is io.ReaderAt's.
func (s *diskSlice) ReadAt(b []byte, at int64) (int, error) {
	defer s.daemon.disk()()
	return s.Slice.ReadAt(b, at)
}

// openLog is logs.OpenSlice with the errors that core/rpc knows.
func openLog(path string, offset, length int64) (*logs.Slice, error) {
	s, err := logs.OpenSlice(path, offset, length)
	switch {
	case errors.Is(err, logs.ErrBadArguments):
		return nil, &core.Error{Kind: core.BadArguments}
	case errors.Is(err, logs.ErrNoFile):
		return nil, &core.Error{Kind: core.NoFile, Detail: path}
	case err != nil:
		return nil, &core.Error{Kind: core.Failed}
	}
	return s, nil
}

func follow(path string, head int64) (rpc.Follower, error) {
	f, err := logs.NewFollower(path, head)
	if err != nil {
		return nil, err
	}
	return f, nil
}
