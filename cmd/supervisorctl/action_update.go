package main

import (
	"slices"
	"strings"
)

func updateAction() Action {
	return Action{
		Name: "update",
		Help: "update\t\t\tReload config and add/remove as necessary, and will restart affected programs\n" +
			"update all\t\tReload config and add/remove as necessary, and will restart affected programs\n" +
			"update <gname> [...]\tUpdate specific groups",
		Flags:    []Flag{{Name: "no-wait", Help: "do not wait until plugins have taken or refused their changed sections"}},
		Complete: completeGroups,
		Run:      update,
	}
}

func update(r *run, arg string) error {
	c, err := r.rereadConfig()
	if fault := asFault(err); fault != nil && fault.Code == faultShutdownState {
		r.println("ERROR: already shutting down")
		r.status = exitGeneric
		return nil
	}
	if err != nil {
		return err
	}
	names := strings.Fields(arg)
	if slices.Contains(names, "all") {
		names = nil
	}
	if err := r.checkGroups(names, c.added); err != nil {
		return err
	}
	for _, name := range narrow(c.removed, names) {
		if err := r.dropGroup(name); err != nil {
			return err
		}
	}
	changed, added := narrow(c.changed, names), narrow(c.added, names)
	for _, name := range changed {
		if err := r.replaceGroup(name); err != nil {
			return err
		}
	}
	for _, name := range added {
		if _, err := r.call("addProcessGroup", name); err != nil {
			return err
		}
		r.printf("%s: added process group\n", name)
	}
	r.hintReload()
	return r.checkServed(slices.Concat(changed, added))
}

// narrow is those groups that were asked for; nobody asked for any: all.
func narrow(groups, asked []string) []string {
	if len(asked) == 0 {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(g string) bool { return !slices.Contains(asked, g) })
}

// checkGroups says which names are no group, neither of the running nor of the
// new configuration.
func (r *run) checkGroups(names, added []string) error {
	if len(names) == 0 {
		return nil
	}
	v, err := r.call("getAllProcessInfo")
	if err != nil {
		return err
	}
	infos, err := asInfos(v)
	if err != nil {
		return err
	}
	for i, name := range names {
		known := slices.Contains(added, name) || slices.Contains(names[:i], name) ||
			slices.ContainsFunc(infos, func(p processInfo) bool { return p.Group == name })
		if !known {
			r.printf("ERROR: no such group: %s\n", name)
			r.status = exitGeneric
		}
	}
	return nil
}

func (r *run) dropGroup(name string) error {
	v, err := r.wait("stopProcessGroup", name)
	if err != nil {
		return err
	}
	r.printf("%s: stopped\n", name)
	results, err := asResults(v)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(results, func(res result) bool { return res.Status == faultFailed }) {
		r.printf("%s: has problems; not removing\n", name)
		r.status = exitGeneric
		return nil
	}
	if _, err := r.call("removeProcessGroup", name); err != nil {
		return err
	}
	r.printf("%s: removed process group\n", name)
	return nil
}

func (r *run) replaceGroup(name string) error {
	if _, err := r.wait("stopProcessGroup", name); err != nil {
		return err
	}
	r.printf("%s: stopped\n", name)
	for _, method := range []string{"removeProcessGroup", "addProcessGroup"} {
		if _, err := r.call(method, name); err != nil {
			return err
		}
	}
	r.printf("%s: updated process group\n", name)
	return nil
}
