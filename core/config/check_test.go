package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func checkFile(t *testing.T, text string) (r Report, said func([]Issue) []string) {
	t.Helper()
	dir := writeFiles(t, map[string]string{"s.conf": text, "bin/run": "#!/bin/sh\n"})
	r = Check(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"PATH=/bin:/usr/bin", "TOKEN=abc"}})
	return r, func(all []Issue) []string {
		var lines []string
		for _, i := range all {
			lines = append(lines, strings.ReplaceAll(i.String(), dir+"/", ""))
		}
		return lines
	}
}

// sound is a configuration that nothing is to be said about.
const sound = `[unix_http_server]
file=%(here)s/s.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
logfile=%(here)s/s.log
`

func TestASoundConfigurationHasNoWarnings(t *testing.T) {
	r, said := checkFile(t, sound+`[program:a]
command=/bin/sh -c 'echo %%s' ; the shell
stdout_logfile=/dev/stdout
[program:b]
command=cat
stdout_logfile=/dev/stdout
numprocs=2
process_name=%(program_name)s_%(process_num)02d
stderr_logfile=%(here)s/b_%(process_num)d
environment=A="b;c",D="%(ENV_TOKEN)s"
`)
	if len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("%v\n%v", said(r.Errors), said(r.Warnings))
	}
	if r, said := checkFile(t, Sample()+"[program:real]\ncommand=/bin/cat\n"); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("the sample: %v\n%v", said(r.Errors), said(r.Warnings))
	}
}

func TestSurprisesAreToldWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a semicolon", "[program:a]\ncommand=/bin/sh -c 'echo a ; echo b'", `s.conf:8: [program:a] command: the value ends at the ";"`},
		{"a semicolon in a continued line", "[program:a]\ncommand=/bin/sh\n -c 'echo a ; echo b'", `s.conf:9: [program:a] command: the value ends at the ";"`},
		{"a hash", "[program:a]\ncommand=/bin/cat\nenvironment=A=\"x # y\"", ``}, // an error, below
		{"a percent sign", "[program:a]\ncommand=/bin/date +%s", `s.conf:8: [program:a] command: "%s" is replaced; a percent sign is written %%`},
		{"two programs on one log", "[program:a]\ncommand=/bin/cat\nstdout_logfile=%(here)s/l\n[program:b]\ncommand=/bin/cat\nstderr_logfile=%(here)s/l",
			`s.conf:12: [program:b] stderr_logfile: stdout of a:a writes l too`},
		{"both channels on one log", "[program:a]\ncommand=/bin/cat\nstdout_logfile=%(here)s/l\nstderr_logfile=%(here)s/l", `s.conf:10: [program:a] stderr_logfile: stdout of the same program writes it too`},
		{"processes on one log", "[program:a]\ncommand=/bin/cat\nnumprocs=2\nprocess_name=a%(process_num)d\nstdout_logfile=%(here)s/l", `s.conf:11: [program:a] stdout_logfile: stdout of a:a0 writes l too`},
		{"the activity log", "[program:a]\ncommand=/bin/cat\nstdout_logfile=%(here)s/s.log", `s.conf:9: [program:a] stdout_logfile: the activity log writes s.log too`},
		{"an unknown key", "[program:a]\ncommand=/bin/cat\nautstart=true", "s.conf:9: [program:a] autstart: unknown setting, ignored; did you mean autostart?"},
		{"an unknown section", "[PROGRAM:Web]\ncommand=/bin/cat", "s.conf:7: [PROGRAM:Web] unknown section, ignored; did you mean [program:Web]?"},
		{"a mistyped section", "[eventlistner:x]\ncommand=/bin/cat", "s.conf:7: [eventlistner:x] unknown section, ignored; did you mean [eventlistener:x]?"},
		{"an open server", "[inet_http_server]\nport=*:9001", "s.conf:8: [inet_http_server] port: there is no username and password: whoever reaches this port"},
		{"a local server", "[inet_http_server]\nport=127.0.0.1:9001", "s.conf:8: [inet_http_server] port: there is no username and password: every user of this machine"},
		{"a missing program", "[program:a]\ncommand=/nowhere/x", "s.conf:8: [program:a] command: /nowhere/x is not there"},
		{"one not in PATH", "[program:a]\ncommand=no-such-program -x", "s.conf:8: [program:a] command: there is no no-such-program in PATH (/bin:/usr/bin)"},
		{"a plain file", "[program:a]\ncommand=%(here)s/bin/run", "s.conf:8: [program:a] command: bin/run is not executable"},
		{"an open quote", "[program:a]\ncommand=/bin/sh -c 'x", "s.conf:8: [program:a] command: a quotation is not closed"},
		{"a backslash at the end", "[program:a]\ncommand=/bin/cat \\", "s.conf:8: [program:a] command: it ends with a backslash"},
		{"a missing directory", "[program:a]\ncommand=/bin/cat\ndirectory=/nowhere", "s.conf:9: [program:a] directory: /nowhere is not there"},
		{"a member twice", "[program:a]\ncommand=/bin/cat\n[group:g]\nprograms=a,a", "s.conf:10: [group:g] programs: it names a twice"},
		{"a member of two groups", "[program:a]\ncommand=/bin/cat\n[group:g]\nprograms=a\n[group:h]\nprograms=a", `s.conf:12: [group:h] programs: a is in [group:g] too`},
		{"a semicolon in any quoted value", "[program:a]\ncommand=/bin/cat\nenvironment=A=\"x ; y\",B=1", `s.conf:9: [program:a] environment: the value ends at the ";"`},
		{"a hash beside the error it makes", "[program:a]\ncommand=/bin/cat\nstartsecs= # ten", `s.conf:9: [program:a] startsecs: the value ends at the "#"`},
		{"a header that is indented", "[program:a]\ncommand=/bin/cat\n [program:b]\n command=/bin/sh", `s.conf:9: [program:a] command: the line "[program:b]" is part of this value, because it is indented`},
		{"a setting that is indented", "[program:a]\ncommand=/bin/cat\n  autostart=false", `s.conf:9: [program:a] command: the line that sets autostart is part of this value`},
		{"a key of another section", "[program:a]\ncommand=/bin/cat\nnodaemon=true", "s.conf:9: [program:a] nodaemon: unknown setting, ignored; it belongs in [supervisord]"},
		{"a key like one that is set", "[program:a]\ncommand=/bin/cat\ncomand=x", "s.conf:9: [program:a] comand: unknown setting, ignored\x00"},
		{"a section twice", "[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\n[program:a]\nautostart=false", "s.conf:11: [program:a] it was begun in line 7 already"},
		{"two FastCGI programs on a socket", "[fcgi-program:a]\ncommand=/bin/cat\nsocket=unix:///tmp/f\n[fcgi-program:b]\ncommand=/bin/cat\nsocket=unix:///tmp//f", "s.conf:12: [fcgi-program:b] socket: [fcgi-program:a] listens at /tmp/f too"},
		{"an init script", "[program:a]\ncommand=/etc/init.d/x start", "s.conf:8: [program:a] command: /etc/init.d/x starts a daemon and ends"},
		{"a daemon's option", "[program:a]\ncommand=/bin/cat --daemon", "s.conf:8: [program:a] command: with --daemon it goes into the background"},
		{"a missing include", "[include]\nfiles=/nowhere/*.conf", `s.conf:8: [include] files: No file matches via include "/nowhere/*.conf"`},
		{"redirect_stderr beside a log", "[program:a]\ncommand=/bin/cat\nredirect_stderr=true\nstderr_logfile=/tmp/x", "s.conf:10: [program:a] stderr_logfile: For [program:a], redirect_stderr=true but"},
		{"a process twice", "[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\nprocess_name=a\n[group:g]\nprograms=a,b", `s.conf:12: [group:g] group "g" has two processes named "a"`},
		{"a comment sign without a space", "[program:a]\ncommand=/bin/cat\npriority=9;comment", `s.conf:9: [program:a] priority: the ';' is part of the value, as in Supervisor: a comment begins only behind a space`},
		{"a directory with a comment", "[program:a]\ncommand=/bin/cat\ndirectory=/nowhere;comment", "s.conf:9: [program:a] directory: /nowhere;comment is not there; a comment begins only behind a space"},
		{"a directory in quotes", "[program:a]\ncommand=/bin/cat\ndirectory=\"/tmp\"", "s.conf:9: [program:a] directory: the quotation marks are part of the value, as in Supervisor; write it without them\x00"},
		{"a number in quotes", "[program:a]\ncommand=/bin/cat\npriority='9'", "s.conf:9: [program:a] priority: the quotation marks are part of the value"},
		{"a spool's directory that is not there", "[eventlistener:a]\ncommand=/bin/cat\nevents=TICK_60\noverflow=spool\nspool_dir=/nowhere", "s.conf:11: [eventlistener:a] spool_dir: /nowhere is not a directory that is there, so what waits is kept in memory"},
		{"a notifier's, too", "[notifier:a]\nplugin=webhook\noverflow=spool\nspool_dir=/nowhere", "s.conf:10: [notifier:a] spool_dir: /nowhere is not a directory that is there"},
		{"capture of a listener", "[eventlistener:a]\ncommand=/bin/cat\nevents=TICK_60\nstdout_capture_maxbytes=1MB", "s.conf:10: [eventlistener:a] stdout_capture_maxbytes: it has no effect: the standard output of a listener is the protocol"},
		{"a key twice", "[program:a]\ncommand=/bin/cat\ncommand=/bin/sh", "s.conf:9: [program:a] command: it was set in line 8 already; this one counts"},
	} {
		r, said := checkFile(t, sound+c.text+"\n")
		if c.want == "" {
			if len(r.Errors) == 0 {
				t.Errorf("%s: no errors", c.name)
			}
			continue
		}
		if lines := said(r.Warnings); !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l+"\x00", c.want) }) {
			t.Errorf("%s:\n%s\nwant %s", c.name, strings.Join(append(lines, said(r.Errors)...), "\n"), c.want)
		}
	}
	for text, want := range map[string]string{
		"[supervisord]\n": "there is no [unix_http_server] or [inet_http_server] section",
		"[supervisord]\n[unix_http_server]\nfile=/tmp/x\n":             "there is no [rpcinterface:supervisor] section",
		"[supervisord]\n[unix_http_server]\nfile=/tmp/x\nchmod=0777\n": "with mode 0777 and no password",
	} {
		if r, said := checkFile(t, text); !strings.Contains(strings.Join(said(append(r.Warnings, r.Notes...)), "\n"), want) {
			t.Errorf("%q: %v", text, said(r.Warnings))
		}
	}
}

