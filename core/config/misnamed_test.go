package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What has no effect because of a slip is a warning of Load, so of the activity log, and of who asks after a reread; each with its place.
func TestWhatIsMisnamedIsWarnedOf(t *testing.T) {
	dir := writeFiles(t, map[string]string{"s.conf": sound + `[program:a]
command=/bin/cat
autosart=no
[notifer:x]
plugin=webhook
[progam:b]
command=/bin/cat
[uwsgi]
x=1
[notifier:y]
plugin=webhook
events=PROCESS_STATE_FATAL
[plugin:webhok]
user=root
[plugin:nothing-like-it]
[program:c]
command=/bin/cat
[program:d
autostart=no
`})
	o := Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"PATH=/bin"}}
	want := []string{
		"s.conf:10: [notifer:x] unknown section, ignored; did you mean [notifier:x]?",
		"s.conf:12: [progam:b] unknown section, ignored; did you mean [program:b]?",
		"s.conf:19: [plugin:webhok] no section has plugin=webhok, so the settings of this one have no effect; did you mean [plugin:webhook]?",
		"s.conf:21: [plugin:nothing-like-it] no section has plugin=nothing-like-it, so the settings of this one have no effect",
		`s.conf:24: [program:c] the line '[program:d' has no "]", so no section begins here: supervisord, as Supervisor, takes it for a setting "[program" of this section, and the lines below it for further ones`,
		"s.conf:9: [program:a] autosart: unknown setting, ignored; did you mean autostart?",
	}
	c, err := Load(o)
	if err != nil {
		t.Fatal(err)
	}
	logged := strings.ReplaceAll(strings.Join(c.Warnings, "\n"), dir+"/", "")
	for _, w := range want[:5] {
		if !strings.Contains(logged, w) {
			t.Errorf("no %q in\n%s", w, logged)
		}
	}
	if !strings.Contains(logged, "[program:a] autosart (line 9)") || strings.Contains(logged, "uwsgi") {
		t.Errorf("logged\n%s", logged)
	}
	if len(c.Misnamed) != 4 {
		t.Errorf("misnamed: %v", c.Misnamed)
	}
	var said []string
	for _, i := range Surprises(o) {
		said = append(said, strings.ReplaceAll(i.String(), dir+"/", ""))
	}
	if !slices.Equal(said, want) {
		t.Errorf("surprises\n%s", strings.Join(said, "\n"))
	}
	if got := Surprises(Options{Path: filepath.Join(dir, "none")}); len(got) > 0 {
		t.Errorf("of no file: %v", got)
	}
}

// Who waits for what no process does gets nothing; the check says so.
func TestAFilterThatMatchesNothing(t *testing.T) {
	const text = `[program:cron]
command=/bin/cat
[program:web]
command=/bin/cat
numprocs=2
process_name=%(program_name)s_%(process_num)d
[notifier:n]
plugin=webhook
events=PROCESS_STATE_FATAL
programs=corn,web:*
[logsink:l]
plugin=syslog
programs=web
[eventlistener:e]
command=/bin/cat
events=PROCESS_STATE
programs=cron,web:web_?,nothing-like-it
`
	r, said := checkFile(t, sound+text)
	want := []string{
		`s.conf:16: [notifier:n] programs: no process of this configuration matches "corn"; did you mean cron?`,
		`s.conf:19: [logsink:l] programs: no process of this configuration matches "web"`,
		`s.conf:23: [eventlistener:e] programs: no process of this configuration matches "nothing-like-it"`,
	}
	if got := said(r.Warnings); len(r.Errors) > 0 || !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("%q\n%s", said(r.Errors), strings.Join(got, "\n"))
	}
	if r, said := checkFile(t, "[logsink:l]\nplugin=syslog\nprograms=corn\n[plugin:webhok]\n"); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("a file that another includes: %q", said(append(r.Errors, r.Warnings...)))
	}
}
