package scaffold

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

// repository is the root of Hark's source.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command in a directory.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// What plugin new writes in Go is vetted, passes its own conformance tests, builds, and describes itself.
// It is built as by somebody with an installed Hark, no network and no cache of modules.
func TestPluginsInGoPassTheirTests(t *testing.T) {
	source, none := filepath.Join(t.TempDir(), "go"), t.TempDir()
	run(t, repository(t), nil, "packaging/gosource", source)
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "my-"+kind)
			var out bytes.Buffer
			args := []string{"my-" + kind, "--kind", kind, "--dir", dir, "--replace", source, "--module", "example.org/plugins/" + kind}
			if err := New(args, "v0.1.0", &out); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(out.String(), "cd "+dir) {
				t.Errorf("it says %s", &out)
			}
			if !strings.Contains(out.String(), source) {
				t.Errorf("it does not say where Hark's source is: %s", &out)
			}
			env := []string{"GOFLAGS=", "GOPROXY=off", "GOMODCACHE=" + none, "GOWORK=off"}
			run(t, dir, env, "go", "test", "-count=1", "./...")
			run(t, dir, env, "go", "build", "-o", "built", ".")
			d, err := pluginrpc.ParseDescription([]byte(run(t, dir, nil, "./built", "--describe")))
			if err != nil || d.Name != "my-"+kind || string(d.Kinds[0].Name) != kind {
				t.Errorf("it describes itself as %+v (%v)", d, err)
			}
			run(t, dir, env, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", "grpcnotrace", ".") // as the text says
			run(t, dir, env, "go", "mod", "tidy")                                                          // which many run by habit
			run(t, dir, env, "go", "build", "-o", "built", ".")
			if unformatted := run(t, dir, nil, "gofmt", "-l", "."); unformatted != "" {
				t.Errorf("not formatted: %s", unformatted)
			}
		})
	}
}

// What plugin new writes in Python passes its own tests and, where it needs nothing set up, Go's.
func TestPluginsInPythonPassTheirTests(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			if err := Write(dir, Plugin{Name: "my-" + kind, Kind: kind, Lang: "python"}); err != nil {
				t.Fatal(err)
			}
			quiet := []string{"PYTHONDONTWRITEBYTECODE=1"}
			out := run(t, dir, quiet, "./test_plugin.py")
			if !strings.Contains(out, "Ran 3 tests") || !strings.Contains(out, "OK") {
				t.Errorf("the tests say %s", out)
			}
			if kind != "namespace" {
				return
			}
			sdktest.TestNamespace(t, sdk.Plugin{}, sdktest.NamespaceOptions{
				Options: sdktest.Options{Command: func() *exec.Cmd {
					cmd := exec.Command("/usr/bin/python3", filepath.Join(dir, "my-namespace.py"))
					cmd.Env = quiet
					return cmd
				}},
				Calls: []sdktest.Call{{Method: "hello", Params: []any{"you"}, Want: "Hello, you"}},
			})
		})
	}
}

// What plugin new writes in Node.js passes its own tests and, where it needs nothing set up, Go's. Its packages are those of the example.
func TestPluginsInNodePassTheirTests(t *testing.T) {
	example := filepath.Join(repository(t), "examples", "plugins", "node")
	modules := filepath.Join(example, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, "@grpc", "proto-loader")); err != nil {
		run(t, example, nil, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	}
	pinned, err := os.ReadFile(filepath.Join(example, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "p")
			if err := Write(dir, Plugin{Name: "my-" + kind, Kind: kind, Lang: "node"}); err != nil {
				t.Fatal(err)
			}
			own, err := os.ReadFile(filepath.Join(dir, "package.json"))
			if _, dependencies, ok := strings.Cut(string(pinned), `"dependencies"`); err != nil || !ok || !strings.HasSuffix(string(own), dependencies) {
				t.Errorf("it does not want what the example has: %s (%v)", own, err)
			}
			if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
			if out := run(t, dir, nil, "npm", "test"); !strings.Contains(out, "# pass 3\n") || !strings.Contains(out, "# fail 0\n") {
				t.Errorf("the tests say %s", out)
			}
			if kind != "namespace" {
				return
			}
			sdktest.TestNamespace(t, sdk.Plugin{}, sdktest.NamespaceOptions{
				Options: sdktest.Options{Command: func() *exec.Cmd {
					cmd := exec.Command("node", filepath.Join(dir, "my-namespace.js"))
					cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
					return cmd
				}},
				Calls: []sdktest.Call{{Method: "hello", Params: []any{"you"}, Want: "Hello, you"}},
			})
		})
	}
}

func TestEveryFileIsWrittenWhole(t *testing.T) {
	for _, lang := range Langs() {
		for _, kind := range Kinds() {
			dir := t.TempDir() // an empty directory is as good as none
			if err := Write(dir, Plugin{Name: "x-y2", Kind: kind, Lang: lang, Version: "v0.1.0"}); err != nil {
				t.Fatal(err)
			}
			want := map[string]string{
				"go":     "README.md go.mod main.go plugin.go plugin_test.go x-y2.conf",
				"node":   "README.md hark_plugin.js package.json plugin.proto plugin.test.js x-y2.conf x-y2.js",
				"python": "README.md hark_plugin.py plugin_pb2.py test_plugin.py x-y2.conf x-y2.py",
			}[lang]
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
				text, err := os.ReadFile(filepath.Join(dir, e.Name()))
				if err != nil || bytes.Contains(text, []byte("[[")) && !strings.HasPrefix(e.Name(), "hark_plugin.") || bytes.Contains(text, []byte("NAME")) && e.Name() == "README.md" {
					t.Errorf("%s %s: %s is not filled in (%v)", lang, kind, e.Name(), err)
				}
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("%s %s: %s, want %s", lang, kind, got, want)
			}
		}
	}
}

func TestBadArgumentsWriteNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("full", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("full/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"usage: plugin new":                {},
		"NAME --kind":                      {"x"},
		"usage: plugin":                    {"x", "y", "--kind", "notifier"},
		"--kind is one of":                 {"x", "--kind", "panel"},
		"--lang is one of":                 {"--lang", "perl", "--kind", "notifier", "x"},
		`"../x" is not a name of a plugin`: {"../x", "--kind", "notifier"},
		`"1x" is not a name of a plugin`:   {"1x", "--kind", "notifier"},
		"it already exists":                {"x", "--kind", "notifier", "--dir", "full"},
		"no spaces":                        {"x", "--kind", "notifier", "--module", "a b"},
		"there is no source":               {"x", "--kind", "notifier", "--replace", "/nowhere"},
		"flag provided but not defined":    {"x", "--king", "notifier"},
	} {
		var out bytes.Buffer
		if err := New(args, "v0.1.0", &out); err == nil || !strings.Contains(err.Error(), want) || out.Len() > 0 {
			t.Errorf("%v: %v, %s; want %s", args, err, &out, want)
		}
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("something was written: %v (%v)", entries, err)
	}
}
