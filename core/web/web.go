// Package web is the page: what a person sees of the daemon in a browser.
//
// The page works without JavaScript as Supervisor's does, under the same paths and with the same query strings
// (page.go, actions.go, tail.go). With JavaScript it is alive: app.js in ui/ takes the list of processes from the JSON of
// api.go and what changes from /events. Everything is in the binary; nothing is asked of other hosts.
//
// What changes something passes guard.go: a request that another site has a browser make is answered with a form that asks the user.
// All of it is behind the servers' authentication (core/rpc), and who may only read sees no buttons.
package web

import (
	"context"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/rpc"
)

//go:embed ui
var files embed.FS

// Options configures New. Supervisor and Logs are required.
type Options struct {
	Supervisor rpc.Supervisor
	Logs       rpc.Logs
	Hark       rpc.Hark // what the page calls beside Supervisor's methods; without Events there is no panel of listeners
	Version    string   // Hark's own
	// SupervisorVersion is the level of compatibility, shown as Supervisor shows its version.
	SupervisorVersion string
	// Plugins returns the plugins for their panel; nil: there is no such panel.
	Plugins func(ctx context.Context) ([]rpc.Plugin, error)
	// Counters reports what was counted and whether the daemon is well; nil: no /metrics, /healthz and /readyz.
	Counters Counters
	// LogSinks returns the log sinks; nil: there are none.
	LogSinks func() []rpc.LogSink
	// History has the changes of state that the page shows of the time before it was opened; nil: none.
	History *History
	// Usage reports what processes use, by pid; nil: it cannot be told.
	Usage func(pids []int) (map[int]procstat.Stat, error)
	// Open reports whether a server runs without authentication: the page then shows a warning.
	Open bool
	Now  func() time.Time // nil: time.Now
}

// Handler serves the page. It is given to rpc.Options as Fallback.
type Handler struct {
	o       Options
	calls   *rpc.Dispatcher // the daemon's methods, as clients call them
	status  *template.Template
	tail    *template.Template
	confirm *template.Template
	known   atomic.Int64 // processes that there were when somebody asked last
	token   string       // of this life of the daemon; app.js sends it with what changes something
	life    string       // the same for all: the page loads itself again when another life answers it
	static  map[string]asset
	metrics map[rpc.Access]http.Handler // nil: none
	latency *latency
	scraped atomic.Int64 // bytes that the last scrape was answered
}

type asset struct {
	kind    string // Content-Type
	content []byte
}

// New returns the handler.
func New(o Options) (*Handler, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	secret := make([]byte, 24)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	h := &Handler{
		o:     o,
		calls: rpc.NewDispatcher(nil, rpc.SupervisorNamespace(o.Supervisor, o.Logs), o.Hark.Namespace()),
		token: base64.RawURLEncoding.EncodeToString(secret[:18]), life: base64.RawURLEncoding.EncodeToString(secret[18:]),
		static: map[string]asset{},
	}
	if o.Counters != nil {
		h.openMetrics()
	}
	for name, to := range map[string]**template.Template{"status.html": &h.status, "tail.html": &h.tail, "confirm.html": &h.confirm} {
		t, err := template.ParseFS(files, "ui/"+name)
		if err != nil {
			return nil, err
		}
		*to = t
	}
	for path, file := range map[string]string{"stylesheets/supervisor.css": "app.css" /* where Supervisor has its own */, "ui/icon.svg": "icon.svg"} {
		if err := h.serve(path, file); err != nil {
			return nil, err
		}
	}
	scripts, err := fs.Glob(files, "ui/*.js")
	for _, path := range scripts {
		if err := h.serve(path, strings.TrimPrefix(path, "ui/")); err != nil {
			return nil, err
		}
	}
	return h, err
}

// serve serves a file of ui at a path.
func (h *Handler) serve(path, file string) error {
	content, err := files.ReadFile("ui/" + file)
	h.static[path] = asset{map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}[filepath.Ext(file)], content}
	return err
}

// policy is what a browser may load for the page: what the daemon itself serves, and no code in the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP answers one request, by the path as Supervisor's handlers match it (web.py, supervisor_ui_handler).
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "same-origin")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	path := strings.TrimLeft(r.URL.Path, "/")
	if a, ok := h.static[path]; ok {
		header.Set("Content-Type", a.kind)
		header.Set("Cache-Control", "no-cache")
		_, _ = w.Write(a.content)
		return
	}
	header.Set("Cache-Control", "no-store")
	switch path {
	case "", "index.html":
		h.index(w, r)
	case "tail.html":
		h.tailPage(w, r)
	case "metrics", "healthz", "readyz":
		h.measure(w, r, path)
	case "ok.html":
		header.Set("Content-Type", "text/plain")
		_, _ = w.Write([]byte("OK"))
	default:
		if name, ok := strings.CutPrefix(path, "ui/api/"); ok {
			h.api(w, r, name)
			return
		}
		// As where there is no page: what is not a GET finds nobody to take it (medusa/http_server.py).
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			rpc.ErrorPage(w, http.StatusBadRequest)
			return
		}
		rpc.ErrorPage(w, http.StatusNotFound)
	}
}

// processMemory is about what a process takes on its way to an answer, in bytes: as the core reports it, and on the page.
const processMemory = 3 << 10

// processes is the list in the order of the page: by group, then name. Its memory, and that of what is made of it, is claimed for the request, by the number of
// processes that there were before.
func (h *Handler) processes(ctx context.Context) ([]core.ProcessInfo, error) {
	if err := rpc.Claim(ctx, int(h.known.Load())*processMemory); err != nil {
		return nil, err
	}
	infos, err := h.o.Supervisor.AllProcessInfo(ctx)
	h.known.Store(int64(len(infos)))
	return infos, err
}
