package extensions

import (
	"context"
	"errors"
	"testing"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// Whoever waits to change a section looks again when it is their turn: it may have left the file, or a shutdown may have begun.
func TestASectionIsLookedAtAgainWhenItsTurnComes(t *testing.T) {
	configured := sectionsOf(&config.Config{Instances: []config.PluginInstance{{Kind: config.NotifierInstance, Name: "b", Section: "notifier:b"}}})
	none := sectionsOf(&config.Config{})
	for name, c := range map[string]struct {
		meanwhile func(*outletRig, *Set, context.CancelFunc)
		kind      core.ErrorKind // 0: ctx's error
		remove    bool
	}{
		"it left the file":              {func(_ *outletRig, e *Set, _ context.CancelFunc) { e.configured = none }, core.BadName, false},
		"another has added it":          {func(_ *outletRig, e *Set, _ context.CancelFunc) { e.active = configured }, core.AlreadyAdded, false},
		"another has removed it":        {func(_ *outletRig, e *Set, _ context.CancelFunc) { e.active = none }, core.BadName, true},
		"a shutdown began":              {func(r *outletRig, _ *Set, _ context.CancelFunc) { _ = r.sup.Shutdown(context.Background()) }, core.ShutdownState, false},
		"a shutdown began at a removal": {func(r *outletRig, _ *Set, _ context.CancelFunc) { _ = r.sup.Shutdown(context.Background()) }, core.ShutdownState, true},
		"the plugins are being ended":   {func(_ *outletRig, e *Set, _ context.CancelFunc) { close(e.ending) }, core.ShutdownState, false},
		"the client has gone":           {func(_ *outletRig, _ *Set, gone context.CancelFunc) { gone() }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			r.run(nil)
			e := &Set{changing: make(chan struct{}, 1), ending: make(chan struct{}), configured: configured, active: none, leaving: map[string]*parting{}}
			call := (*Supervisor).AddGroup
			if c.remove {
				e.active, call = configured, (*Supervisor).RemoveGroup
			}
			ctx, gone := context.WithCancel(context.Background())
			defer gone()
			e.changing <- struct{}{} // somebody changes something
			answer := make(chan error, 1)
			go func() { answer <- call(&Supervisor{r.sup, e}, ctx, "notifier:b") }()
			testkit.Pause()
			e.mu.Lock()
			c.meanwhile(r, e, gone)
			e.mu.Unlock()
			if c.kind == core.ShutdownState || c.kind == 0 {
				testkit.Pause()
			}
			<-e.changing
			err := <-answer
			var refused *core.Error
			switch {
			case c.kind == 0 && errors.Is(err, context.Canceled):
			case c.kind != 0 && errors.As(err, &refused) && refused.Kind == c.kind:
			default:
				t.Errorf("answered %v", err)
			}
			if err := e.change(context.Background(), func() error { return nil }); c.kind != core.ShutdownState && err != nil {
				t.Errorf("the next one is answered %v", err)
			}
		})
	}
}

// What panics while it changes something gives its turn back.
func TestAPanicTakesNoTurnWithIt(t *testing.T) {
	e := &Set{changing: make(chan struct{}, 1), ending: make(chan struct{})}
	func() {
		defer func() { _ = recover() }()
		_ = e.change(context.Background(), func() error { panic("on purpose") })
	}()
	if err := e.change(context.Background(), func() error { return nil }); err != nil {
		t.Error(err)
	}
}
