package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/hark-supervisor/hark/core/rpc"
)

const (
	// seriesLimit is how many processes, and how many groups, have series of their own. How many were left out is a metric.
	seriesLimit = 5000
	// methodLimit is how many methods of XML-RPC have a histogram of their own; the rest share that of "other". Those of the daemon are some
	// eighty; plugins add theirs, and may have others each time they are started.
	methodLimit = 256
	// scrapeTime bounds what one scrape may take.
	scrapeTime = 10 * time.Second
	// scrapesAtOnce is how many are made at a time for those who may do everything, and as many for those who may only read. More wait, as long as one may
	// take.
	scrapesAtOnce = 2
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
	gather := func(places chan struct{}) ([]*dto.MetricFamily, error) {
		ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
		defer cancel()
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		case <-ctx.Done():
			return nil, errors.New("too many scrapes are made at once; try again later")
		}
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
	h.metrics = map[rpc.Access]http.Handler{}
	for _, access := range []rpc.Access{rpc.ReadOnly, rpc.Control} {
		places := make(chan struct{}, scrapesAtOnce) // nobody keeps one by reading slowly: an answer is made whole before it is sent
		h.metrics[access] = promhttp.HandlerFor(
			prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) { return gather(places) }),
			promhttp.HandlerOpts{Timeout: scrapeTime, ErrorHandling: promhttp.HTTPErrorOnError})
	}
}

// answerScrape answers a scrape. The memory of the answer, which is whole before it is sent, is claimed by that of the last.
func (h *Handler) answerScrape(w http.ResponseWriter, r *http.Request) {
	if err := rpc.Claim(r.Context(), int(2*h.scraped.Load())); err != nil {
		w.Header().Set("Retry-After", "10")
		http.Error(w, "other answers take all the memory that there is for them; try again later", http.StatusServiceUnavailable)
		return
	}
	c := &countingWriter{ResponseWriter: w}
	h.metrics[rpc.AccessOf(r)].ServeHTTP(c, r)
	h.scraped.Store(c.bytes)
}

// countingWriter counts the bytes of an answer.
type countingWriter struct {
	http.ResponseWriter
	bytes int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	c.bytes += int64(len(b))
	return c.ResponseWriter.Write(b)
}

// Observe records how long a call of an XML-RPC method took. It must be called only for methods that exist.
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
