package rpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/turns"
)

// fakePlugins keeps which were restarted.
type fakePlugins struct{ restarted []string }

func (f *fakePlugins) Plugins() []Plugin {
	return []Plugin{
		{Name: "slack", Version: "1.0", State: "RUNNING", PID: 12, Since: time.Unix(100, 5e8), Restarts: 2, Failures: 1, Trouble: "slow", SHA256: "ab", Permissions: "read",
			Instances: []PluginInstance{{Section: "notifier:ops", Kind: "notifier", Name: "ops", Ready: true, Previous: true}, {Section: "notifier:x", Kind: "notifier", Name: "x", Trouble: "no token"}}},
		{Name: "loki", State: "FATAL"},
	}
}

func (f *fakePlugins) RetryPlugins() { f.restarted = append(f.restarted, "all") }

func (f *fakePlugins) RestartPlugin(name string) error {
	switch name {
	case "slack":
		f.restarted = append(f.restarted, name)
		return nil
	case "busy":
		return errors.New("the daemon ends")
	}
	return fmt.Errorf("%w: %s", ErrNoSuch, name)
}

func TestPluginMethods(t *testing.T) {
	f := &fakePlugins{}
	d := NewDispatcher(nil, Hark{Plugins: f}.Namespace())
	got, err := d.Call(context.Background(), ReadOnly, "hark.getPlugins", nil)
	const want = "[[{name slack} {version 1.0} {statename RUNNING} {pid 12} {since 100} {restarts 2} {failures 1} {internal_errors 0} {trouble slow} {sha256 ab} {permissions read} " +
		"{instances [[{section notifier:ops} {kind notifier} {name ops} {ready true} {pending false} {previous true} {trouble }] [{section notifier:x} {kind notifier} {name x} {ready false} {pending false} {previous false} {trouble no token}]]}] " +
		"[{name loki} {version } {statename FATAL} {pid 0} {since 0} {restarts 0} {failures 0} {internal_errors 0} {trouble } {sha256 } {permissions } {instances []}]]"
	if text := fmt.Sprint(plain(t, got)); err != nil || text != want {
		t.Errorf("%v, %v\nwant %s", text, err, want)
	}
	restart := func(access Access, args ...any) error {
		v, err := d.Call(context.Background(), access, "hark.restartPlugin", args)
		if err == nil && v != true {
			t.Errorf("answer %v", v)
		}
		return err
	}
	if err := restart(Control, "slack"); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		name   string
		access Access
		args   []any
		fault  int
	}{
		{"an unknown one", Control, []any{"nosuch"}, BadName},
		{"one that cannot be", Control, []any{"busy"}, Failed},
		{"a number", Control, []any{7}, IncorrectParameters},
		{"no name", Control, nil, IncorrectParameters},
		{"two names", Control, []any{"slack", "slack"}, IncorrectParameters},
		{"by who may only look", ReadOnly, []any{"slack"}, Failed},
	} {
		if err := restart(c.access, c.args...); !isFault(err, c.fault) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if v, err := d.Call(context.Background(), Control, "hark.retryPlugins", nil); v != true || err != nil {
		t.Errorf("%v, %v", v, err)
	}
	if _, err := d.Call(context.Background(), ReadOnly, "hark.retryPlugins", nil); !isFault(err, Failed) {
		t.Error(err)
	}
	if !slices.Equal(f.restarted, []string{"slack", "all"}) {
		t.Errorf("restarted %v", f.restarted)
	}
}

func TestTheLoopIsToldOf(t *testing.T) {
	info := turns.Info{Turns: 1 << 40, Busy: 3 * time.Second, Slow: 2, Longest: 1500 * time.Microsecond, Ever: 20 * time.Millisecond}
	asked := 0
	d := NewDispatcher(nil, Hark{Loop: func() turns.Info { asked++; return info }}.Namespace())
	got, err := d.Call(context.Background(), ReadOnly, "hark.getLoop", nil)
	const want = "[{turns 1099511627776} {busy 3} {slow 2} {longest 0.0015} {longest_ever 0.02}]"
	if text := fmt.Sprint(plain(t, got)); err != nil || text != want || asked != 1 {
		t.Errorf("%v, %v, asked %d times\nwant %s", text, err, asked, want)
	}
	if _, err := d.Call(context.Background(), ReadOnly, "hark.getLoop", []any{1}); !isFault(err, IncorrectParameters) {
		t.Errorf("with an argument: %v", err)
	}
}
