package web

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hark-supervisor/hark/core/process"
)

const (
	// seriesLimit is how many processes have series of their own. A daemon with more has those by state and group only, and tells how many
	// were left out.
	seriesLimit = 5000
	// scrapeTime bounds what one scrape may take.
	scrapeTime = 10 * time.Second
)

// openMetrics makes /metrics.
func (h *Handler) openMetrics() {
	registry := prometheus.NewRegistry()
	h.latency = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "hark_rpc_duration_seconds", Help: "How long calls of XML-RPC took, by method.",
		Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30},
	}, []string{"method"})
	registry.MustRegister(&collector{h: h}, h.latency)
	h.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 2, Timeout: scrapeTime, ErrorHandling: promhttp.HTTPErrorOnError,
	})
}

// Observe takes how long a call of XML-RPC took. Only methods that are there come here, so there are no more series than
// methods.
func (h *Handler) Observe(method string, took time.Duration) {
	if h.latency != nil {
		h.latency.WithLabelValues(method).Observe(took.Seconds())
	}
}

// collector asks the daemon anew at every scrape.
type collector struct{ h *Handler }

// family is one metric of the collector.
type family struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
}

func (f family) desc() *prometheus.Desc {
	return prometheus.NewDesc("hark_"+f.name, f.help, f.labels, nil)
}

// Describe is prometheus.Collector's; telling nothing makes it an unchecked one.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect is prometheus.Collector's.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	for _, part := range []func(context.Context, func(family) func(float64, ...string)) error{c.processes, c.tally, c.subscribers, c.plugins} {
		err := part(ctx, func(f family) func(float64, ...string) {
			desc := f.desc()
			return func(value float64, labels ...string) {
				m, err := prometheus.NewConstMetric(desc, f.kind, value, labels...)
				if err != nil {
					m = prometheus.NewInvalidMetric(desc, err)
				}
				out <- m
			}
		})
		if err != nil {
			out <- prometheus.NewInvalidMetric(family{name: "up", help: "Whether the daemon answers."}.desc(), err)
			return
		}
	}
}

func (c *collector) processes(ctx context.Context, add func(family) func(float64, ...string)) error {
	infos, err := c.h.processes(ctx)
	if err != nil {
		return err
	}
	own := []string{"group", "process"}
	add(family{"info", "The daemon.", prometheus.GaugeValue, []string{"identifier", "version"}})(1, c.h.o.Supervisor.Identifier(), c.h.o.Version)
	add(family{"mood", "State of the daemon: 1 running, 0 restarting, -1 shutting down.", prometheus.GaugeValue, nil})(float64(c.h.o.Supervisor.Mood()))
	state := add(family{"process_state", "State of a process, with Supervisor's numbers: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN.", prometheus.GaugeValue, own})
	up := add(family{"process_up", "Whether a process is RUNNING.", prometheus.GaugeValue, own})
	start := add(family{"process_start_time_seconds", "When a process was started last, seconds since 1970.", prometheus.GaugeValue, own})
	counts := map[string]map[process.State]int{}
	for i := range infos {
		p := &infos[i]
		if counts[p.Group] == nil {
			counts[p.Group] = map[process.State]int{}
		}
		counts[p.Group][p.State]++
		if i >= seriesLimit {
			continue
		}
		running := 0.0
		if p.State == process.Running {
			running = 1
		}
		state(float64(p.State), p.Group, p.Name)
		up(running, p.Group, p.Name)
		if !p.Start.IsZero() {
			start(float64(p.Start.UnixMilli())/1000, p.Group, p.Name)
		}
	}
	groups := add(family{"processes", "Processes by group and state.", prometheus.GaugeValue, []string{"group", "state"}})
	for group, states := range counts {
		for s, n := range states {
			groups(float64(n), group, s.String())
		}
	}
	add(family{"processes_without_series", "Processes beyond the 5000 that have series of their own.", prometheus.GaugeValue, nil})(float64(max(0, len(infos)-seriesLimit)))
	return c.stats(ctx, add)
}

