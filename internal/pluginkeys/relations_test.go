package pluginkeys

import (
	"strings"
	"testing"
)

// A pattern comes from a program that nobody trusts: one that is none refuses nothing.
func TestPatternsThatCannotBeUsed(t *testing.T) {
	for _, p := range []string{"(", strings.Repeat("a?", maxPattern)} {
		if wrong := CheckAll([]Field{{Key: "a", Pattern: p}}, map[string]string{"a": "x"}); wrong != nil {
			t.Errorf("%.10s: %v", p, wrong)
		}
	}
}
