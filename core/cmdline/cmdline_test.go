package cmdline

import (
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

// What is refused alike, and in which words, is the contract tests' (cmd/supervisord).
func TestParse(t *testing.T) {
	got, err := Parse([]string{"-nc", "x.conf", "--logfile_maxbytes=1MB", "--umask", "077"})
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Override{{Option: "-n", Key: "nodaemon", Value: "true"}, {Option: "--logfile_maxbytes", Key: "logfile_maxbytes", Value: "1MB"}, {Option: "--umask", Key: "umask", Value: "077"}}
	if got.Acts[Config] != "x.conf" || len(got.Overrides) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got.Overrides[i] != want[i] {
			t.Errorf("%+v, want %+v", got.Overrides[i], want[i])
		}
	}
	if got, err := Parse([]string{"-h", "-h", "--build-info"}); err != nil || got.Acts[Help] == "" || got.Acts[BuildInfo] == "" || got.Acts[Version] != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for words, want := range map[string]string{
		"-n -n":      "conflicting command line option '-n'",
		"-c a -c b":  "conflicting command line option '-c'",
		"start it's": "positional arguments are not supported: ['start', \"it's\"]",
	} {
		if _, err := Parse(strings.Fields(words)); err == nil || err.Error() != want {
			t.Errorf("%s: %v", words, err)
		}
	}
}

func TestUsageNamesEveryOption(t *testing.T) {
	text := Usage("supervisord")
	for _, f := range flags() {
		if f.help != "" && !strings.Contains(text, "--"+f.long) {
			t.Errorf("no --%s", f.long)
		}
	}
}
