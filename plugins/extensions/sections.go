package extensions

import (
	"slices"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
)

// sectionSet is the sections about plugins of a configuration, by their names.
type sectionSet struct {
	plugins   map[string]*config.Plugin
	instances map[string]*config.PluginInstance
	order     []string
}

func sectionsOf(c *config.Config) sectionSet {
	s := sectionSet{plugins: map[string]*config.Plugin{}, instances: map[string]*config.PluginInstance{}}
	for i := range c.Plugins {
		name := pluginPrefix + c.Plugins[i].Name
		s.plugins[name] = &c.Plugins[i]
		s.order = append(s.order, name)
	}
	for i := range c.Instances {
		name := c.Instances[i].Section
		s.instances[name] = &c.Instances[i]
		s.order = append(s.order, name)
	}
	return s
}

const pluginPrefix = "plugin:"

func (s *sectionSet) has(name string) bool { return s.plugins[name] != nil || s.instances[name] != nil }

// same reports whether a section is the same in both.
func (s *sectionSet) same(o *sectionSet, name string) bool {
	if p := s.plugins[name]; p != nil {
		return o.plugins[name] != nil && p.Equal(o.plugins[name])
	}
	i := s.instances[name]
	return i != nil && o.instances[name] != nil && i.Equal(o.instances[name])
}

// changes lists what makes a section differ from the active one of its name, nothing where only one of them is there.
func (s *sectionSet) changes(active *sectionSet, name string) []config.Change {
	if p, was := s.plugins[name], active.plugins[name]; p != nil && was != nil {
		return config.PluginChanges(was, p)
	}
	if i, was := s.instances[name], active.instances[name]; i != nil && was != nil {
		return config.InstanceChanges(was, i)
	}
	return nil
}

// put makes a section that of another set; remove takes it out.
func (s *sectionSet) put(o *sectionSet, name string) {
	if !s.has(name) {
		s.order = append(s.order, name)
	}
	if p := o.plugins[name]; p != nil {
		s.plugins[name] = p
		return
	}
	s.instances[name] = o.instances[name]
}

func (s *sectionSet) remove(name string) {
	delete(s.plugins, name)
	delete(s.instances, name)
	s.order = slices.DeleteFunc(s.order, func(o string) bool { return o == name })
}

// against reports how these, as configured, differ from those that are active.
func (s *sectionSet) against(active *sectionSet) (diff core.GroupDiff) {
	for _, name := range s.order {
		switch {
		case !active.has(name):
			diff.Added = append(diff.Added, name)
		case !s.same(active, name):
			diff.Changed = append(diff.Changed, name)
		}
	}
	for _, name := range active.order {
		if !s.has(name) {
			diff.Removed = append(diff.Removed, name)
		}
	}
	return diff
}
