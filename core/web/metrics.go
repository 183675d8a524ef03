package web

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
)

const (
	// seriesLimit is how many processes, and how many groups, have series of their own. It is told how many were left out.
	seriesLimit = 5000
	// methodLimit is how many methods of XML-RPC have a histogram of their own; the rest share that of "other". Those of the daemon are some
	// eighty; plugins add theirs, and may have others each time they are started.
	methodLimit = 256
	// scrapeTime bounds what one scrape may take.
	scrapeTime = 10 * time.Second
)

// latency is how long calls took, by method.
type latency struct {
	histogram *prometheus.HistogramVec
	mu        sync.RWMutex
	methods   map[string]prometheus.Observer
}

// openMetrics makes /metrics.
func (h *Handler) openMetrics() {
	registry := prometheus.NewRegistry()
	h.latency = &latency{
		histogram: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "hark_rpc_duration_seconds", Help: "How long calls of XML-RPC took, by method.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 30},
		}, []string{"method"}),
		methods: map[string]prometheus.Observer{},
	}
	registry.MustRegister(h.latency.histogram, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	gather := func() ([]*dto.MetricFamily, error) {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		own, err := registry.Gather()
		if err != nil {
			return nil, err
		}
		f := &families{}
		if err := h.scrape(ctx, f); err != nil {
			return nil, fmt.Errorf("the daemon does not answer: %w", err)
		}
		return f.sorted(own), nil
	}
	h.metrics = promhttp.HandlerFor(prometheus.GathererFunc(gather), promhttp.HandlerOpts{
		MaxRequestsInFlight: 2, Timeout: scrapeTime, ErrorHandling: promhttp.HTTPErrorOnError,
	})
}

// Observe takes how long a call of XML-RPC took. Only methods that are there come here.
func (h *Handler) Observe(method string, took time.Duration) {
	if h.latency != nil {
		h.latency.of(method).Observe(took.Seconds())
	}
}

func (l *latency) known(method string) prometheus.Observer {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.methods[method]
}

func (l *latency) of(method string) prometheus.Observer {
	if o := l.known(method); o != nil {
		return o
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.methods) >= methodLimit {
		return l.histogram.WithLabelValues("other")
	}
	o := l.histogram.WithLabelValues(method)
	l.methods[method] = o
	return o
}
