package output

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

func TestAutoLogsAreNamedAsSupervisorNamesThem(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	auto := config.Stream{Logfile: config.Logfile{Kind: config.LogAuto}}
	g := &config.Group{Processes: []*config.Process{{Name: "a/b", Stdout: auto}, {Name: "a/b", Stdout: auto}}}
	paths, err := ResolveLogs(g, ".", "supervisor")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`^` + regexp.QuoteMeta(dir) + `/b-stdout---supervisor-[a-z0-9_]{8}\.log$`)
	for _, p := range paths {
		if !name.MatchString(p.Stdout) || p.Stderr != "" {
			t.Errorf("%+v", p)
		}
		if st, err := os.Stat(p.Stdout); err != nil || st.Mode() != 0o600 || st.Size() != 0 {
			t.Errorf("%v, %v", st, err)
		}
	}
	if paths[0] == paths[1] {
		t.Error("two processes have one log")
	}
	ClearAutoLogs(dir, "supervisor", nil)
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}
