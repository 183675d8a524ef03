package selection

import (
	"slices"
	"strings"
	"testing"
)

// TestASelectionChooses: what each pattern chooses of some processes, in their order, and which chose none. One with a star was chosen by its own name.
func TestASelectionChooses(t *testing.T) {
	all := []struct{ namespec, long string }{{"job-01", "job-01:job-01"}, {"jobs", "jobs:jobs"}, {"a[1]", "a[1]:a[1]"}, {"web:w0", "web:w0"}, {"web:w1", "web:w1"}}
	for _, c := range []struct{ patterns, chosen, missed string }{
		{"job-??", "job-01", ""},
		{"job*", "job-01 jobs", ""},
		{"web:*", "web:w0 web:w1", ""},
		{"web:", "web:w0 web:w1", ""},
		{"web:w[!0]", "web:w1", ""},
		{"*:w0", "web:w0", ""},
		{"all", "job-01 jobs a[1] web:w0 web:w1", ""},
		{"a[1]", "a[1]*", ""},
		{"jobs jobs jobs:jobs job*", "job-01 jobs*", ""},
		{"web:w1 job-01", "job-01* web:w1*", ""},
		{"none job-01 x* none", "job-01*", "none x*"},
		{"w0 all none", "job-01 jobs a[1] web:w0 web:w1", "w0 none"},
		{"", "", ""},
	} {
		s, err := Parse(strings.Fields(c.patterns))
		if err != nil {
			t.Fatal(err)
		}
		chooser := s.Chooser()
		var chosen []string
		for _, p := range all {
			is, named := chooser.Choose(p.namespec, p.long)
			if name := p.namespec; is && named {
				chosen = append(chosen, name+"*")
			} else if is {
				chosen = append(chosen, name)
			}
		}
		if got := strings.Join(chosen, " "); got != c.chosen {
			t.Errorf("%q chooses %q instead of %q", c.patterns, got, c.chosen)
		}
		if got := strings.Join(chooser.Missed(), " "); got != c.missed {
			t.Errorf("%q misses %q instead of %q", c.patterns, got, c.missed)
		}
	}
}

// TestWhatIsRefused, and what takes long.
func TestWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		patterns      []string
		patterned, ok bool
	}{
		"names":               {slices.Repeat([]string{"a", "web:w0", "all"}, 1000), false, true},
		"as many as may be":   {slices.Repeat([]string{"*"}, maxGlobs), true, true},
		"one more":            {slices.Repeat([]string{"*"}, maxGlobs+1), false, false},
		"a group":             {[]string{"web:"}, true, true},
		"an unclosed bracket": {[]string{"a", "b*["}, false, false},
	} {
		s, err := Parse(c.patterns)
		if (err == nil) != c.ok || err == nil && s.HasPatterns() != c.patterned {
			t.Errorf("%s: %v", name, err)
		}
	}
}
