package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

const (
	// tailBytes is the least that the tail page shows, and what it shows unless told otherwise (web.py, TailView).
	tailBytes = 1024
	// maxTailBytes bounds what is asked for.
	maxTailBytes = 4 << 20
)

type tailPage struct {
	Name  string
	Named bool
	Limit int
	Tail  string
}

// tailPage shows the end of a program's standard output (web.py, TailView).
func (h *Handler) tailPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	page := tailPage{Name: query.Get("processname"), Named: query.Has("processname"), Limit: tailBytes, Tail: "No process name found"}
	if n, err := strconv.Atoi(query.Get("limit")); err == nil {
		page.Limit = min(max(n, tailBytes), maxTailBytes)
	}
	if page.Name != "" {
		page.Tail = h.readTail(r, page.Name, page.Limit)
	}
	h.render(w, h.tail, page)
}

func (h *Handler) readTail(r *http.Request, name string, limit int) string {
	// On the page, as it is and escaped: what a call takes is claimed by itself.
	if err := rpc.Claim(r.Context(), 2*limit); err != nil {
		return "ERROR: " + err.Error()
	}
	value, err := h.calls.Call(r.Context(), rpc.AccessOf(r), "supervisor.readProcessStdoutLog", []any{name, -limit, 0})
	var fault *xmlrpc.Fault
	switch {
	case err == nil:
		return text(value)
	case errors.As(err, &fault) && fault.Code == rpc.NoFile:
		return "No file for " + name
	case errors.As(err, &fault):
		return fmt.Sprintf("ERROR: unexpected rpc fault [%d] %s", fault.Code, fault.String)
	}
	return "ERROR: " + err.Error()
}

// text is a value of XML-RPC that is text.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return fmt.Sprint(v)
}
