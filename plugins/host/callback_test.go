package host

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
)

// What a plugin asks for it has only where it comes with the daemon and no section says otherwise, whatever it is called.
func TestWhatAPluginAsksForIsGrantedToThoseOfTheDaemon(t *testing.T) {
	for name, c := range map[string]struct {
		bundled bool
		section *Settings
		may     Permissions
	}{
		"it comes with the daemon":           {true, nil, ReadCalls},
		"it does not":                        {false, nil, NoCalls},
		"its section grants nothing":         {true, &Settings{Name: "faulty"}, NoCalls},
		"its section grants more":            {true, &Settings{Name: "faulty", Permissions: AllCalls}, AllCalls},
		"the section of another's, with all": {false, &Settings{Name: "faulty", Permissions: AllCalls}, AllCalls},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHosted(t, brisk(), "none")
			resolve := h.o.Resolve
			h.o.Resolve = func(s Settings) (*Executable, error) {
				e, err := resolve(s)
				e.Bundled = c.bundled
				return e, err
			}
			if c.section != nil {
				h.SetPlugin(*c.section)
			}
			h.SetInstance(namespace("a"))
			h.works("a")
			if got := h.status().Permissions; got != c.may {
				t.Errorf("its status shows %s, want %s", got, c.may)
			}
			settings := Defaults("faulty")
			if c.section != nil {
				settings = *c.section
			}
			if d, _, ok := h.Description(settings); !ok || d.Permission != ReadCalls {
				t.Errorf("its description: %+v, %v", d, ok)
			}
			pid := h.status().PID
			h.SetPlugin(Settings{Name: "faulty", Permissions: c.may}) // which it has
			h.works("a")
			if got := h.status(); got.PID != pid {
				t.Errorf("a section that changes nothing restarts it: %+v", got)
			}
			_, reads := h.call("a", "call", 0, "supervisor.getState")
			_, shuts := h.call("a", "call", 0, "supervisor.shutdown")
			if (reads == nil) != (c.may >= ReadCalls) || (shuts == nil) != (c.may == AllCalls) {
				t.Errorf("a call that reads: %v, and one that does not: %v", reads, shuts)
			}
		})
	}
}

// A plugin that calls back in a loop gets as many calls as the rate allows, and a fault for the others; it is no flood for which it would be killed.
func TestAPluginThatCallsBackInALoopIsSlowedDown(t *testing.T) {
	h := newHosted(t, brisk(), "none")
	var calls atomic.Int64
	h.o.Call = func(context.Context, bool, string, []any) (any, error) {
		calls.Add(1)
		return "answer", nil
	}
	h.SetPlugin(Settings{Name: "faulty", Permissions: ReadCalls})
	h.SetInstance(namespace("a"))
	h.works("a")
	pid, began := h.status().PID, time.Now()
	if _, err := h.call("a", "loop", 0); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "calls are refused", func() bool {
		got, err := h.call("a", "refused", 0)
		return err == nil && got != "0"
	})
	testkit.Until(t, "calls are answered all the same", func() bool { return calls.Load() > callBackBurst+callBackRate })
	if n, most := calls.Load(), callBackBurst+int64(callBackRate*time.Since(began).Seconds())+callBacks; n > most {
		t.Errorf("%d calls, of at most %d", n, most)
	}
	h.waitLog("calls the daemon too often")
	h.works("a")
	if got := h.status(); got.PID != pid || got.Failures != 0 {
		t.Errorf("%+v", got)
	}
}

func TestRefusedMethodsAreNotKeptWithoutEnd(t *testing.T) {
	t.Parallel()
	h := New(Options{Log: hclog.NewNullLogger(), Call: func(context.Context, bool, string, []any) (any, error) { return nil, ErrForbidden }})
	p := newPlugin(h, Settings{Name: "x"})
	var fault *sdk.Fault
	for i := range 1000 {
		if _, err := p.callBack(context.Background(), ReadCalls, fmt.Sprint("method", i), nil); !errors.As(err, &fault) || fault.Code != forbidden {
			t.Fatalf("refused as %v", err)
		}
	}
	if len(p.denied) != 100 {
		t.Errorf("%d names are kept", len(p.denied))
	}
}
