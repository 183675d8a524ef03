package core

import (
	"crypto/rand"
	"errors"
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
// it is never called on the loop. After an error none is left.
func resolveLogs(g *config.Group, dir, identifier string) (_ []logPaths, err error) {
	paths := make([]logPaths, len(g.Processes))
	defer func() {
		if err != nil {
			discardLogs(g.Processes, paths)
		}
	}()
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

// autoLogLetters and autoLogLength are those of Python's tempfile, with which Supervisor
// makes these names; scripts find the logs by them.
const (
	autoLogLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	autoLogLength  = 8
)

// createAutoLog makes an empty file in dir whose name is prefix, eight random letters and
// ".log", and returns its absolute path.
func createAutoLog(dir, prefix string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	const tries = 10000 // as os.CreateTemp
	for try := 0; ; try++ {
		var name [autoLogLength]byte
		_, _ = rand.Read(name[:]) // never fails
		for i, b := range name {
			name[i] = autoLogLetters[int(b)%len(autoLogLetters)]
		}
		path := filepath.Join(dir, prefix+string(name[:])+".log")
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, os.ErrExist) && try < tries {
			continue
		}
		if err != nil {
			return "", err
		}
		return path, f.Close()
	}
}

// ClearAutoLogs finds the AUTO logs that an earlier life of a daemon with this
// identifier left in dir (options.py, clear_autochildlogdir), and gives what
// removes them, which returns Supervisor's warnings. It is for later because
// Supervisor, started a second time by mistake, removes the logs of the daemon
// that runs: call it once it is sure that there is none.
func ClearAutoLogs(dir, identifier string) (remove func() (warnings []string)) {
	mine := regexp.MustCompile(`^.+?---` + regexp.QuoteMeta(identifier) + `-\S+\.log\.{0,1}\d{0,4}`)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return func() []string { return []string{"Could not clear childlog dir"} }
	}
	var paths []string
	for _, e := range entries {
		if mine.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return func() (warnings []string) {
		for _, path := range paths {
			if err := os.Remove(path); err != nil {
				warnings = append(warnings, fmt.Sprintf("Failed to clean up '%s'", path))
			}
		}
		return warnings
	}
}

// discardLogs removes the AUTO logs that resolveLogs made.
func discardLogs(processes []*config.Process, paths []logPaths) {
	for i, p := range processes {
		if p.Stdout.Logfile.Kind == config.LogAuto && paths[i].stdout != "" {
			_ = os.Remove(paths[i].stdout)
		}
		if p.Stderr.Logfile.Kind == config.LogAuto && paths[i].stderr != "" {
			_ = os.Remove(paths[i].stderr)
		}
	}
}

// Discard removes the AUTO logs that New made and closes the event log, for a
// Supervisor that will not run.
func (s *Supervisor) Discard() {
	s.closeSpools()
	s.closeEventLog()
	for _, g := range s.order {
		for _, m := range g.members {
			discardLogs([]*config.Process{m.conf}, []logPaths{m.logs})
		}
	}
}