func (c *collector) stats(ctx context.Context, add func(family) func(float64, ...string)) error {
	if c.h.o.Stats == nil {
		return nil
	}
	all, err := c.h.o.Stats(ctx)
	if err != nil {
		return err
	}
	own := []string{"group", "process"}
	rss := add(family{"process_resident_memory_bytes", "Memory of a process and its descendants.", prometheus.GaugeValue, own})
	cpu := add(family{"process_cpu_seconds_total", "Processor time of a process and its descendants.", prometheus.CounterValue, own})
	for i, s := range all {
		if i >= seriesLimit {
			break
		}
		rss(float64(s.RSS), s.Group, s.Name)
		cpu(s.CPUSeconds, s.Group, s.Name)
	}
	return nil
}

func (c *collector) tally(ctx context.Context, add func(family) func(float64, ...string)) error {
	t, err := c.h.o.Counters.Tally(ctx)
	if err != nil {
		return err
	}
	for _, counted := range []struct {
		family
		values map[string]uint64
	}{
		{family{"events_total", "Events made, by type. One that nobody is subscribed to is often not made.", prometheus.CounterValue, []string{"type"}}, t.Events},
		{family{"process_ends_total", "Ends of processes, by exit status or signal.", prometheus.CounterValue, []string{"status"}}, t.Endings},
		{family{"process_starts_total", "Processes started, by group.", prometheus.CounterValue, []string{"group"}}, t.Starts},
	} {
		one := add(counted.family)
		for label, n := range counted.values {
			one(float64(n), label)
		}
	}
	add(family{"log_bytes_total", "Bytes written to programs' logs.", prometheus.CounterValue, nil})(float64(t.LogBytes))
	add(family{"log_dropped_bytes_total", "Bytes of programs' output that reached no log file.", prometheus.CounterValue, nil})(float64(t.LogDropped))
	add(family{"log_rotations_total", "Rotations of programs' logs.", prometheus.CounterValue, nil})(float64(t.LogRotations))
	return nil
}

func (c *collector) subscribers(ctx context.Context, add func(family) func(float64, ...string)) error {
	if c.h.o.Events == nil {
		return nil
	}
	all, err := c.h.o.Events.Subscribers(ctx)
	if err != nil {
		return err
	}
	own := []string{"subscriber", "kind"}
	queued := add(family{"subscriber_queued", "Events that wait for a subscriber.", prometheus.GaugeValue, own})
	flight := add(family{"subscriber_in_flight", "Events sent and not answered.", prometheus.GaugeValue, own})
	oldest := add(family{"subscriber_oldest_seconds", "Age of the event that waits longest.", prometheus.GaugeValue, own})
	delivered := add(family{"subscriber_delivered_total", "Events delivered.", prometheus.CounterValue, own})
	rejected := add(family{"subscriber_rejected_total", "Events rejected.", prometheus.CounterValue, own})
	discarded := add(family{"subscriber_discarded_total", "Events lost for want of room.", prometheus.CounterValue, own})
	streams := 0
	for i := range all {
		s := &all[i]
		if s.Kind == "stream" { // their names are new each time: series without end
			streams++
			continue
		}
		queued(float64(s.Queued), s.Name, s.Kind)
		flight(float64(s.InFlight), s.Name, s.Kind)
		oldest(s.OldestAge.Seconds(), s.Name, s.Kind)
		delivered(float64(s.Counters.Delivered), s.Name, s.Kind)
		rejected(float64(s.Counters.Rejected), s.Name, s.Kind)
		discarded(float64(s.Counters.Discarded), s.Name, s.Kind)
	}
	add(family{"streams", "Clients of /events.", prometheus.GaugeValue, nil})(float64(streams))
	return nil
}

func (c *collector) plugins(ctx context.Context, add func(family) func(float64, ...string)) error {
	if c.h.o.Plugins == nil {
		return nil
	}
	all, err := c.h.o.Plugins(ctx)
	if err != nil {
		return err
	}
	up := add(family{"plugin_up", "Whether a plugin is RUNNING.", prometheus.GaugeValue, []string{"plugin", "state"}})
	restarts := add(family{"plugin_restarts_total", "How often a plugin was started again.", prometheus.CounterValue, []string{"plugin"}})
	for _, p := range all {
		running := 0.0
		if p.State == "RUNNING" {
			running = 1
		}
		up(running, p.Name, p.State)
		restarts(float64(p.Restarts), p.Name)
	}
	return nil
}
