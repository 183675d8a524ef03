package main

import (
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

// pluginFactories is every factory of a [ctlplugin:x] section whose actions we
// have; others are Python, which cannot be run. supervisor_twiddler has none.
func pluginFactories() map[string]func() []Action {
	return map[string]func() []Action{
		"supervisor_cache.controllerplugin:make_cache_controllerplugin": cacheActions,
	}
}

// pluginActions is the actions of a plugin's section, nil if they are not known.
func pluginActions(p config.CtlPlugin) []Action {
	module, name, _ := strings.Cut(p.Factory, ":")
	actions, ok := pluginFactories()[strings.TrimSpace(module)+":"+strings.TrimSpace(name)]
	if !ok {
		return nil
	}
	all := actions()
	for i := range all {
		all[i].Plugin = p.Name
	}
	return all
}
