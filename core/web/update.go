package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// diffJSON is what update would do.
type diffJSON struct {
	Added   []string        `json:"added"`
	Changed []string        `json:"changed"`
	Removed []string        `json:"removed"`
	Plans   []xmlrpc.Struct `json:"plans"` // as hark.previewUpdate answers them
}

// maxPlanned bounds the settings and the processes that are named of each group.
const maxPlanned = 5000

// reload reads the configuration and reports which groups differ.
func (h *Handler) reload(ctx context.Context) (diff diffJSON, err error) {
	answer, err := h.calls.Call(ctx, rpc.Control, "supervisor.reloadConfig", nil)
	if err != nil {
		return diff, err
	}
	lists := []*[]string{&diff.Added, &diff.Changed, &diff.Removed}
	outer, _ := answer.([]any)
	for _, inner := range outer {
		given, _ := inner.([]any)
		for i, list := range given[:min(len(given), len(lists))] {
			*lists[i], _ = list.([]string)
		}
	}
	return diff, nil
}

// reread reads the configuration and reports what an update would do.
func (h *Handler) reread(ctx context.Context) (diffJSON, error) {
	diff, err := h.reload(ctx)
	if diff.Plans = []xmlrpc.Struct{}; err != nil || h.o.Hark.Previews == nil {
		return diff, err
	}
	answer, err := h.calls.Call(ctx, rpc.Control, "hark.previewUpdate", nil)
	if err != nil {
		return diffJSON{}, err
	}
	plans, _ := answer.([]xmlrpc.Struct)
	for _, plan := range plans {
		for i, m := range plan {
			if list, ok := m.Value.([]xmlrpc.Struct); ok {
				plan[i].Value = list[:min(len(list), maxPlanned)]
			}
		}
	}
	diff.Plans = append(diff.Plans, plans...)
	return diff, nil
}

// groupText says what was done to a process group, in supervisorctl's words, or to a section about plugins, whose names have a kind.
func groupText(done, group string) string {
	for _, kind := range []string{"plugin:", "notifier:", "logsink:", "rpcinterface:"} {
		if strings.HasPrefix(group, kind) {
			return done + " section"
		}
	}
	return done + " process group"
}

// errOtherDiff refuses an update that is not the one that was looked at.
var errOtherDiff = errors.New("the configuration has changed since it was shown; nothing was done, look at it again")

// update does what supervisorctl update does, in its order (supervisorctl.py, do_update). shown are the groups that it is to touch; none: all that differ.
func (h *Handler) update(ctx context.Context, shown []string) ([]resultJSON, error) {
	diff, err := h.reload(ctx)
	if err != nil {
		return nil, err
	}
	if len(shown) > 0 {
		now := slices.Sorted(slices.Values(slices.Concat(diff.Added, diff.Changed, diff.Removed)))
		if !slices.Equal(now, slices.Sorted(slices.Values(shown))) {
			return nil, errOtherDiff
		}
	}
	results := []resultJSON{}
	one := func(group, done string, steps ...func() error) {
		for _, step := range steps {
			if err := step(); err != nil {
				results = append(results, resultJSON{Name: group, Error: err.Error()})
				return
			}
		}
		results = append(results, resultJSON{Name: group, Done: done})
	}
	step := func(method string) func(group string) func() error {
		return func(group string) func() error {
			return func() error {
				_, err := h.calls.Call(ctx, rpc.Control, "supervisor."+method, []any{group})
				return err
			}
		}
	}
	stop, remove, add := step("stopProcessGroup"), step("removeProcessGroup"), step("addProcessGroup")
	for _, g := range diff.Removed {
		one(g, groupText("removed", g), stop(g), remove(g))
	}
	for _, g := range diff.Changed {
		one(g, groupText("updated", g), stop(g), remove(g), add(g))
	}
	for _, g := range diff.Added {
		one(g, groupText("added", g), add(g))
	}
	return results, nil
}
