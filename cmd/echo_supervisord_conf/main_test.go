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
	got := keysOf(config.Sample())
	for _, k := range keysOf(string(theirs)) {
		if !slices.Contains(got, k) {
			t.Errorf("there is no %s", k)
		}
	}
}

// The sample has every key that Hark knows, and marks those that Supervisor does not.
func TestTheSampleHasEveryKeyAndMarksHarks(t *testing.T) {
	section := ""
	found := map[string]string{} // section and key: the line
	for line := range strings.SplitSeq(config.Sample(), "\n") {
		line = strings.TrimPrefix(line, ";")
		if name, ok := strings.CutPrefix(line, "["); ok {
			section, _, _ = strings.Cut(strings.TrimSuffix(name, "]"), ":")
		} else if key, rest, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, " ") {
			if strings.HasPrefix(rest, " ;") {
				t.Errorf("%s of [%s] has no value in the sample", key, section)
			}
			found[section+" "+key] = rest
		}
	}
	for _, s := range config.Schema() {
		kind, _, _ := strings.Cut(s.Name, ":")
		for _, f := range s.Fields {
			if line, ok := found[kind+" "+f.Key]; !ok || strings.Contains(line, " ; Hark: ") != (f.Origin == "Hark") {
				t.Errorf("%s of [%s], which is %s's: %q", f.Key, s.Name, f.Origin, line)
			}
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
