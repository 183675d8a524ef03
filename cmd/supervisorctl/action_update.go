package main

import (
	"maps"
	"slices"
	"strings"
)

func (verbs) Update() Action {
	return Action{
		Name: "update",
		Help: "update\t\t\tReload config and add/remove as necessary, and will restart affected programs\n" +
			"update all\t\tReload config and add/remove as necessary, and will restart affected programs\n" +
			"update <gname> [...]\tUpdate specific groups",
		Flags:    []Flag{{Name: "no-wait", Help: "do not wait until plugins have taken or refused their changed sections"}},
		Complete: completeGroups, JSON: lines("update", "--no-wait"),
		Run: update,
	}
}

func update(r *run, arg string) (answer, error) {
	c, err := r.rereadConfig()
	if fault := asFault(err); fault != nil && fault.Code == faultShutdownState {
		return answer{}, refuseText("ERROR: already shutting down")
	}
	if err != nil {
		if fault := asFault(err); fault != nil && fault.Code == faultCantReread {
			err = r.cannotReread(fault, err)
		}
		return answer{}, err
	}
	names := strings.Fields(arg)
	if slices.Contains(names, "all") {
		names = nil
	}
	if err := r.checkGroups(names, c.Added); err != nil {
		return answer{}, err
	}
	for _, name := range narrow(c.Removed, names) {
		if err := r.dropGroup(name); err != nil {
			return answer{}, err
		}
	}
	changed, added := narrow(c.Changed, names), narrow(c.Added, names)
	for _, name := range changed {
		if err := r.replaceGroup(name); err != nil {
			return answer{}, err
		}
	}
	for _, name := range added {
		if _, err := r.call("addProcessGroup", name); err != nil {
			return answer{}, err
		}
		r.report(did(name, groupText("added", name)))
	}
	hints := append(r.reloadHints(), r.surpriseHints()...)
	err = r.checkSections(names, slices.Concat(changed, added))
	return answer{hints: hints}, withHints(err, hints...)
}

// checkSections has plugins try at once what they have refused before, since what was wrong may have been in a file that a section names,
// and reports every section that is not served by its present settings, changed or not: of those that were asked for, or of all.
// Supervisor's daemon has no such sections.
func (r *run) checkSections(names, touched []string) error {
	_, err := r.server.call(r.ctx, "hark.retryPlugins")
	if fault := asFault(err); fault != nil {
		return nil // no plugins, or none that this user may try
	}
	if err != nil {
		return err
	}
	all, err := r.servedSections()
	if err != nil {
		return err
	}
	sections := narrow(slices.Sorted(maps.Keys(all)), names)
	sections = slices.DeleteFunc(sections, func(n string) bool { // whose sections are reported themselves
		return strings.HasPrefix(n, "plugin:") && !slices.Contains(touched, n)
	})
	_, err = r.checkServed(sections, touched)
	return err
}

// narrow returns those groups that were requested; without a request, all.
func narrow(groups, asked []string) []string {
	if len(asked) == 0 {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return !slices.Contains(asked, g) })
}

// checkGroups reports which names are not groups, neither of the running nor of the
// new configuration.
func (r *run) checkGroups(names, added []string) error {
	if len(names) == 0 {
		return nil
	}
	infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
	if err != nil {
		return err
	}
	var sections map[string]served
	if slices.ContainsFunc(names, isPluginSection) {
		sections, _ = r.servedSections() // Supervisor's daemon has none
	}
	for i, name := range names {
		_, section := sections[name]
		known := section || slices.Contains(added, name) || slices.Contains(names[:i], name) ||
			slices.ContainsFunc(infos, func(p processInfo) bool { return p.Group == name })
		if !known {
			r.report(failed(exitGeneric, "ERROR: no such group: "+name))
		}
	}
	return nil
}

func (r *run) dropGroup(name string) error {
	v, err := r.wait("stopProcessGroup", name)
	if err != nil {
		return err
	}
	r.report(did(name, "stopped"))
	results, err := decode[[]result](v)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(res result) bool { return res.Status == faultFailed }) {
		l := did(name, "has problems; not removing")
		l.OK, l.status = false, exitGeneric
		r.report(l)
		return nil
	}
	if _, err := r.call("removeProcessGroup", name); err != nil {
		return err
	}
	r.report(did(name, groupText("removed", name)))
	return nil
}

func (r *run) replaceGroup(name string) error {
	if _, err := r.wait("stopProcessGroup", name); err != nil {
		return err
	}
	r.report(did(name, "stopped"))
	for _, method := range []string{"removeProcessGroup", "addProcessGroup"} {
		if _, err := r.call(method, name); err != nil {
			return err
		}
	}
	r.report(did(name, groupText("updated", name)))
	return nil
}
