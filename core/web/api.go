package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"syscall"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/core/procstat"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// What app.js asks for. It is the page's own: clients have XML-RPC.

// processJSON is one process for the page.
type processJSON struct {
	Name        string `json:"name"` // namespec
	Group       string `json:"group"`
	Process     string `json:"process"`
	State       string `json:"state"`
	Description string `json:"description"`
	Pid         int    `json:"pid"`
	Start       int64  `json:"start"` // seconds since the epoch, 0: never
	Stop        int64  `json:"stop"`
	Stdout      bool   `json:"stdout"` // there is a log
	Stderr      bool   `json:"stderr"`
	End         *end   `json:"end,omitempty"` // of EXITED: how it ended
}

// end is how a process ended.
type end struct {
	Status int    `json:"status"`           // -1: a signal ended it
	Signal string `json:"signal,omitempty"` // its name, such as SIGSEGV
}

// snapshotJSON is all that the page shows at first.
type snapshotJSON struct {
	Identifier string `json:"identifier"`
	Version    string `json:"version"`
	Mood       string `json:"mood"`
	MayChange  bool   `json:"may_change"`
	HasStats   bool   `json:"has_stats"`
	HasEvents  bool   `json:"has_events"`
	HasPlugins bool   `json:"has_plugins"` // there is one at least
	HasSinks   bool   `json:"has_sinks"`
	// Unserved are sections that no plugin serves at the moment, with the reason: the first of them, and how many more there are.
	Unserved     []unservedSection `json:"unserved"`
	UnservedMore int               `json:"unserved_more"`
	Now          int64             `json:"now"`
	Life         string            `json:"life"`    // of the daemon
	Signals      []string          `json:"signals"` // their names, by number
	Processes    []processJSON     `json:"processes"`
}

