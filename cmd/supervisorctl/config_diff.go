package main

import (
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
	records "github.com/hark-supervisor/hark/sdk/client"
)

// groupPlan is what update would do to a group (hark.previewUpdate).
type groupPlan struct {
	Group     string                  `json:"group"`
	Action    string                  `json:"action" doc:"add, change, remove or reload"`
	Changes   []records.SettingChange `json:"changes"`
	Processes []planProcess           `json:"processes"`
}

type planProcess struct {
	Name      string `json:"name"`
	State     string `json:"state" rpc:"statename"`
	Fate      string `json:"fate"`
	ComesBack bool   `json:"comes_back"`
}

// diffConfig is config diff: the daemon reads its file and says what update would do.
func diffConfig(r *run) (answer, error) {
	if err := r.ctl.options.unusable; err != nil { // it says where the server is
		return answer{printed: true, status: usage(r.err, r.ctl.options.program, err)}, nil
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	v, err := r.waitHark("previewUpdate")
	if f := asFault(err); f != nil {
		switch f.Code {
		case faultUnknownMethod:
			return answer{}, refuse(failed(exitUnimplementedFeature, "Error: this supervisord cannot tell; it is Supervisor's, or an old one. reread tells the names of the groups"))
		case faultCantReread:
			return answer{}, refuseText("ERROR: " + f.String)
		}
	}
	plans, err := asked[[]groupPlan](v, err)
	if err != nil {
		return answer{}, err
	}
	a := answer{value: plans}
	updates := false
	for i := range plans {
		a.text += plans[i].text()
		updates = updates || plans[i].Action != "reload"
	}
	if !updates {
		a.text = "update would do nothing\n" + a.text
	}
	if _, asked := r.flags["exit-code"]; asked && updates {
		a.status = exitGeneric
	}
	return a, nil
}

// reloadHints say which sections of the file differ from what the daemon was started with: neither
// reread nor update takes them. Supervisor's daemon does not know.
func (r *run) reloadHints() (hints []string) {
	plans, err := asked[[]groupPlan](r.waitHark("previewUpdate"))
	if err != nil {
		return nil // an old daemon, or a file that has broken since, which the action has said
	}
	for i := range plans {
		if plans[i].Action == "reload" {
			hints = append(hints, plans[i].reloadText())
		}
	}
	return hints
}

// reloadText says that a section takes effect with reload only.
func (p *groupPlan) reloadText() string {
	keys := make([]string, len(p.Changes))
	for i, c := range p.Changes {
		keys[i] = c.Key
	}
	what := ""
	if len(keys) > 0 {
		what = " (" + strings.Join(keys, ", ") + ")"
	}
	return fmt.Sprintf("[%s] changed%s; it takes effect with reload, which restarts all programs", p.Group, what)
}

// text is what update would do to the group, in lines.
func (p *groupPlan) text() string {
	var b strings.Builder
	if p.Action == "reload" {
		return p.reloadText() + "\n"
	}
	switch {
	case p.Action == "add":
		fmt.Fprintf(&b, "%s: would be added\n", p.Group)
	case p.Action == "remove":
		fmt.Fprintf(&b, "%s: would be removed\n", p.Group)
	case isPluginSection(p.Group):
		fmt.Fprintf(&b, "%s: would be set up with its changed settings\n", p.Group)
	default:
		fmt.Fprintf(&b, "%s: would be stopped, removed and added again, because of\n", p.Group)
	}
	for _, c := range p.Changes {
		key := c.Key
		if c.Process != "" {
			key = pytext.Namespec(p.Group, c.Process) + " " + key
		}
		switch {
		case c.From == c.To:
			fmt.Fprintf(&b, "    %s: another value\n", key)
		case c.From == "":
			fmt.Fprintf(&b, "    %s: set to %s\n", key, c.To)
		case c.To == "":
			fmt.Fprintf(&b, "    %s: no longer %s\n", key, c.From)
		default:
			fmt.Fprintf(&b, "    %s: %s -> %s\n", key, c.From, c.To)
		}
	}
	for _, q := range p.Processes {
		name := pytext.Namespec(p.Group, q.Name)
		switch {
		case q.ComesBack:
			fmt.Fprintf(&b, "  %s is %s and would be started again (autostart)\n", name, q.State)
		case q.Fate == "restart":
			fmt.Fprintf(&b, "  %s is %s and would be restarted\n", name, q.State)
		case q.Fate == "stop":
			fmt.Fprintf(&b, "  %s is %s and would be stopped\n", name, q.State)
		case q.Fate == "start":
			fmt.Fprintf(&b, "  %s would be started\n", name)
		default:
			fmt.Fprintf(&b, "  %s would stay %s\n", name, q.State)
		}
	}
	return b.String()
}
