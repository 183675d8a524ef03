package config

import (
	"fmt"
	"strings"
)

const (
	factoryKey    = "supervisor.rpcinterface_factory"
	ctlFactoryKey = "supervisor.ctl_factory"
	// mainFactory makes the supervisor namespace; it is the only one built in.
	mainFactory = "supervisor.rpcinterface:make_main_rpcinterface"
)

// RPCInterface is one [rpcinterface:x] section.
type RPCInterface struct {
	Name    string   `key:"-"`
	Factory string   `key:"supervisor.rpcinterface_factory" type:"factory" is:"live,byhand" sample:"supervisor.rpcinterface:make_main_rpcinterface" doc:"What serves the namespace. Those of Supervisor itself, supervisor_cache and supervisor_twiddler are built in; any other is Python and is refused."` // as written
	Plugin  string   `key:"plugin" is:"hark,byhand" example:"cache" doc:"The plugin that serves the namespace, instead of a factory."`
	Keys    []EnvVar `key:"-"` // the section's other keys, DEFAULT's too
	File    string   `key:"-"`
	Line    int      `key:"-"`
}

func rpcInterfaceTable() *table { return tableOf[RPCInterface](inOrder) }

// entryPoint removes the white space from module : name, and the text in brackets
// after it, as Python does when it resolves one. (The brackets are from a header that is
// indented, and so is part of the value.)
func entryPoint(spec string) string {
	module, name, ok := strings.Cut(spec, ":")
	if !ok {
		return spec
	}
	name = strip(name)
	if bare, extras, ok := strings.Cut(name, "["); ok && strings.HasSuffix(extras, "]") && !strings.ContainsFunc(extras[:len(extras)-1], notExtra) {
		name = strip(bare)
	}
	return strip(module) + ":" + name
}

// notExtra reports whether a character is in no list of extras.
func notExtra(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_., \t\n", r)
}

// factoryPlugin is the plugin that takes the place of a factory that is much used, "" for another factory.
func factoryPlugin(spec string) string {
	switch entryPoint(spec) {
	case "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface":
		return "twiddler"
	case "supervisor_cache.rpcinterface:make_cache_rpcinterface":
		return "cache"
	}
	return ""
}

// readRPCInterfaces reads the namespaces (options.py, get_plugins).
func (l *loader) readRPCInterfaces() {
	for _, section := range l.doc.Sections() {
		name, ok := strings.CutPrefix(section, "rpcinterface:")
		if !ok {
			continue
		}
		at := l.doc.Where(section, "")
		i := RPCInterface{Name: name, File: at.File, Line: at.Line}
		factory, plugin := l.get(section, factoryKey), l.raw(section, "plugin")
		i.Factory = factory.text
		switch {
		case factory.state == absent && plugin.state == present:
			i.Plugin = strip(l.text(l.get(section, "plugin"), ""))
		case factory.state == present && factoryPlugin(i.Factory) != "":
			i.Plugin = factoryPlugin(i.Factory)
		case factory.state == absent:
			l.reject(section, "", fmt.Sprintf("section [%s] does not specify a %s", section, factoryKey),
				fmt.Sprintf("there is no %s; accepted: %s, or plugin = and a plugin's name", factoryKey, mainFactory))
		case factory.state == present && entryPoint(i.Factory) != mainFactory:
			const hint = "it is Python, which Hark does not run; a plugin may take its place: plugin = NAME"
			l.reject(section, factoryKey, fmt.Sprintf("%s cannot be resolved within [%s]: %s", i.Factory, section, hint),
				fmt.Sprintf("cannot use %q: %s; accepted: %s", i.Factory, hint, mainFactory))
		}
		for _, key := range l.doc.Keys(section) {
			if key != factoryKey && (key != "plugin" || i.Plugin == "") {
				i.Keys = append(i.Keys, EnvVar{key, l.get(section, key).text})
			}
		}
		l.cfg.RPCInterfaces = append(l.cfg.RPCInterfaces, i)
	}
}

// checkMainInterface refuses keys that the main factory does not accept: there it
// fails when the first server opens (http.py, make_http_servers). This is why
// [DEFAULT] is not accepted together with it.
func (l *loader) checkMainInterface() {
	if len(l.cfg.Servers) == 0 {
		return
	}
	for _, i := range l.cfg.RPCInterfaces {
		if i.Plugin != "" || len(i.Keys) == 0 {
			continue
		}
		section := "rpcinterface:" + i.Name
		l.reject(section, i.Keys[0].Name, fmt.Sprintf("Could not make %s rpc interface", i.Name),
			fmt.Sprintf("%s takes no settings, not from [DEFAULT] either; accepted: none", mainFactory))
	}
}
