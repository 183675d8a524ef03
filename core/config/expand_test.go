package config

import (
	"testing"

	"github.com/hark-supervisor/hark/internal/pytext"
)

func TestExpansionErrorsAreSupervisors(t *testing.T) {
	names := pytext.Names{{"here": "/etc"}, {"ENV_A": "1"}}
	for format, want := range map[string]string{
		"%(foo)s": "Format string '%(foo)s' for 'include.files' contains names ('foo') which cannot be expanded. Available names: ENV_A, here",
		"100%":    "Format string '100%' for 'include.files' is badly formatted: incomplete format",
	} {
		_, err := pytext.Format(format, names)
		if got := expandWords(format, "include.files", names, err); got != want {
			t.Errorf("%q:\n got %s\nwant %s", format, got, want)
		}
	}
}
