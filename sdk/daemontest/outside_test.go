package daemontest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// authors are the files of a module whose author has only read the documentation.
var authors = map[string]string{
	"main.go": `package main

import (
	"context"
	"os"

	"github.com/hark-supervisor/hark/sdk"
)

type config struct {
	File string ` + "`hark:\"file,required\" doc:\"file to write to\"`" + `
}

type shout struct{ file string }

func (s shout) Notify(_ context.Context, n *sdk.Notification) error {
	return os.WriteFile(s.file, []byte(n.Title), 0o600)
}

func main() {
	sdk.Serve(sdk.Plugin{Name: "shout", Version: "1.0.0", Doc: "Shouts.", Kinds: []sdk.Kind{
		sdk.NotifierOf(config{}, func(_ context.Context, c config, _ sdk.Instance) (sdk.Notifier, error) {
			return shout{c.File}, nil
		}),
	}})
}
`,
	"main_test.go": `package main

import (
	"os"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

func TestMain(m *testing.M) { os.Exit(daemontest.Main(m)) }

func TestUnderADaemon(t *testing.T) {
	d := daemontest.Start(t, daemontest.Plugin(t, "shout", ".")+` + "`" + `
[notifier:ops]
plugin=shout
events=PROCESS_STATE_RUNNING
file=DIR/shouted
[program:web]
command=/bin/cat
startsecs=0
` + "`" + `)
	daemontest.Until(t, "it shouts", func() bool { return strings.Contains(d.File("shouted"), "web is RUNNING") })
	d.WaitLog("plugin shout is RUNNING")
}
`,
}

// In a module that is not Hark's a test runs a real daemon with the author's plugin. Its go.sum has nothing of the modules that supervisord
// alone needs, as go mod tidy leaves it.
func TestAModuleOfAnAuthor(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, requires, _ := strings.Cut(read("go.mod"), "\nrequire")
	files := map[string]string{
		"go.mod": "module example.org/shout\n\ngo 1.26.0\n\nrequire github.com/hark-supervisor/hark v0.0.0\n\nreplace github.com/hark-supervisor/hark => " +
			root + "\n\nrequire" + requires, // the versions of the repository, so that nothing has to be fetched
		"go.sum": regexp.MustCompile(`(?m)^(github.com/prometheus/|gopkg.in/ini.v1).*\n`).ReplaceAllString(read("go.sum"), ""),
	}
	dir := t.TempDir()
	for _, all := range []map[string]string{files, authors} {
		for name, text := range all {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	test := exec.Command("go", "test", "-count=1", "-vet=off", "./...")
	test.Dir = dir
	test.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off", "PWD="+dir, Variable+"=")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The source of an installed Hark has no supervisord: the program that was installed with it is run.
func TestTheInstalledSupervisord(t *testing.T) {
	for _, at := range []string{"share/hark/go", "dist/go"} {
		prefix := t.TempDir()
		source := filepath.Join(prefix, at)
		if got, err := installed(source); err == nil || !strings.Contains(err.Error(), Variable) {
			t.Errorf("%s, %v", got, err)
		}
		for _, dir := range []string{source, filepath.Join(prefix, "bin")} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(prefix, "bin", "supervisord"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := installed(source); err != nil || got != filepath.Join(prefix, "bin", "supervisord") {
			t.Errorf("%s, %v", got, err)
		}
	}
}
