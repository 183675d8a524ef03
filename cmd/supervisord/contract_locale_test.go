package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// localeConf has programs that are not Python, which would see to its locale itself.
const localeConf = `
[program:plain]
command=/usr/bin/env
stdout_logfile=DIR/%(program_name)s.out
[program:own]
command=/usr/bin/env
stdout_logfile=DIR/%(program_name)s.out
environment=LC_CTYPE="POSIX",LANG="xx_NONE.UTF-8"
[program:masked]
command=/usr/bin/env
stdout_logfile=DIR/%(program_name)s.out
umask=027
environment=LC_CTYPE=""
[program:proxied]
command=PIDPROXY DIR/none.pid /usr/bin/env
stdout_logfile=DIR/%(program_name)s.out
environment=LC_CTYPE="",LANG="POSIX"
[eventlistener:listener]
command=/usr/bin/env
stdout_logfile=DIR/listener.out
events=TICK_3600
`

// isLocale reports whether a variable has to do with the locale, or with Python's
// reading of it.
func isLocale(v string) bool {
	return strings.HasPrefix(v, "LANG") || strings.HasPrefix(v, "LC_") || strings.HasPrefix(v, "LOCPATH=") || strings.HasPrefix(v, "PYTHON") || strings.HasPrefix(v, "SEEN=")
}

// Python's start-up gives Supervisor, and so its children, LC_CTYPE where there is no
// locale (PEP 538).
func TestChildrenHaveTheSameLocale(t *testing.T) {
	t.Parallel()
	locales := t.TempDir()
	if err := os.CopyFS(filepath.Join(locales, "xx_YY.utf8"), os.DirFS("/usr/lib/locale/C.utf8")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(locales), 0o755); err != nil {
		t.Fatal(err)
	}
	const utf8 = "LC_CTYPE=C.UTF-8"
	for _, tc := range []struct {
		name    string
		environ []string
		want    string // of the daemon's environment, LC_CTYPE; "" for none
	}{
		{"without any", nil, utf8},
		{"LANG=C", []string{"LANG=C"}, utf8},
		{"LANG=POSIX", []string{"LANG=POSIX"}, utf8},
		{"a LANG that is not installed", []string{"LANG=xx_YY.UTF-8"}, utf8},
		{"a LANG that is installed", []string{"LANG=xx_YY.UTF-8", "LOCPATH=" + locales}, ""},
		{"LANG=C.UTF-8", []string{"LANG=C.UTF-8"}, ""},
		{"LC_CTYPE over LANG", []string{"LC_CTYPE=C", "LANG=C.UTF-8"}, utf8},
		{"LC_ALL=C", []string{"LC_ALL=C"}, ""},
		{"an empty LC_ALL", []string{"LC_ALL="}, utf8},
		{"switched off", []string{"PYTHONCOERCECLOCALE=0", "LANG=C"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			more := strings.ReplaceAll(localeConf, "\n[program:", "\nstartsecs=0\nautorestart=false\n[program:")
			if tc.want != "" { // the configuration sees it, too
				more += "[program:seen]\ncommand=/usr/bin/env\nstdout_logfile=DIR/seen.out\nstartsecs=0\nautorestart=false\nenvironment=SEEN=\"%(ENV_LC_CTYPE)s\"\n"
			}
			p := preparePair(t, baseConf+more)
			for _, in := range []*instance{p.python, p.hark} {
				in.cmd.Env = append(slices.DeleteFunc(in.cmd.Env, isLocale), tc.environ...)
			}
			pidproxies := map[*instance]string{p.python: "/usr/bin/pidproxy", p.hark: builtCommand(t, "pidproxy")}
			p.wait(func(in *instance) {
				in.writeConf(strings.ReplaceAll(baseConf+more, "PIDPROXY", pidproxies[in]))
			})
			p.launch()
			names := []string{"plain", "own", "masked", "proxied", "listener"}
			if tc.want != "" {
				names = append(names, "seen")
			}
			for _, name := range names {
				p.same(t, func(in *instance) string {
					var all []string
					testkit.Until(t, name+" has said what it got", func() bool {
						all = strings.Split(in.file(name+".out"), "\n")
						return slices.Contains(all, "SUPERVISOR_PROCESS_NAME="+name)
					})
					all = slices.DeleteFunc(all, func(v string) bool { return !isLocale(v) })
					slices.Sort(all)
					all = slices.Compact(all) // the listener is started again
					if has := slices.Contains(all, utf8); name == "plain" && has != (tc.want != "") {
						t.Errorf("%s: the children of %s have %q", tc.name, filepath.Base(in.cmd.Path), all)
					}
					return name + "\n" + strings.Join(all, "\n")
				})
			}
		})
	}
}
