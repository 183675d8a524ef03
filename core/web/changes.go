package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// What app.js asks for that changes something.

const (
	maxRequest = 1 << 20 // bytes of a request
	maxNames   = 10000   // processes of one action
)

// requestJSON is what a change is asked with.
type requestJSON struct {
	Action string   `json:"action"`
	Names  []string `json:"names"`
	Signal int      `json:"signal"`
}

// resultJSON is the result for one process or group.
type resultJSON struct {
	Name  string `json:"name"`
	Done  string `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// change handles requests that change something: only a POST, from a page of ours, with the page's token, by a user who may.
func (h *Handler) change(w http.ResponseWriter, r *http.Request, name string) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		http.Error(w, "only a POST changes anything", http.StatusMethodNotAllowed)
		return
	case fromElsewhere(r) || !h.hasToken(r.Header.Get(tokenHeader)):
		http.Error(w, "the request is not from this page, or the daemon was restarted since; load the page again", http.StatusForbidden)
		return
	case !mayChange(r):
		http.Error(w, "these credentials are read-only", http.StatusForbidden)
		return
	}
	var request requestJSON
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
	body.DisallowUnknownFields()
	if err := body.Decode(&request); err != nil || len(request.Names) > maxNames {
		http.Error(w, "cannot read the request", http.StatusBadRequest)
		return
	}
	// What was begun for a dozen programs is not left half done when the browser has gone.
	ctx := context.WithoutCancel(r.Context())
	switch name {
	case "reread":
		diff, err := h.reread(ctx)
		reply(w, diff, err)
	case "update":
		results, err := h.update(ctx, request.Names)
		reply(w, results, err)
	default:
		h.actMany(ctx, w, request)
	}
}

// actMany does one action to several processes, together.
func (h *Handler) actMany(ctx context.Context, w http.ResponseWriter, request requestJSON) {
	var method string
	names := make([]any, len(request.Names))
	for i, name := range request.Names {
		names[i] = name
	}
	args := []any{names}
	switch request.Action {
	case "stopall", "restartall":
		message, err := h.do(ctx, request.Action, "")
		reply(w, []resultJSON{{Name: "all", Done: message}}, err)
		return
	case "reload", "shutdown", "restartplugin", "testnotifier":
		result, err := h.actOther(ctx, request)
		reply(w, []resultJSON{result}, err)
		return
	case "start":
		method = "hark.startProcesses"
	case "stop":
		method = "hark.stopProcesses"
	case "restart":
		method = "hark.restartProcesses"
	case "clearlog":
		method = "hark.clearProcessLogs"
	case "signal":
		if request.Signal <= 0 || request.Signal > 64 {
			reply(w, eachRefused(request.Names, fmt.Sprintf("there is no signal %d", request.Signal)), nil)
			return
		}
		method, args = "hark.signalProcesses", append(args, request.Signal)
	default:
		http.Error(w, "there is no such action", http.StatusBadRequest)
		return
	}
	outcomes, err := h.calls.Call(ctx, rpc.Control, method, args)
	if err != nil {
		reply(w, nil, err)
		return
	}
	failed := map[string]string{}
	rows, _ := outcomes.([]xmlrpc.Struct)
	for _, row := range rows {
		if o := outcomeOf(row); o.Status != rpc.Success {
			failed[pytext.Namespec(o.Group, o.Name)] = o.Description
		}
	}
	results := make([]resultJSON, len(request.Names))
	for i, name := range request.Names {
		if results[i].Name = name; failed[name] != "" {
			results[i].Error = failed[name]
		} else {
			results[i].Done = request.Action
		}
	}
	reply(w, results, nil)
}

// actOther does what is not done to processes: to the daemon, a plugin or a notifier.
func (h *Handler) actOther(ctx context.Context, request requestJSON) (resultJSON, error) {
	method, args, result := map[string]string{
		"reload": "supervisor.restart", "shutdown": "supervisor.shutdown", "restartplugin": "hark.restartPlugin", "testnotifier": "hark.testNotifier",
	}[request.Action], []any(nil), resultJSON{Name: h.o.Supervisor.Identifier(), Done: request.Action}
	if request.Action == "restartplugin" || request.Action == "testnotifier" {
		if len(request.Names) != 1 {
			return resultJSON{Error: "one name is needed"}, nil
		}
		result.Name, args = request.Names[0], []any{request.Names[0]}
	}
	answer, err := h.calls.Call(ctx, rpc.Control, method, args)
	var fault *xmlrpc.Fault
	if errors.As(err, &fault) {
		return resultJSON{Name: result.Name, Error: fault.String}, nil
	}
	if tested, ok := answer.(xmlrpc.Struct); ok {
		outcome, _ := tested.Get("outcome")
		why, _ := tested.Get("error")
		if result.Done = text(outcome); result.Done != "delivered" {
			result.Done, result.Error = "", strings.TrimSuffix(text(outcome)+": "+text(why), ": ")
		}
	}
	return result, err
}

func eachRefused(names []string, why string) []resultJSON {
	results := make([]resultJSON, len(names))
	for i, name := range names {
		results[i] = resultJSON{Name: name, Error: why}
	}
	return results
}

// outcomeOf is what a call on several processes answered for one.
func outcomeOf(row xmlrpc.Struct) (o rpc.Outcome) {
	get := func(name string) any { v, _ := row.Get(name); return v }
	o.Name, _ = get("name").(string)
	o.Group, _ = get("group").(string)
	o.Status, _ = get("status").(int)
	o.Description, _ = get("description").(string)
	return o
}
