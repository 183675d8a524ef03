package redact

import (
	"slices"
	"testing"
)

func TestForms(t *testing.T) {
	got := Forms([]string{"abc", `pa"ss wörd`, "https://user:hidden@example.org/services/T0/B1"})
	for _, want := range []string{`pa"ss wörd`, `pa\"ss wörd`, "pa%22ss+w%C3%B6rd", "pa%22ss%20w%C3%B6rd", "/services/T0/B1", "hidden", "https://user:xxxxx@example.org/services/T0/B1"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not among %q", want, got)
		}
	}
	if slices.Contains(got, "abc") {
		t.Error("a secret of three bytes would be found everywhere")
	}
	if !slices.IsSortedFunc(got, func(a, b string) int { return len(b) - len(a) }) {
		t.Errorf("the longest do not come first: %q", got)
	}
}
