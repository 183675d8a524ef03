package web

import (
	"bytes"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// statusPage is what status.html shows. Class names and links are those of Supervisor's page (web.py, StatusView), which people scrape.
type statusPage struct {
	Identifier        string
	Message           string
	HasMessage        bool
	Rows              []row
	MayChange         bool
	Open              bool
	Unserved          []unservedSection
	UnservedMore      int
	Token             string
	Version           string
	SupervisorVersion string
	Year              int
}

type row struct {
	Name        string // namespec
	Group       string
	State       string // RUNNING …
	Status      string // the same in lower case
	Class       string
	Description string
	Tail        template.URL // of the name's link
	Actions     []action     // one without a name keeps its place
}

type action struct {
	Name   string
	Href   template.URL
	NewTab bool
}

// index is the page, or what is asked of it by ?action= (web.py, StatusView.render).
func (h *Handler) index(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "cannot read the form", http.StatusBadRequest)
		return
	}
	if r.Form.Get("action") != "" {
		h.act(w, r)
		return
	}
	infos, err := h.processes(r.Context())
	if err != nil {
		http.Error(w, "cannot list the processes: "+err.Error(), http.StatusServiceUnavailable)
		return
	}
	page := statusPage{
		Identifier: h.o.Supervisor.Identifier(),
		Message:    r.Form.Get("message"), HasMessage: r.Form.Has("message"),
		Rows: make([]row, len(infos)), MayChange: mayChange(r), Open: h.o.Open, Token: h.token,
		Version: h.o.Version, SupervisorVersion: h.o.SupervisorVersion, Year: h.o.Now().Year(),
	}
	page.Unserved, page.UnservedMore = h.unservedNow(r.Context())
	for i := range infos {
		page.Rows[i] = h.row(&infos[i], page.MayChange)
	}
	h.render(w, h.status, page)
}

func (h *Handler) row(p *core.ProcessInfo, mayChange bool) row {
	name := pytext.Namespec(p.Group, p.Name)
	quoted := quote(name)
	link := func(what string) template.URL {
		return template.URL("index.html?processname=" + quoted + "&action=" + what) //nolint:gosec // quoted
	}
	actions := make([]action, 0, 5)
	if mayChange {
		switch p.State {
		case process.Running:
			actions = append(actions, action{Name: "Restart", Href: link("restart")}, action{Name: "Stop", Href: link("stop")})
		case process.Stopped, process.Exited, process.Fatal:
			actions = append(actions, action{Name: "Start", Href: link("start")}, action{})
		default:
			actions = append(actions, action{}, action{})
		}
		actions = append(actions, action{Name: "Clear Log", Href: link("clearlog")})
	}
	actions = append(actions,
		action{Name: "Tail -f Stdout", Href: template.URL("logtail/" + quoted), NewTab: true},             //nolint:gosec // quoted
		action{Name: "Tail -f Stderr", Href: template.URL("logtail/" + quoted + "/stderr"), NewTab: true}) //nolint:gosec // quoted
	state := p.State.String()
	return row{
		Name: name, Group: p.Group, State: state, Status: strings.ToLower(state), Class: classOf(p.State),
		Description: rpc.Description(p), Actions: actions,
		Tail: template.URL("tail.html?processname=" + quoted), //nolint:gosec // quoted
	}
}

// classOf is the class of a state's text (web.py, css_class_for_state).
func classOf(s process.State) string {
	switch s {
	case process.Running:
		return "statusrunning"
	case process.Fatal, process.Backoff:
		return "statuserror"
	}
	return "statusnominal"
}

// quote is Python's urllib.quote: a slash stays.
func quote(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "+", "%20"), "%2F", "/")
}

func (h *Handler) render(w http.ResponseWriter, t *template.Template, data any) {
	var page bytes.Buffer
	if err := t.Execute(&page, data); err != nil {
		http.Error(w, "cannot make the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(page.Bytes())
}
