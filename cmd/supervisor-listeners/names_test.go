package main

import "testing"

func TestProcessesAreNamedByNameNamespecAndPattern(t *testing.T) {
	for _, c := range []struct {
		spec string
		want bool
	}{
		{"w0", true}, {"web:w0", true}, {"web:*", true}, {"w?b:w[0-3]", true},
		{"web", false}, {"web:w1", false}, {"db:*", false}, {"w[", false}, {"", false},
	} {
		if got := named([]string{"other", c.spec}, "web", "w0"); got != c.want {
			t.Errorf("%q: %v", c.spec, got)
		}
	}
}