func TestErrorsComeInTheOrderOfTheFile(t *testing.T) {
	r, said := checkFile(t, "[supervisord]\nloglevel=loud\n[program:a]\nnumprocs=x\n[program:b]\ncommand=/bin/cat\nstartsecs=y\n")
	lines := said(r.Errors)
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "s.conf:2: ") || !strings.HasPrefix(lines[3], "s.conf:7: ") {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
	if r := Check(Options{Path: "/nowhere/s.conf", Dir: "/"}); len(r.Errors) != 1 || len(r.Files) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestShowTellsDefaultsAndHidesSecrets(t *testing.T) {
	dir := writeFiles(t, map[string]string{"s.conf": `[inet_http_server]
port=127.0.0.1:9001
username=u
password=hunter2
[supervisord]
environment=TOKEN="hunter2",B=%(ENV_X)s
[rpcinterface:x]
plugin=p
api_key=hunter2
[program:web]
command=/bin/echo %(program_name)s %(process_num)d
numprocs=2
process_name=w%(process_num)d
directory=%(here)s
nonsense=1
`})
	all, err := Show(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"X=hunter2"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	find := func(section, key string) ShownSetting {
		t.Helper()
		for _, s := range all {
			for _, k := range s.Settings {
				if s.Name == section && k.Key == key {
					if strings.Contains(k.Value, "hunter2") {
						t.Errorf("[%s] %s shows a secret: %s", section, key, k.Value)
					}
					return k
				}
			}
		}
		t.Fatalf("there is no [%s] %s", section, key)
		return ShownSetting{}
	}
	for _, c := range []struct {
		section, key, value string
		def, unknown        bool
		line                int
	}{
		{"inet_http_server", "password", masked, false, false, 4},
		{"supervisord", "environment", "TOKEN=<secret>,B=<secret>", false, false, 6},
		{"supervisord", "loglevel", "info", true, false, 0},
		{"rpcinterface:x", "api_key", masked, false, false, 9},
		{"program:web", "directory", dir, false, false, 14},
		{"program:web", "command", "/bin/echo %(program_name)s %(process_num)d", false, false, 11},
		{"program:web", "startsecs", "1", true, false, 0},
		{"program:web", "nonsense", "1", false, true, 15},
	} {
		k := find(c.section, c.key)
		if k.Value != c.value || k.Default != c.def || k.Unknown != c.unknown || k.Line != c.line {
			t.Errorf("[%s] %s: %+v, want %+v", c.section, c.key, k, c)
		}
	}
	web := all[len(all)-1]
	if want := []ShownProcess{{"web:w0", "/bin/echo web 0"}, {"web:w1", "/bin/echo web 1"}}; !slices.Equal(web.Processes, want) {
		t.Errorf("%v", web.Processes)
	}
	if _, err := Show(Options{Path: "/nowhere/s.conf", Dir: "/"}, false); err == nil {
		t.Error("a missing file is shown")
	}
}

func TestAProgramWithABackslashInItsNameIsThere(t *testing.T) {
	dir := writeFiles(t, map[string]string{`bin/a\b`: "#!/bin/sh\n", "s.conf": sound + `[program:a]
command="%(here)s/bin/a\b" -x
`})
	if err := os.Chmod(filepath.Join(dir, `bin/a\b`), 0o700); err != nil {
		t.Fatal(err)
	}
	if r := Check(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"PATH=/bin"}}); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("%v %v", r.Errors, r.Warnings)
	}
}

