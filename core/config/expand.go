package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

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
func expandWords(shown, name string, names pytext.Names, err error) string {
	var u pytext.UnknownName
	if errors.As(err, &u) {
		return fmt.Sprintf("Format string %s for %s contains names (%s) which cannot be expanded. Available names: %s",
			pytext.Quote(shown), pytext.Quote(name), pytext.Quote(string(u)), strings.Join(names.Sorted(), ", "))
	}
	return fmt.Sprintf("Format string %s for %s is badly formatted: %s", pytext.Quote(shown), pytext.Quote(name), err)
}
