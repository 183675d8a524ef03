package sections

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/plugins/bundled"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/trust"
)

// Policy returns the policy of a daemon with these plugin directories. Copies of scripts go below the directory that runDir returns.
func Policy(dirs []string, runDir func() (string, error)) *trust.Policy {
	p := &trust.Policy{Dirs: dirs, RunDir: runDir, UID: os.Geteuid(), BundledPlugins: bundled.Names()}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), trust.BundledName)
		if _, err := os.Stat(beside); err == nil {
			p.Bundled = beside
		}
	}
	return p
}

// Wanted returns what the section [plugin:x] is to execute.
func Wanted(p *config.Plugin) (trust.Wanted, error) {
	w := trust.Wanted{Name: p.Name, Command: p.Command.Argv, SHA256: p.SHA256, Files: p.Files}
	if err := p.Command.Err; err != nil {
		return w, fmt.Errorf("%s[plugin:%s] command: cannot parse it: %w", config.Place(p.File, p.Line), p.Name, err)
	}
	return w, nil
}

// Resolve finds what to execute for a plugin and checks it.
func Resolve(policy *trust.Policy, s host.Settings) (*host.Executable, error) {
	e, err := policy.Resolve(trust.Wanted{Name: s.Name, Command: s.Command, SHA256: s.SHA256, Files: s.Files})
	if err != nil {
		return nil, Suggested(policy, s.Name, err)
	}
	return &host.Executable{Argv: e.Argv, File: e.File, Path: e.Path, SHA256: e.SHA256, Bundled: e.Bundled, Close: func() { _ = e.Close() }}, nil
}

// Suggested adds the name that was most likely meant to the error about a plugin that is not there.
// It may block on a disk.
func Suggested(policy *trust.Policy, name string, err error) error {
	if !errors.Is(err, trust.ErrNotFound) {
		return err
	}
	known := bundled.Names()
	if installed, listErr := policy.List(); listErr == nil {
		for i := range installed {
			known = append(known, installed[i].Name)
		}
	}
	if near := config.Nearest(name, known); near != "" && near != name {
		return fmt.Errorf("%w; did you mean %s?", err, near)
	}
	return err
}