func TestASnippetIsCheckedAsAnIncludedFile(t *testing.T) {
	r, said := checkFile(t, "[program:a]\ncommand=/bin/cat\nstartsecs=x\n")
	if lines := said(r.Errors); len(lines) != 1 || !strings.HasPrefix(lines[0], "s.conf:3: [program:a] startsecs: ") {
		t.Errorf("%v", lines)
	}
	if lines := said(r.Notes); len(lines) != 1 || !strings.Contains(lines[0], "checked as a file that another configuration includes") {
		t.Errorf("%v", lines)
	}
	for _, whole := range []string{"[supervisorctl]\n[program:a]\ncommand=/bin/cat\n", "", "[include]\nfiles=/nowhere/*\n", "[prgram:a]\ncommand=/bin/cat\n"} {
		if r, said := checkFile(t, whole); !strings.Contains(strings.Join(said(r.Errors), "\n"), "there is no [supervisord] section") {
			t.Errorf("%q: %v", whole, said(r.Errors))
		}
	}
	dir := writeFiles(t, map[string]string{"s.conf": "[program:a]\ncommand=/bin/cat\n"})
	if _, err := Load(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir}); err == nil {
		t.Error("Load takes a snippet")
	}
}

func TestNoFilesTakesWhatIsElsewhereToBeThere(t *testing.T) {
	dir := writeFiles(t, map[string]string{"s.conf": sound + "[program:a]\ncommand=/nowhere/x\ndirectory=/nowhere\nuser=nobody-of-that-name\nstdout_logfile=/nowhere/log\n[program:b]\ncommand=no-such-program\n"})
	o := Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"PATH=/bin"}}
	if r := Check(o); len(r.Errors) != 2 || len(r.Warnings) == 0 {
		t.Errorf("with files: %v", r)
	}
	o.NoFiles = true
	if r := Check(o); len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("without: %v", r)
	}
}

