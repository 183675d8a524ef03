package main

import (
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/plugins/notify"
)

// getentTime is how long getent may take to find an account (LDAP and the like)
// before it counts as unknown.
const getentTime = 5 * time.Second

// load reads the configuration at path, "" to search for it, under the command
// line's overrides. It may be called again at any time.
func (d *daemon) load(path string) (*config.Config, error) {
	return config.Load(d.loadOptions(path))
}

// readProgram is core.Options' Program for a life with that configuration.
func (d *daemon) readProgram(conf *config.Config, name, group string, settings map[string]string) ([]*config.Process, []string, error) {
	defer d.disk()()
	return config.ReadProgram(d.loadOptions(d.path), conf, name, group, settings)
}

func (d *daemon) loadOptions(path string) config.Options {
	argv0 := d.program
	if !strings.Contains(argv0, "/") {
		// Found in PATH: the search for a configuration begins beside the file.
		if file, err := os.Executable(); err == nil {
			argv0 = file
		}
	}
	return config.Options{
		Path:      path,
		Argv0:     argv0,
		Overrides: d.given.overrides,
		Dir:       d.dir,
		Environ:   d.environ,
		Template:  notify.CheckTemplate,
		Accounts:  &config.AccountFiles{Fallback: d.getent},
	}
}

// getent runs a command that looks an account up where this static binary cannot.
func (d *daemon) getent(argv []string) ([]byte, error) {
	system := d.lookups.Load()
	if system == nil {
		return runAlone(argv, getentTime)
	}
	out, ws, err := system.Run(argv, getentTime)
	if err != nil {
		return nil, err
	}
	if !ws.Exited() || ws.ExitStatus() != 0 {
		return nil, syscall.ENOENT
	}
	return out, nil
}
