package main

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

// keysOf lists "section key" of a sample, commented out or not.
func keysOf(sample string) []string {
	header := regexp.MustCompile(`^;?\[([a-z_]+)[:\]]`)
	setting := regexp.MustCompile(`^;?([a-z_.]+) ?=`)
	section := ""
	var keys []string
	for line := range strings.SplitSeq(sample, "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			section = m[1]
		} else if m := setting.FindStringSubmatch(line); m != nil && section != "" {
			if k := section + " " + m[1]; !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func TestTheSampleHasTheKeysOfSupervisors(t *testing.T) {
	theirs, err := exec.Command("/usr/bin/echo_supervisord_conf").Output()
	if err != nil {
		t.Fatalf("cannot run Debian's echo_supervisord_conf: %v; run `make test`, which installs it", err)
	}
	got, want := keysOf(config.Sample()), keysOf(string(theirs))
	for _, k := range want {
		if !slices.Contains(got, k) {
			t.Errorf("there is no %s", k)
		}
	}
	ours := []string{"plugin", "notifier", "logsink"} // whole sections of Hark's own
	for _, k := range got {
		section, _, _ := strings.Cut(k, " ")
		if !slices.Contains(want, k) && !slices.Contains(ours, section) {
			t.Errorf("%s is not in Supervisor's sample", k)
		}
	}
	for _, section := range ours {
		if !slices.ContainsFunc(got, func(k string) bool { return strings.HasPrefix(k, section+" ") }) {
			t.Errorf("there is no [%s:x]", section)
		}
	}
}

func TestTheProgramPrintsTheSampleWhateverItsArguments(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "echo")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	for _, args := range [][]string{nil, {"-h"}, {"x"}} {
		out, err := exec.Command(bin, args...).Output()
		if err != nil || string(out) != config.Sample() {
			t.Errorf("%q: %v, %d bytes", args, err, len(out))
		}
	}
}
