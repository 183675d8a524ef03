package web

import "context"

// unservedSection is one that no plugin serves at the moment.
type unservedSection struct {
	Section string `json:"section"`
	Trouble string `json:"trouble"` // ""; its plugin is starting
}

// unservedSections are those that no plugin serves at the moment.
func (h *Handler) unservedSections(ctx context.Context) (sections []unservedSection, err error) {
	if h.o.Plugins == nil {
		return nil, nil
	}
	all, err := h.o.Plugins(ctx)
	for _, p := range all {
		for _, i := range p.Instances {
			if i.Ready {
				continue
			}
			trouble := i.Trouble
			if trouble == "" {
				trouble = p.Trouble
			}
			sections = append(sections, unservedSection{i.Section, trouble})
		}
	}
	return sections, err
}

// unserved names them for /readyz?plugins: programs do not depend on them, so /readyz alone does not ask.
func (h *Handler) unserved(ctx context.Context) (sections []string) {
	all, err := h.unservedSections(ctx)
	if err != nil {
		return []string{"(cannot tell: " + err.Error() + ")"}
	}
	for _, s := range all {
		sections = append(sections, "["+s.Section+"]")
	}
	return sections
}

// unservedShown bounds how many the page names.
const unservedShown = 20

// unservedNow are those that the page warns of: with a reason, for the others will be served in a moment. The first of them, and how many more there are.
func (h *Handler) unservedNow(ctx context.Context) (shown []unservedSection, more int) {
	all, err := h.unservedSections(ctx)
	if err != nil {
		return []unservedSection{{"plugins", err.Error()}}, 0
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
