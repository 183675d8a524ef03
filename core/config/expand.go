package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/pyrepr"
)

// scope is what %(name)s may name: the layers are looked through from the last
// to the first. Values are strings and, for process_num and numprocs, ints.
type scope []map[string]any

func (s scope) lookup(name string) (any, bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if v, ok := s[i][name]; ok {
			return v, true
		}
	}
	return nil, false
}

// names lists what can be named, sorted, each once.
func (s scope) names() []string {
	all := make(map[string]bool)
	for _, layer := range s {
		for n := range layer {
			all[n] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// unknownName is a %(name)s that the scope does not have.
type unknownName struct{ name string }

func (e unknownName) Error() string { return "unknown name " + pyrepr.String(e.name) }

// expand is Python's s % expansions (options.py, expand). The error is an
// unknownName or says in Python's words what is wrong with the format.
func expand(s string, names scope) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	return format(s, names)
}

// asWritten has each name stand for itself: what expand leaves of %(name)s is %(name)s.
func asWritten(names map[string]any) map[string]any {
	all := make(map[string]any, len(names))
	for n := range names {
		all[n] = "%(" + n + ")s"
	}
	return all
}

// expandWords is Supervisor's message for a failed expansion; shown is the
// format string, masked when it belongs to a secret.
func expandWords(shown, name string, names scope, err error) string {
	var u unknownName
	if errors.As(err, &u) {
		return fmt.Sprintf("Format string %s for %s contains names (%s) which cannot be expanded. Available names: %s",
			pyrepr.String(shown), pyrepr.String(name), pyrepr.String(u.name), strings.Join(names.names(), ", "))
	}
	return fmt.Sprintf("Format string %s for %s is badly formatted: %s", pyrepr.String(shown), pyrepr.String(name), err)
}
