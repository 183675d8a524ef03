package reference

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
)

// top is the root of the tree.
const top = "../../../"

func TestGoldenReference(t *testing.T) {
	for file, want := range map[string]string{"docs/configuration.md": Markdown(), "packaging/supervisord.conf.5": Manual()} {
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(top+file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(top + file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale: run make docs", file)
		}
	}
}

// documented lists "section key" of what the page has a heading for, each with its origin.
func documented(t *testing.T, page string) (keys []string, origin map[string]string) {
	t.Helper()
	origin = map[string]string{}
	section, name := "", ""
	for line := range strings.SplitSeq(page, "\n") {
		if s, ok := strings.CutPrefix(line, "## `["); ok {
			section, name = strings.TrimSuffix(s, "]`"), ""
		} else if s, ok := strings.CutPrefix(line, "### `"); ok {
			name = section + " " + strings.TrimSuffix(s, "`")
			if slices.Contains(keys, name) {
				t.Errorf("%s is there twice", name)
			}
			keys = append(keys, name)
		} else if _, s, ok := strings.Cut(strings.ReplaceAll(line, "\n", " "), "Origin: "); ok && name != "" {
			origin[name] = strings.TrimSuffix(s, ".")
		}
	}
	return keys, origin
}

// What Supervisor documents is on the page as Supervisor's, and nothing else is; whatever else Hark knows is there as Hark's.
func TestThePageHasEveryKey(t *testing.T) {
	data, err := os.ReadFile("testdata/supervisor-keys.txt")
	if err != nil {
		t.Fatal(err)
	}
	theirs := slices.DeleteFunc(strings.Split(strings.TrimSpace(string(data)), "\n"), func(s string) bool { return strings.HasPrefix(s, "#") })
	elsewhere := []string{ // what Supervisor's page leaves to others
		"ctlplugin:x supervisor.ctl_factory",                          // not documented
		"eventlistener:x priority", "eventlistener:x redirect_stderr", // keys of programs that mean something else there
	}
	have, origin := documented(t, strings.ReplaceAll(Markdown(), "Origin:\n", "Origin: "))
	for _, k := range theirs {
		if origin[k] != "Supervisor" {
			t.Errorf("%s is Supervisor's, and the page says %q", k, origin[k])
		}
	}
	for _, k := range have {
		if origin[k] == "Supervisor" && !slices.Contains(theirs, k) && !slices.Contains(elsewhere, k) {
			t.Errorf("%s is not in Supervisor's documentation", k)
		}
	}
	for _, s := range config.Schema() {
		for i := range s.Fields {
			f := &s.Fields[i]
			name := s.Name + " " + f.Key
			if inherited(&s, f, config.Schema()) {
				name = s.Base + " " + f.Key
			}
			if origin[name] != f.Origin {
				t.Errorf("[%s] %s of %s is %q on the page", s.Name, f.Key, f.Origin, origin[name])
			}
		}
	}
	for _, k := range have {
		if manual := Manual(); !strings.Contains(manual, "\n.TP\n\\fB"+strings.Split(k, " ")[1]+"\\fR\n") {
			t.Errorf("the manual page has no %s", k)
		}
	}
}

func TestTheExamplesAreAConfiguration(t *testing.T) {
	text := "[program:worker]\ncommand=/bin/cat\n"
	for _, s := range config.Schema() {
		if s.Example != "" {
			text += "[" + example(s.Name) + "]\n" + s.Example + "\n"
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "conf.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s.conf", "conf.d/more.conf"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		text = "[program:more]\ncommand=/bin/cat\n"
	}
	r := config.Check(config.Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, NoFiles: true})
	for _, i := range slices.Concat(r.Errors, r.Warnings) {
		t.Error(i)
	}
}
