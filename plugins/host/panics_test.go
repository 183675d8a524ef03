package host

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
)

// A panic in what keeps a plugin ends neither the daemon nor the other plugins: it counts as a failure of the plugin, which is started again.
func TestAPanicOfThePluginsHostIsTheEndOfOnePart(t *testing.T) {
	for name, inject := range map[string]func(h *hosted, boom func()){
		"when it is looked for": func(h *hosted, boom func()) {
			resolve := h.o.Resolve
			h.o.Resolve = func(s Settings) (*Executable, error) { boom(); return resolve(s) }
		},
		"when it is launched": func(h *hosted, boom func()) { h.o.Launcher = explosive{boom} },
		"when its state is told": func(h *hosted, boom func()) {
			h.o.Changed = func(StateChange) { boom() }
		},
		"when its secret is read": func(h *hosted, boom func()) {
			h.o.ReadSecret = func(string) (string, error) { boom(); return "s", nil }
		},
		"when it is configured":     func(h *hosted, boom func()) { h.o.Configured = func(wire.Kind, string) { boom() } },
		"when namespaces are told":  func(h *hosted, boom func()) { h.o.Namespaces = boom },
		"when its socket is opened": func(h *hosted, boom func()) { h.o.RunDir = explosiveDir(h.o.RunDir, boom) },
	} {
		t.Run(name, func(t *testing.T) {
			timing := brisk()
			timing.Reconfigure = 50 * time.Millisecond
			h := newHosted(t, timing, "none")
			h.o.ReadSecret = func(string) (string, error) { return "s", nil }
			inject(h, testkit.Panics(1))
			h.SetPlugin(Settings{Name: "faulty", Permissions: ReadCalls})
			h.SetInstance(namespace("a", Key{Name: "token_file", Value: "x"}))
			testkit.Until(t, "the panic is counted", func() bool { return h.status().Defects == 1 })
			h.works("a")
			log := h.logged()
			if strings.Count(log, "internal error in ") < 1 || strings.Count(log, "made by the test; please report this") != 1 || !strings.Contains(log, "testkit.go") {
				t.Errorf("the log:\n%s", log)
			}
		})
	}
}

type explosive struct{ boom func() }

func (e explosive) Launch(ctx context.Context, p *Program) (Process, error) {
	e.boom()
	return execLauncher{}.Launch(ctx, p)
}

func explosiveDir(dir func() (string, error), boom func()) func() (string, error) {
	return func() (string, error) { boom(); return dir() }
}

// Panics without end are failures without end: the plugin is FATAL then, and the stack is in the log once.
func TestAPluginWhoseHostPanicsWithoutEndIsFatal(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	h.o.Resolve = func(Settings) (*Executable, error) { panic("made by the test") }
	h.SetInstance(namespace("a"))
	h.waitState(Fatal)
	if got := h.status(); got.Defects != maxFailures || got.Failures != maxFailures || !strings.HasPrefix(got.Trouble, "internal error in ") {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(h.logged(), "[running]:"); n != 1 {
		t.Errorf("%d stacks:\n%s", n, h.logged())
	}
}

// A call of a plugin that panics is answered with an error.
func TestAPanicInACallBackIsItsError(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	boom := testkit.Panics(1)
	h.o.Call = func(context.Context, bool, string, []any) (any, error) { boom(); return "answer", nil }
	h.SetPlugin(Settings{Name: "faulty", Permissions: ReadCalls})
	h.SetInstance(namespace("a"))
	h.works("a")
	if _, err := h.call("a", "call", 0, "supervisor.getState"); err == nil || !strings.Contains(err.Error(), "internal error") {
		t.Errorf("it answers %v", err)
	}
	if got, err := h.call("a", "call", 0, "supervisor.getState"); err != nil || got != "answer" {
		t.Errorf("the next one answers %v, %v", got, err)
	}
	if got := h.status(); got.Defects != 1 || got.Failures != 0 {
		t.Errorf("%+v", got)
	}
}
