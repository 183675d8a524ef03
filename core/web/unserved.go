package web

import (
	"context"

	"github.com/hark-supervisor/hark/core/rpc"
)

// previousSettings is how a section is of which the plugin refused a change.
const previousSettings = "served with its previous settings"

// unservedSection is one that no plugin serves at the moment, or not as it is configured.
type unservedSection struct {
	Section  string `json:"section"`
	Trouble  string `json:"trouble"` // ""; its plugin is starting
	previous bool   // served with its previous settings
}

// unservedSections are those that no plugin serves at the moment, or not as they are configured.
func (h *Handler) unservedSections(ctx context.Context) (sections []unservedSection, err error) {
	if h.o.Plugins == nil {
		return nil, nil
	}
	all, err := h.o.Plugins(ctx)
	for _, p := range all {
		for _, i := range p.Instances {
			if i.Ready && !i.Previous {
				continue
			}
			trouble := i.Trouble
			if i.Previous {
				trouble = previousSettings + ": " + trouble
			}
			if trouble == "" {
				trouble = troubleOf(&p)
			}
			sections = append(sections, unservedSection{i.Section, trouble, i.Previous})
		}
	}
	return sections, err
}

// troubleOf is what is wrong with a plugin: with itself, or with the first of its sections that has something.
func troubleOf(p *rpc.Plugin) string {
	if p.Trouble != "" {
		return p.Trouble
	}
	for _, i := range p.Instances {
		if i.Trouble != "" {
			return i.Trouble
		}
	}
	return ""
}

// unserved names them for /readyz?plugins: programs do not depend on them, so /readyz alone does not ask.
func (h *Handler) unserved(ctx context.Context) (sections []string) {
	all, err := h.unservedSections(ctx)
	if err != nil {
		return []string{"(cannot tell: " + err.Error() + ")"}
	}
	for _, s := range all {
		name := "[" + s.Section + "]"
		if s.previous {
			name += " (" + previousSettings + ")"
		}
		sections = append(sections, name)
	}
	return append(sections, h.givenUp(ctx)...)
}

// givenUp names the sections whose last delivery was given up, with the reason.
func (h *Handler) givenUp(ctx context.Context) (sections []string) {
	add := func(section, why string) {
		if why != "" {
			sections = append(sections, "["+section+"] (its last delivery was given up: "+why+")")
		}
	}
	if h.o.Hark.Publisher != nil {
		all, err := h.o.Hark.Publisher.Subscribers(ctx)
		if err != nil {
			return []string{"(cannot tell: " + err.Error() + ")"}
		}
		for i := range all {
			add("notifier:"+all[i].Name, all[i].GivenUp)
		}
	}
	if h.o.LogSinks != nil {
		for _, k := range h.o.LogSinks() {
			add("logsink:"+k.Name, k.GivenUp)
		}
	}
	return sections
}

// unservedShown bounds how many the page names.
const unservedShown = 20

// unservedNow are those that the page warns of: with a reason, for the others will be served in a moment. The first of them, and how many more there are.
func (h *Handler) unservedNow(ctx context.Context) (shown []unservedSection, more int) {
	all, err := h.unservedSections(ctx)
	if err != nil {
		return []unservedSection{{Section: "plugins", Trouble: err.Error()}}, 0
	}
	shown = []unservedSection{}
	for _, s := range all {
		if s.Trouble != "" {
			shown = append(shown, s)
		}
	}
	if more = len(shown) - unservedShown; more > 0 {
		return shown[:unservedShown], more
	}
	return shown, 0
}