func TestCommandsThatGoIntoTheBackground(t *testing.T) {
	for command, want := range map[string]string{
		"/usr/sbin/nginx":                           "note",
		`/usr/sbin/nginx -g "daemon off;"`:          "",
		"nginx -c /etc/nginx.conf -g 'daemon off;'": "",
		"/usr/sbin/sshd":                            "warning",
		"/usr/sbin/sshd -D -e":                      "",
		"cron":                                      "warning",
		"cron -f -L 15":                             "",
		"apache2ctl -DFOREGROUND":                   "",
		"apachectl -D FOREGROUND":                   "",
		"apache2":                                   "warning",
		"service x start":                           "warning",
		"service x status":                          "",
		"systemctl start x":                         "warning",
		"redis-server --daemonize no":               "",
		"gunicorn --daemon a:b":                     "warning",
		"/bin/sh -c exec | y --daemon":              "",
		"":                                          "",
	} {
		got := ""
		switch why, sure := daemonizes(command); {
		case sure:
			got = "warning"
		case why != "":
			got = "note"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
	}
}

func TestUnknownSettingsAreOneLineAFileInTheActivityLog(t *testing.T) {
	text := sound + "[program:a]\ncommand=/bin/cat\n"
	for i := range 12 {
		text += "zz" + string(rune('a'+i)) + "=1\n"
	}
	dir := writeFiles(t, map[string]string{"s.conf": text + "dependent_startup=true\ndependent_startup_wait_for=b:running\n[include]\nfiles=i.conf\n", "i.conf": "[program:b]\ncommand=/bin/cat\nyy=1\n"})
	c, err := Load(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir, Environ: []string{"PATH=/bin"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 2 {
		t.Fatalf("%q", c.Warnings)
	}
	if w := c.Warnings[0]; !strings.Contains(w, "s.conf: unknown settings, ignored: [program:a] zza (line 9), ") || !strings.Contains(w, " and 4 more; ") || strings.Contains(w, "dependent") {
		t.Errorf("%q", w)
	}
	if w := c.Warnings[1]; !strings.Contains(w, "i.conf: unknown settings, ignored: [program:b] yy (line 3); ") {
		t.Errorf("%q", w)
	}
}

// A line that was meant to begin a section and does not is an error of the check, though supervisord starts.
func TestAHeaderThatIsNotClosedIsAnError(t *testing.T) {
	r, said := checkFile(t, sound+"[program:b]\ncommand=/bin/cat\n[program:c\ncommand=/bin/sh\n")
	want := []string{`s.conf:9: [program:b] the line '[program:c' has no "]", so no section begins here: supervisord, as Supervisor, takes it for a setting "[program" of this section, and the lines below it for further ones`}
	if got := said(r.Errors); !slices.Equal(got, want) {
		t.Errorf("errors %q", got)
	}
	if got := said(r.Warnings); len(got) != 1 || !strings.Contains(got[0], "command: it was set in line 8 already") {
		t.Errorf("warnings %q", got)
	}
}

// What a file that another includes has not is a note: the other may have it. It can be shown, too.
func TestAnIncludedFileByItself(t *testing.T) {
	const text = "[group:x]\nprograms=a,b\n[program:b]\ncommand=/bin/cat\n"
	r, said := checkFile(t, text)
	if len(r.Errors)+len(r.Warnings) > 0 || len(r.Notes) != 2 || !strings.HasPrefix(said(r.Notes)[1], `s.conf:2: [group:x] programs: there is no program "a" in this file; `) {
		t.Errorf("%q, %q, %q", said(r.Errors), said(r.Warnings), said(r.Notes))
	}
	dir := writeFiles(t, map[string]string{"x.conf": text})
	all, err := Show(Options{Path: filepath.Join(dir, "x.conf"), Dir: dir}, false)
	if err != nil || len(all) != 2 || all[1].Name != "program:b" || len(all[1].Processes) != 1 || all[1].Processes[0].Namespec != "x:b" {
		t.Errorf("%+v, %v", all, err)
	}
	if r, said := checkFile(t, "[supervisord]\n"+text); len(r.Errors) != 1 {
		t.Errorf("a whole configuration: %q", said(r.Errors))
	}
}

// What was not read is not missing: an error that ends the reading has no notes beside it.
func TestAFileThatIsNotReadToItsEnd(t *testing.T) {
	for _, text := range []string{"junk\n" + sound, "[supervisord]\n[include]\nfiles=bad.conf\n"} {
		dir := writeFiles(t, map[string]string{"s.conf": text, "bad.conf": "\xff\n"})
		r := Check(Options{Path: filepath.Join(dir, "s.conf"), Dir: dir})
		if len(r.Errors) != 1 || len(r.Warnings)+len(r.Notes) > 0 {
			t.Errorf("%q: %v, %v, %v", text, r.Errors, r.Warnings, r.Notes)
		}
	}
}

func TestTextsOfErrors(t *testing.T) {
	dir := writeFiles(t, map[string]string{"s.conf": "[supervisord]\n[notifier:x]\nplugin=a\nevents=NOSUCH\n[program:a]\ncommand=/bin/cat\nstartsecs=x\nautostart=x\n",
		"own.conf": "[supervisord]\n[notifier:x]\nplugin=a\nevents=NOSUCH\n[logsink:y]\n"})
	for name, want := range map[string][]string{
		"s.conf":   {"", "s.conf:4: ", "s.conf:7: ", "s.conf:8: "},
		"own.conf": {"own.conf:4: ", "own.conf:5: "},
	} {
		_, err := Load(Options{Path: name, Dir: dir})
		var all Errors
		if !errors.As(err, &all) {
			t.Fatal(err)
		}
		texts := all.Texts(dir)
		if len(texts) != len(want) {
			t.Errorf("%s: %q", name, texts)
			continue
		}
		for i, w := range want {
			if w != "" && !strings.HasPrefix(texts[i], filepath.Join(dir, w)) {
				t.Errorf("%s: text %d is %q", name, i, texts[i])
			}
		}
		if name == "s.conf" && texts[0] != all.First() {
			t.Errorf("the first is %q, want %q", texts[0], all.First())
		}
	}
}

// supervisord does not read these; every supervisorctl would fail.
func TestCheckFindsWhatKeepsSupervisorctlFromWorking(t *testing.T) {
	const conf = "[supervisord]\n[unix_http_server]\nfile=/tmp/x\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\n"
	for text, want := range map[string]string{
		"serverurl=localhost:9001\n":                 "s.conf:7: [supervisorctl] serverurl: supervisorctl cannot use localhost:9001; it takes http://HOST:PORT",
		"[fleet:f]\nservers=web1:9001\n":             `s.conf:8: [fleet:f] servers: cannot use "web1:9001"; accepted: `,
		"[ctlplugin:x]\nkey=y\n":                     "s.conf:7: [ctlplugin:x] there is no supervisor.ctl_factory",
		"serverurl=unix:///tmp/x\n":                  "",
		"serverurl=https://web1:9001\nusername=me\n": "",
	} {
		r, said := checkFile(t, conf+text)
		found := said(append(r.Errors, r.Warnings...))
		if want == "" && len(found) > 0 || want != "" && (len(found) != 1 || !strings.HasPrefix(found[0], want)) {
			t.Errorf("%q: %q, want %q", text, found, want)
		}
	}
}