func (h *Handler) api(w http.ResponseWriter, r *http.Request, name string) {
	if rpc.FromOtherSite(r) { // a client that cannot read the answer must not cause it to be made
		http.Error(w, "the request is not from this page", http.StatusForbidden)
		return
	}
	var answer any
	var err error
	switch name {
	case "snapshot":
		answer, err = h.snapshot(r)
	case "stats":
		if h.o.Usage != nil {
			answer, err = h.stats(r.Context())
		}
	case "subscribers":
		if h.o.Hark.Publisher != nil {
			answer, err = h.ask(r, "hark.getEventListeners")
		}
	case "plugins":
		if h.o.Plugins != nil {
			answer, err = h.ask(r, "hark.getPlugins")
		}
	case "sinks":
		if h.o.LogSinks != nil {
			answer, err = h.ask(r, "hark.getLogSinks")
		}
	case "events":
		h.past(w, r)
		return
	case "log":
		h.log(w, r)
		return
	case "act", "reread", "update":
		h.change(w, r, name)
		return
	default:
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	reply(w, answer, err)
}

// ask calls a method that takes nothing, as whoever sent the request.
func (h *Handler) ask(r *http.Request, method string) (any, error) {
	return h.calls.Call(r.Context(), rpc.AccessOf(r), method, nil)
}

func reply(w http.ResponseWriter, answer any, err error) {
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	case answer == nil:
		http.Error(w, "404 not available here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

func (h *Handler) snapshot(r *http.Request) (any, error) {
	infos, err := h.processes(r.Context())
	if err != nil {
		return nil, err
	}
	s := snapshotJSON{
		Identifier: h.o.Supervisor.Identifier(), Version: h.o.Version, Mood: moodName(h.o.Supervisor.Mood()), MayChange: mayChange(r),
		HasStats: h.o.Usage != nil, HasEvents: h.o.Hark.Publisher != nil, HasSinks: h.o.LogSinks != nil && len(h.o.LogSinks()) > 0,
		Now: h.o.Now().Unix(), Life: h.life, Signals: signalNames(), Processes: make([]processJSON, len(infos)),
	}
	if h.o.Plugins != nil {
		plugins, err := h.o.Plugins(r.Context())
		if err != nil {
			return nil, err
		}
		s.HasPlugins = len(plugins) > 0
	}
	s.Unserved, s.UnservedMore = h.unservedNow(r.Context())
	for i := range infos {
		p := &infos[i]
		s.Processes[i] = processJSON{
			Name: pytext.Namespec(p.Group, p.Name), Group: p.Group, Process: p.Name, State: p.State.String(), Description: rpc.Description(p), Pid: p.Pid,
			Start: max(p.Start.Unix(), 0), Stop: max(p.Stop.Unix(), 0), Stdout: p.StdoutLog != "", Stderr: p.StderrLog != "", End: endOf(p),
		}
	}
	return s, nil
}

// endOf is how an EXITED process ended; nil: it has not, or it is not known.
func endOf(p *core.ProcessInfo) *end {
	if p.State != process.Exited || !p.HasEnd {
		return nil
	}
	e := &end{Status: p.End.Code}
	if p.End.Signal != 0 {
		e.Signal = process.SignalName(p.End.Signal)
	}
	return e
}

// signalNames are the names of the signals whose numbers are the same on all systems, by number; those of events are numbers.
func signalNames() []string {
	const classic = 32 // what is beyond has no names
	names := make([]string, classic)
	for n := range names[1:] {
		names[n+1] = process.SignalName(syscall.Signal(n + 1))
	}
	return names
}

// statJSON is what one process and its descendants use.
type statJSON struct {
	Name string  `json:"name"` // namespec
	CPU  float64 `json:"cpu"`  // percent of one processor
	RSS  int64   `json:"rss"`  // bytes
}

// stats is what the processes use that run.
func (h *Handler) stats(ctx context.Context) (any, error) {
	infos, err := h.processes(ctx)
	if err != nil {
		return nil, err
	}
	used, err := h.usage(infos)
	if err != nil {
		return nil, err
	}
	all := []statJSON{}
	for i := range infos {
		p := &infos[i]
		if s, ok := used[p.Pid]; ok {
			all = append(all, statJSON{pytext.Namespec(p.Group, p.Name), s.Percent, s.RSS})
		}
	}
	return all, nil
}

// usage returns what processes use, by pid; nil if that is not available.
func (h *Handler) usage(infos []core.ProcessInfo) (map[int]procstat.Stat, error) {
	if h.o.Usage == nil {
		return nil, nil //nolint:nilnil // nothing is known, which is not an error
	}
	pids := make([]int, 0, len(infos))
	for i := range infos {
		if infos[i].Pid != 0 {
			pids = append(pids, infos[i].Pid)
		}
	}
	return h.o.Usage(pids)
}

func moodName(m core.Mood) string {
	switch m {
	case core.MoodRunning:
		return "RUNNING"
	case core.MoodRestarting:
		return "RESTARTING"
	case core.MoodShutdown:
		return "SHUTDOWN"
	}
	return "FATAL"
}

// log is the end of a log, or all of it for a download.
func (h *Handler) log(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	name, method := query.Get("name"), "supervisor.readProcessStdoutLog"
	if query.Get("channel") == "stderr" {
		method = "supervisor.readProcessStderrLog"
	}
	from := -tailBytes
	if n, err := strconv.Atoi(query.Get("bytes")); err == nil {
		from = -min(max(n, 1), maxTailBytes)
	}
	download := query.Has("download")
	if download {
		from = 0
	}
	value, err := h.calls.Open(r.Context(), rpc.AccessOf(r), method, []any{name, from, 0})
	if err != nil {
		var fault *xmlrpc.Fault
		status := http.StatusServiceUnavailable
		if errors.As(err, &fault) && !rpc.NoMemory(err) {
			status = http.StatusNotFound
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if download {
		w.Header().Set("Content-Disposition", `attachment; filename="`+fileName(name)+`.log"`)
	}
	if slice, ok := value.(rpc.LogSlice); ok {
		defer slice.Close()
		w.Header().Set("Content-Length", strconv.FormatInt(slice.Size(), 10))
		_, _ = io.Copy(w, io.NewSectionReader(slice, 0, slice.Size()))
		return
	}
	_, _ = io.WriteString(w, text(value)) //nolint:gosec // text/plain with nosniff
}

// fileName is a process's name as a name of a file on anybody's disk.
func fileName(name string) string {
	safe := []byte(name)
	for i, c := range safe {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			safe[i] = '_'
		}
	}
	return string(safe)
}
