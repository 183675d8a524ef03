package web

import (
	"context"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// scrape asks the daemon for everything that /metrics reports.
func (h *Handler) scrape(ctx context.Context, f *families) error {
	for _, part := range []func(context.Context, *families) error{h.scrapeProcesses, h.scrapeTally, h.scrapeSubscribers, h.scrapePlugins} {
		if err := part(ctx, f); err != nil {
			return err
		}
	}
	h.scrapeLoop(f)
	h.scrapeSinks(f)
	return nil
}

func (h *Handler) scrapeProcesses(ctx context.Context, f *families) error {
	infos, err := h.processes(ctx)
	if err != nil {
		return err
	}
	f.gauge("info", "The daemon.", "identifier", "version").set(1, h.o.Supervisor.Identifier(), h.o.Version)
	f.gauge("mood", "State of the daemon: 1 running, 0 restarting, -1 shutting down.").set(float64(h.o.Supervisor.Mood()))
	used, err := h.usage(infos)
	if err != nil {
		return err
	}
	own := []string{"group", "process"}
	state := f.gauge("process_state", "State of a process, with Supervisor's numbers: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN.", own...)
	up := f.gauge("process_up", "Whether a process is RUNNING.", own...)
	start := f.gauge("process_start_time_seconds", "When a process was started last, seconds since 1970.", own...)
	restarts := f.counter("process_restarts_total", "Starts of a process that nobody requested, since its group was added.", own...)
	memory := f.gauge("process_resident_memory_bytes", "Memory of a process and its descendants.", own...)
	cpu := f.counter("process_cpu_seconds_total", "Processor time of a process and its descendants.", own...)
	counts := map[string]map[process.State]int{}
	groups := []string{}
	for i := range infos {
		p := &infos[i]
		if counts[p.Group] == nil {
			counts[p.Group] = map[process.State]int{}
			groups = append(groups, p.Group)
		}
		counts[p.Group][p.State]++
		if i >= seriesLimit {
			continue
		}
		labels := pairs(own, []string{p.Group, p.Name})
		state.with(labels, float64(p.State))
		up.with(labels, number(p.State == process.Running))
		restarts.with(labels, float64(p.Restarts))
		if !p.Start.IsZero() {
			start.with(labels, float64(p.Start.UnixMilli())/1000)
		}
		if s, ok := used[p.Pid]; ok {
			memory.with(labels, float64(s.RSS))
			cpu.with(labels, s.CPU.Seconds())
		}
	}
	number := f.gauge("processes", "Processes by group and state.", "group", "state")
	for _, group := range groups[:min(len(groups), seriesLimit)] {
		for s, n := range counts[group] {
			number.set(float64(n), group, s.String())
		}
	}
	f.gauge("processes_without_series", "Processes beyond the 5000 that have series of their own.").set(float64(max(0, len(infos)-seriesLimit)))
	f.gauge("groups_without_series", "Groups beyond the 5000 that have series of their own.").set(float64(max(0, len(groups)-seriesLimit)))
	return nil
}

func (h *Handler) scrapeTally(ctx context.Context, f *families) error {
	t, err := h.o.Counters.Tally(ctx)
	if err != nil {
		return err
	}
	for _, counted := range []struct {
		*series
		values map[string]uint64
	}{
		{f.counter("events_total", "Events created, by type. Events without subscribers are often not created.", "type"), t.Events},
		{f.counter("process_ends_total", "Ends of processes, by exit status or signal.", "status"), t.Endings},
		{f.counter("process_starts_total", "Processes started, by group.", "group"), t.Starts},
	} {
		left := seriesLimit
		for label, n := range counted.values {
			if left--; left < 0 {
				break
			}
			counted.count(n, label)
		}
	}
	f.counter("log_bytes_total", "Bytes written to programs' logs.").count(t.LogBytes)
	f.counter("log_dropped_bytes_total", "Bytes of programs' output that reached no log file.").count(t.LogDropped)
	f.counter("log_rotations_total", "Rotations of programs' logs.").count(t.LogRotations)
	return nil
}

func (h *Handler) scrapeLoop(f *families) {
	l := h.o.Counters.LoopTotals()
	f.counter("loop_turns_total", "Turns of the supervisor's loop.").count(l.Turns)
	f.counter("loop_busy_seconds_total", "Time that the turns of the loop took together.").set(l.Busy.Seconds())
	f.counter("loop_slow_turns_total", "Turns of the loop that took more than 10 ms: during a turn nothing else happens to any process.").count(l.Slow)
	f.gauge("loop_longest_turn_seconds", "The longest turn of the loop since the start, but for the one that starts the programs.").set(l.Ever.Seconds())
}

func (h *Handler) scrapeSubscribers(ctx context.Context, f *families) error {
	if h.o.Hark.Publisher == nil {
		return nil
	}
	all, err := h.o.Hark.Publisher.Subscribers(ctx)
	if err != nil {
		return err
	}
	own := []string{"kind", "subscriber"}
	queued := f.gauge("subscriber_queued", "Events that wait for a subscriber.", own...)
	room := f.gauge("subscriber_buffer_size", "Events that may wait for a subscriber in memory.", own...)
	flight := f.gauge("subscriber_in_flight", "Events sent and not answered.", own...)
	oldest := f.gauge("subscriber_oldest_seconds", "Age of the event that waits longest.", own...)
	delivered := f.counter("subscriber_delivered_total", "Events delivered.", own...)
	rejected := f.counter("subscriber_rejected_total", "Events rejected.", own...)
	discarded := f.counter("subscriber_discarded_total", "Events lost because there was no room.", own...)
	letters := f.counter("subscriber_dead_letters_total", "Events given up after too many tries, and written to the dead letters.", own...)
	suppressed := f.counter("notifier_suppressed_total", "Events that a notifier folded, silenced or summarised.", "notifier")
	failing := f.gauge("notifier_failing", "Whether the last delivery of a notifier failed.", "notifier")
	spools := newSpoolSeries(f)
	streams := 0
	for i := range all {
		s := &all[i]
		if s.Kind == core.StreamSubscriber { // their names are new each time: series without end
			streams++
			continue
		}
		labels := pairs(own, []string{s.Kind, s.Name})
		queued.with(labels, float64(s.Queued))
		room.with(labels, float64(s.BufferSize))
		flight.with(labels, float64(s.InFlight))
		oldest.with(labels, s.OldestAge.Seconds())
		delivered.with(labels, float64(s.Counters.Delivered))
		rejected.with(labels, float64(s.Counters.Rejected))
		discarded.with(labels, float64(s.Counters.Discarded))
		letters.with(labels, float64(s.Counters.DeadLetters))
		if s.Kind == core.NotifierSubscriber {
			suppressed.count(s.Suppressed, s.Name)
			failing.flag(s.LastError != "", s.Name)
		}
		spools.add(s.Kind, s.Name, s.Spool)
	}
	f.gauge("streams", "Clients of /events.").set(float64(streams))
	if h.o.LogSinks != nil {
		for _, k := range h.o.LogSinks() {
			spools.add("logsink", k.Name, k.Spool)
		}
	}
	return nil
}

// spoolSeries are the metrics of what is kept on disk for a pool, a notifier or a log sink.
type spoolSeries struct {
	fault, queued, bytes, most, memory                                              *series
	recovered, appended, acked, returned, refused, discarded, lost, commits, failed *series
}

func newSpoolSeries(f *families) *spoolSeries {
	own := []string{"kind", "name"}
	return &spoolSeries{
		fault:     f.gauge("spool_faulty", "Whether a spool cannot be opened or written at the moment: new records wait in memory.", own...),
		queued:    f.gauge("spool_records", "Records in a spool that are not acknowledged: events, or batches of output.", own...),
		bytes:     f.gauge("spool_bytes", "Size of a spool's files.", own...),
		most:      f.gauge("spool_max_bytes", "Bound of the size of a spool's files.", own...),
		memory:    f.gauge("spool_memory_bytes", "What waits in memory for a spool's disk.", own...),
		recovered: f.counter("spool_recovered_total", "Records of earlier that were found when a spool was opened.", own...),
		appended:  f.counter("spool_appended_total", "Records put into a spool.", own...),
		acked:     f.counter("spool_acknowledged_total", "Records removed from a spool.", own...),
		returned:  f.counter("spool_returned_total", "Records handed out and put back.", own...),
		refused:   f.counter("spool_refused_total", "Records too large for a spool.", own...),
		discarded: f.counter("spool_discarded_total", "Records dropped to stay within a spool's bounds.", own...),
		lost:      f.counter("spool_lost_total", "Records that a spool's disk lost: damaged, which are set aside, or missing.", own...),
		commits:   f.counter("spool_commits_total", "Writes to a spool's disk, each of what came together.", own...),
		failed:    f.counter("spool_failed_commits_total", "Writes to a spool's disk that failed.", own...),
	}
}

func (s *spoolSeries) add(kind, name string, i *spool.Status) {
	if i == nil {
		return
	}
	labels := pairs(s.fault.names, []string{kind, name})
	st := &i.Stats
	s.fault.with(labels, number(i.Fault != ""))
	s.queued.with(labels, float64(st.Queued+st.InFlight))
	s.bytes.with(labels, float64(st.Bytes))
	s.most.with(labels, float64(i.MaxBytes))
	s.memory.with(labels, float64(st.Memory))
	for to, n := range map[*series]uint64{
		s.recovered: st.Recovered, s.appended: st.Appended, s.acked: st.Acked, s.returned: st.Returned, s.refused: st.Refused,
		s.discarded: st.Discarded, s.lost: st.LostBefore + st.Lost, s.commits: st.Commits, s.failed: st.Failures,
	} {
		to.with(labels, float64(n))
	}
}

func (h *Handler) scrapeSinks(f *families) {
	if h.o.LogSinks == nil {
		return
	}
	own := []string{"sink"}
	queued := f.gauge("logsink_queued_bytes", "Output that waits for a log sink, in memory and in its spool.", own...)
	room := f.gauge("logsink_buffer_bytes", "Output that may wait for a log sink in memory.", own...)
	flight := f.gauge("logsink_in_flight_batches", "Batches sent and not answered.", own...)
	paused := f.gauge("logsink_paused_channels", "Channels of programs that are held back for a log sink.", own...)
	oldest := f.gauge("logsink_oldest_seconds", "Age of the output that waits longest.", own...)
	failing := f.gauge("logsink_failing", "Whether the last batch of a log sink failed.", own...)
	accepted := f.counter("logsink_accepted_bytes_total", "Output accepted.", own...)
	written := f.counter("logsink_written_bytes_total", "Output that was acknowledged.", own...)
	dropped := f.counter("logsink_dropped_bytes_total", "Output lost because there was no room, or refused permanently.", own...)
	batches := f.counter("logsink_batches_total", "Batches acknowledged.", own...)
	again := f.counter("logsink_redelivered_batches_total", "Batches sent once more.", own...)
	refused := f.counter("logsink_refused_batches_total", "Answers that a batch could not be written.", own...)
	for _, k := range h.o.LogSinks() {
		labels := pairs(own, []string{k.Name})
		queued.with(labels, float64(k.Queued))
		room.with(labels, float64(k.BufferBytes))
		flight.with(labels, float64(k.InFlight))
		paused.with(labels, float64(k.Paused))
		oldest.with(labels, k.OldestAge.Seconds())
		failing.with(labels, number(k.LastError != ""))
		accepted.with(labels, float64(k.Accepted))
		written.with(labels, float64(k.Written))
		dropped.with(labels, float64(k.Dropped))
		batches.with(labels, float64(k.Batches))
		again.with(labels, float64(k.Redelivered))
		refused.with(labels, float64(k.Refused))
	}
}

func (h *Handler) scrapePlugins(ctx context.Context, f *families) error {
	if h.o.Plugins == nil {
		return nil
	}
	all, err := h.o.Plugins(ctx)
	if err != nil {
		return err
	}
	up := f.gauge("plugin_up", "Whether a plugin is RUNNING.", "plugin", "state")
	restarts := f.counter("plugin_restarts_total", "How often a plugin was started again.", "plugin")
	failures := f.gauge("plugin_failures", "Failures of a plugin in a row; with five it is FATAL.", "plugin")
	ready := f.gauge("plugin_instance_ready", "Whether an instance of a plugin is configured and works.", "plugin", "section")
	for _, p := range all {
		up.flag(p.State == "RUNNING", p.Name, p.State)
		restarts.set(float64(p.Restarts), p.Name)
		failures.set(float64(p.Failures), p.Name)
		for _, i := range p.Instances {
			ready.flag(i.Ready, p.Name, i.Section)
		}
	}
	return nil
}
