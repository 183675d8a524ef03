package web

import (
	"context"

	"github.com/hark-supervisor/hark/core/preview"
)

// diffJSON is what update would do.
type diffJSON struct {
	Added   []string   `json:"added"`
	Changed []string   `json:"changed"`
	Removed []string   `json:"removed"`
	Plans   []planJSON `json:"plans"` // of those of these that are groups of programs
}

// planJSON is what update would do to one group.
type planJSON struct {
	Name      string       `json:"name"`
	Action    string       `json:"action"` // add, change or remove
	Changes   []changeJSON `json:"changes"`
	Processes []fateJSON   `json:"processes"`
}

// changeJSON is a setting that differs. What is secret has been taken out of the values (config.Changes).
type changeJSON struct {
	Process string `json:"process"` // "": of the group
	Key     string `json:"key"`
	From    string `json:"from"`
	To      string `json:"to"`
}

// fateJSON is what would become of a process: start, restart, stop or none.
type fateJSON struct {
	Name      string `json:"name"`
	State     string `json:"state"`
	Fate      string `json:"fate"`
	ComesBack bool   `json:"comes_back"` // it was stopped, or ended, and would run again
}

// maxPlanned bounds the settings and the processes that are named of each group.
const maxPlanned = 5000

// reread reads the configuration and reports what an update would do.
func (h *Handler) reread(ctx context.Context) (diffJSON, error) {
	d, err := h.o.Supervisor.Reload(ctx)
	if err != nil {
		return diffJSON{}, err
	}
	list := func(names []string) []string { return append([]string{}, names...) }
	diff := diffJSON{list(d.Added), list(d.Changed), list(d.Removed), []planJSON{}}
	if h.o.Previews == nil {
		return diff, nil
	}
	plans, err := h.o.Previews.PreviewUpdate(ctx)
	if err != nil {
		return diffJSON{}, err
	}
	for i := range plans {
		diff.Plans = append(diff.Plans, planOf(&plans[i]))
	}
	return diff, nil
}

func planOf(p *preview.Group) planJSON {
	plan := planJSON{Name: p.Name, Action: p.Action, Changes: []changeJSON{}, Processes: []fateJSON{}}
	for _, c := range p.Changes[:min(len(p.Changes), maxPlanned)] {
		plan.Changes = append(plan.Changes, changeJSON(c))
	}
	for _, q := range p.Processes[:min(len(p.Processes), maxPlanned)] {
		plan.Processes = append(plan.Processes, fateJSON{q.Name, q.State.String(), q.Fate, q.ComesBack})
	}
	return plan
}

// update does what supervisorctl update does, in its order (supervisorctl.py, do_update).
func (h *Handler) update(ctx context.Context) ([]resultJSON, error) {
	diff, err := h.o.Supervisor.Reload(ctx)
	if err != nil {
		return nil, err
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
	stop := func(group string) func() error {
		return func() error { _, err := h.o.Supervisor.StopGroup(ctx, group, true); return err }
	}
	remove := func(group string) func() error { return func() error { return h.o.Supervisor.RemoveGroup(ctx, group) } }
	add := func(group string) func() error { return func() error { return h.o.Supervisor.AddGroup(ctx, group) } }
	for _, g := range diff.Removed {
		one(g, "removed process group", stop(g), remove(g))
	}
	for _, g := range diff.Changed {
		one(g, "updated process group", stop(g), remove(g), add(g))
	}
	for _, g := range diff.Added {
		one(g, "added process group", add(g))
	}
	return results, nil
}
