package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/core/turns"
)

// Counters has the methods that /metrics, /healthz and /readyz need; *core.Supervisor implements it.
type Counters interface {
	Tally(ctx context.Context) (tally.Tally, error)
	Turn(ctx context.Context) error
	Waiting(ctx context.Context) ([]string, error)
	LoopTotals() turns.Info
}

// healthTime is how long the loop may take to turn before it counts as stuck.
const healthTime = 5 * time.Second

// named bounds how many processes /readyz names.
const named = 20

// measure answers the three.
func (h *Handler) measure(w http.ResponseWriter, r *http.Request, path string) {
	switch {
	case h.metrics == nil:
		http.Error(w, "404 not available here", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case path == "metrics":
		h.answerScrape(w, r)
	case path == "healthz":
		h.healthz(w, r)
	default:
		h.readyz(w, r)
	}
}

// healthz is 200 while the loop turns, 503 in shutdown or when it does not.
func (h *Handler) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	ctx, cancel := context.WithTimeout(r.Context(), healthTime)
	defer cancel()
	if mood := h.o.Supervisor.Mood(); mood != core.MoodRunning {
		http.Error(w, "the daemon is "+strings.ToLower(moodName(mood)), http.StatusServiceUnavailable)
		return
	}
	if err := h.o.Counters.Turn(ctx); err != nil {
		http.Error(w, "the daemon's loop does not turn: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}

// readyz is 200 when every process with autostart is RUNNING, or has ended as expected.
func (h *Handler) readyz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	ctx, cancel := context.WithTimeout(r.Context(), healthTime)
	defer cancel()
	if mood := h.o.Supervisor.Mood(); mood != core.MoodRunning {
		http.Error(w, "the daemon is "+strings.ToLower(moodName(mood)), http.StatusServiceUnavailable)
		return
	}
	waiting, err := h.o.Counters.Waiting(ctx)
	if err != nil {
		http.Error(w, "the daemon's loop does not turn: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	var reasons []string
	switch {
	case len(waiting) > named:
		reasons = append(reasons, fmt.Sprintf("not running: %s and %d more", strings.Join(waiting[:named], ", "), len(waiting)-named))
	case len(waiting) > 0:
		reasons = append(reasons, "not running: "+strings.Join(waiting, ", "))
	}
	if r.URL.Query().Has("plugins") {
		if unserved := h.unserved(ctx); len(unserved) > 0 {
			reasons = append(reasons, "not served: "+strings.Join(unserved, ", "))
		}
	}
	if len(reasons) > 0 {
		http.Error(w, strings.Join(reasons, "\n"), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
