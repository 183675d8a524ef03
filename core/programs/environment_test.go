package programs

import (
	"slices"
	"testing"
)

func TestOfTwoEqualNamesInTheEnvironmentTheFirstCounts(t *testing.T) {
	got := BaseEnvironment([]string{"A=1", "B=", "A=2", "=odd", "plain", "B=3", "C=x=y", "A="})
	if want := []string{"A=1", "B=", "C=x=y"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
