package output

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/held"
)

// Paths has the paths of the log files of a process's two channels, with AUTO resolved; "" for a channel without a log file.
type Paths struct{ Stdout, Stderr string }

// ResolveLogs returns the paths of the log files of a group's processes, in their order, and creates an empty file for each AUTO
// (options.py, create_autochildlogs). It blocks on the disk and must not be called on the loop. On an error, the files that it
// created are removed again.
func ResolveLogs(g *config.Group, dir, identifier string) (_ []Paths, err error) {
	paths := make([]Paths, len(g.Processes))
	defer func() {
		if err != nil {
			DiscardLogs(g.Processes, paths)
		}
	}()
	for i, p := range g.Processes {
		for _, ch := range []struct {
			name   string
			stream *config.Stream
			path   *string
		}{{"stdout", &p.Stdout, &paths[i].Stdout}, {"stderr", &p.Stderr, &paths[i].Stderr}} {
			switch ch.stream.Logfile.Kind {
			case config.LogPath:
				*ch.path = ch.stream.Logfile.Path
			case config.LogAuto:
				path, err := createAutoLog(dir, fmt.Sprintf("%s-%s---%s-", filepath.Base(p.Name), ch.name, identifier))
				if err != nil {
					return nil, fmt.Errorf("cannot create the %s log of %q: %w", ch.name, p.Name, err)
				}
				*ch.path = path
			}
		}
	}
	return paths, nil
}

// createAutoLog makes an empty file in dir whose name is prefix, eight random letters and
// ".log", and returns its absolute path.
func createAutoLog(dir, prefix string) (string, error) {
	if strings.Contains(prefix, "/") {
		return "", fmt.Errorf("its name would begin with %q: %w", prefix, errSlash)
	}
	d, err := held.OpenDir(dir)
	if err != nil {
		return "", err
	}
	defer d.Close() //nolint:errcheck // only a descriptor
	f, name, err := d.CreateTemp(prefix, ".log", 0o600)
	if err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return filepath.Abs(filepath.Join(dir, name))
}

var errSlash = errors.New("the identifier has a slash")

// AutoLogKey is the setting that keeps AUTO logs from being created.
func AutoLogKey(set *config.Supervisord) string {
	if strings.Contains(set.Identifier, "/") {
		return "identifier"
	}
	return "childlogdir"
}

func removeAutoLog(path string) {
	if path == "" {
		return
	}
	if d, name, err := held.OpenParent(path); err == nil {
		_ = d.Remove(name)
		_ = d.Close()
	}
}

// ClearAutoLogs removes the AUTO logs of an identifier in dir, except those named in keep.
func ClearAutoLogs(dir, identifier string, keep map[string]bool) (warnings []string) {
	mine := regexp.MustCompile(`^.+?---` + regexp.QuoteMeta(identifier) + `-\S+\.log\.{0,1}\d{0,4}`)
	d, err := held.OpenDir(dir)
	if err != nil {
		return []string{"Could not clear childlog dir"}
	}
	defer d.Close() //nolint:errcheck // only a descriptor
	names, err := d.Names()
	if err != nil {
		return []string{"Could not clear childlog dir"}
	}
	slices.Sort(names)
	for _, name := range names {
		if !mine.MatchString(name) || keep[name] {
			continue
		}
		if err := d.Remove(name); err != nil {
			warnings = append(warnings, fmt.Sprintf("Failed to clean up '%s'", filepath.Join(dir, name)))
		}
	}
	return warnings
}

// DiscardLogs removes the AUTO logs that ResolveLogs made.
func DiscardLogs(processes []*config.Process, paths []Paths) {
	for i, p := range processes {
		if p.Stdout.Logfile.Kind == config.LogAuto {
			removeAutoLog(paths[i].Stdout)
		}
		if p.Stderr.Logfile.Kind == config.LogAuto {
			removeAutoLog(paths[i].Stderr)
		}
	}
}
