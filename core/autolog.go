package core

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/hark-supervisor/hark/core/config"
)

// logPaths are the files of one process's two channels, AUTO resolved; "" for none.
type logPaths struct{ stdout, stderr string }

// resolveLogs names the log files of a group's processes, creating an empty
// file for each AUTO (options.py, create_autochildlogs). It touches the disk, so
// it is never called on the loop.
func resolveLogs(g *config.Group, dir, identifier string) ([]logPaths, error) {
	paths := make([]logPaths, len(g.Processes))
	for i, p := range g.Processes {
		for _, ch := range []struct {
			name   string
			stream *config.Stream
			path   *string
		}{{"stdout", &p.Stdout, &paths[i].stdout}, {"stderr", &p.Stderr, &paths[i].stderr}} {
			switch ch.stream.Logfile.Kind {
			case config.LogPath:
				*ch.path = ch.stream.Logfile.Path
			case config.LogAuto:
				f, err := os.CreateTemp(dir, fmt.Sprintf("%s-%s---%s-*.log", filepath.Base(p.Name), ch.name, identifier))
				if err != nil {
					return nil, fmt.Errorf("cannot create the %s log of %q: %w", ch.name, p.Name, err)
				}
				*ch.path = f.Name()
				if err := f.Close(); err != nil {
					return nil, fmt.Errorf("cannot create the %s log of %q: %w", ch.name, p.Name, err)
				}
			}
		}
	}
	return paths, nil
}

// ClearAutoLogs removes the AUTO logs that an earlier life of a daemon with
// this identifier left in dir (options.py, clear_autochildlogdir). It returns
// Supervisor's warnings.
func ClearAutoLogs(dir, identifier string) (warnings []string) {
	mine := regexp.MustCompile(`^.+?---` + regexp.QuoteMeta(identifier) + `-\S+\.log\.{0,1}\d{0,4}`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return []string{"Could not clear childlog dir"}
	}
	for _, e := range entries {
		if !mine.MatchString(e.Name()) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if err := os.Remove(path); err != nil {
			warnings = append(warnings, fmt.Sprintf("Failed to clean up '%s'", path))
		}
	}
	return warnings
}
