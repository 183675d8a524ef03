package main

import (
	"github.com/hark-supervisor/hark/core/accounts"
	"github.com/hark-supervisor/hark/core/cmdline"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/plugins/notify"
)

// load reads the configuration at path, "" to search for it, under the command
// line's overrides. It may be called again at any time.
func (d *daemon) load(path string) (*config.Config, error) {
	return config.Load(d.loadOptions(path))
}

// readProgram is core.Options' Program for a life with that configuration.
func (d *daemon) readProgram(conf *config.Config, name, group string, settings map[string]string) ([]*config.Process, []string, error) {
	defer d.turns.Take()()
	return config.ReadProgram(d.loadOptions(d.path), conf, name, group, settings)
}

func (d *daemon) loadOptions(path string) config.Options {
	return config.Options{
		Path:      path,
		Argv0:     cmdline.Program(d.program),
		Overrides: d.given.Overrides,
		Dir:       d.dir,
		Environ:   d.environ,
		Template:  notify.CheckTemplate,
		Accounts:  &config.AccountFiles{Fallback: d.getent},
	}
}

// getent runs a command that looks an account up where this static binary cannot.
func (d *daemon) getent(argv []string) ([]byte, error) {
	return accounts.Getent(d.lookups.Load(), argv)
}
