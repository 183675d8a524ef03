package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// confirmPage asks the user whether what another site's page had the browser ask for is wanted.
type confirmPage struct {
	Action, Process, Token string
}

// act does what ?action= says and leads back to the page with a message in Supervisor's words (web.py, make_callback).
func (h *Handler) act(w http.ResponseWriter, r *http.Request) {
	act, name := r.Form.Get("action"), r.Form.Get("processname")
	known := act == "refresh" || act == "stopall" || act == "restartall" ||
		name != "" && (act == "start" || act == "stop" || act == "restart" || act == "clearlog")
	switch {
	case !known:
		http.Error(w, fmt.Sprintf("there is no action %q here", act), http.StatusBadRequest)
		return
	case act != "refresh" && !mayChange(r):
		http.Error(w, "these credentials are read-only", http.StatusForbidden)
		return
	case act != "refresh" && r.Method == http.MethodHead:
		http.Error(w, "an action cannot be a HEAD request", http.StatusMethodNotAllowed)
		return
	case act != "refresh" && fromElsewhere(r) && !(r.Method == http.MethodPost && h.hasToken(r.PostForm.Get(tokenField))):
		h.render(w, h.confirm, confirmPage{act, name, h.token})
		return
	}
	// It is carried through when the browser has gone: what was stopped to be restarted is started.
	message, err := h.do(context.WithoutCancel(r.Context()), act, name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Location", "index.html?message="+quote(message))
	w.WriteHeader(http.StatusMovedPermanently) // Supervisor's; with no-store it is not cached
}

// ctime is how Python writes a time.
const ctime = "Mon Jan _2 15:04:05 2006"

// do does one action and describes the result. The error is that of a call that could not be made at all.
func (h *Handler) do(ctx context.Context, act, name string) (string, error) {
	call := func(method string) error {
		_, err := h.calls.Call(ctx, rpc.Control, "supervisor."+method, []any{name})
		return err
	}
	now := func() string { return h.o.Now().Format(ctime) }
	switch act {
	case "refresh":
		return "Page refreshed at " + now(), nil
	case "stopall", "restartall":
		if _, err := h.calls.Call(ctx, rpc.Control, "supervisor.stopAllProcesses", nil); err != nil {
			return "", err
		}
		if act == "stopall" {
			return "All stopped at " + now(), nil
		}
		if _, err := h.calls.Call(ctx, rpc.Control, "supervisor.startAllProcesses", nil); err != nil {
			return "", err
		}
		return "All restarted at " + now(), nil
	}
	group, proc, all := pytext.SplitNamespec(name)
	if _, err := h.o.Supervisor.ProcessInfo(ctx, group, proc); all || err != nil {
		var refused *core.Error
		if all || errors.As(err, &refused) {
			return "No such process named " + name, nil
		}
		return "", err
	}
	switch act {
	case "start":
		return said(call("startProcess"), "Process "+name+" started", func(f *xmlrpc.Fault) string {
			return fmt.Sprintf("ERROR: Process %s: %s", name, startProblem(f))
		})
	case "stop":
		return said(call("stopProcess"), "Process "+name+" stopped", unexpected)
	case "clearlog":
		return said(call("clearProcessLogs"), "Log for "+name+" cleared", unexpected)
	}
	// restart: a multicall in Supervisor, which ignores its faults.
	if _, err := said(call("stopProcess"), "", unexpected); err != nil {
		return "", err
	}
	return said(call("startProcess"), "Process "+name+" restarted", func(*xmlrpc.Fault) string { return "Process " + name + " restarted" })
}

// said words the outcome of a call.
func said(err error, done string, failed func(*xmlrpc.Fault) string) (string, error) {
	var fault *xmlrpc.Fault
	switch {
	case err == nil:
		return done, nil
	case errors.As(err, &fault):
		return failed(fault), nil
	}
	return "", err
}

func unexpected(f *xmlrpc.Fault) string {
	return fmt.Sprintf("unexpected rpc fault [%d] %s", f.Code, f.String)
}

func startProblem(f *xmlrpc.Fault) string {
	switch f.Code {
	case rpc.NoFile:
		return "no such file"
	case rpc.NotExecutable:
		return "file not executable"
	case rpc.AlreadyStarted:
		return "already started"
	case rpc.SpawnError:
		return "spawn error"
	case rpc.AbnormalTermination:
		return "abnormal termination"
	}
	return unexpected(f)
}
