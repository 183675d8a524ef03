package programs

import (
	"os"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

// BaseEnvironment returns the daemon's own environment as children inherit it: each
// name once, with the first of its values, as in Python's os.environ.
func BaseEnvironment(environ []string) []string {
	seen := make(map[string]bool, len(environ))
	base := make([]string, 0, len(environ))
	for _, kv := range environ {
		name, _, ok := strings.Cut(kv, "=")
		if !ok || name == "" || seen[name] {
			continue
		}
		seen[name] = true
		base = append(base, kv)
	}
	return base
}

// Environment returns the environment of one process of a group, as KEY=value: the daemon's environment, then
// Supervisor's own variables, then environment= (process.py, _spawn_as_child).
// protocol is the value of SUPERVISOR_EVENT_PROTOCOL for a listener; "" for other processes.
func Environment(base []string, serverURL, group, protocol string, p *config.Process) []string {
	own := make([]config.EnvVar, 0, 5+len(p.Environment))
	own = append(own, config.EnvVar{Name: "SUPERVISOR_ENABLED", Value: "1"})
	if p.ServerURL != "" {
		serverURL = p.ServerURL
	}
	if serverURL != "" {
		own = append(own, config.EnvVar{Name: "SUPERVISOR_SERVER_URL", Value: serverURL})
	}
	own = append(own,
		config.EnvVar{Name: "SUPERVISOR_PROCESS_NAME", Value: p.Name},
		config.EnvVar{Name: "SUPERVISOR_GROUP_NAME", Value: group})
	if protocol != "" {
		own = append(own, config.EnvVar{Name: "SUPERVISOR_EVENT_PROTOCOL", Value: protocol})
	}
	own = append(own, p.Environment...)
	last := make(map[string]int, len(own))
	for i, v := range own {
		last[v.Name] = i
	}
	env := make([]string, 0, len(base)+len(last))
	for _, kv := range base {
		name, _, _ := strings.Cut(kv, "=")
		if _, over := last[name]; !over {
			env = append(env, kv)
		}
	}
	for i, v := range own {
		if last[v.Name] == i {
			env = append(env, v.Name+"="+v.Value)
		}
	}
	return env
}

// SearchPath returns the directories in which a program without a slash in its name is looked for: those of PATH in its own
// environment, otherwise in the daemon's, otherwise /bin, /usr/bin and /usr/local/bin (options.py, get_path).
func SearchPath(base []string, p *config.Process) []string {
	for i := len(p.Environment) - 1; i >= 0; i-- {
		if p.Environment[i].Name == "PATH" {
			return strings.Split(p.Environment[i].Value, string(os.PathListSeparator))
		}
	}
	for _, kv := range base {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok && v != "" {
			return strings.Split(v, string(os.PathListSeparator))
		}
	}
	return []string{"/bin", "/usr/bin", "/usr/local/bin"}
}
