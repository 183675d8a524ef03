package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// canary is a secret that must not be seen anywhere.
const canary = "hunter2canary"

// A value that must not be shown is shown by no error and no warning, however wrong it is and whatever is wrong about it.
func TestErrorsShowNoSecret(t *testing.T) {
	values := []string{
		canary, `A="` + canary, `A='` + canary + `'B`, "A=" + canary + `,B="x`, canary + "=", "A=b," + canary, `A="` + canary + `\`, "%(" + canary, "%(no)s " + canary, "%(" + canary + ")s", "%(ENV_" + canary + ")s",
		canary + " %", canary + " %d", "%q " + canary, "{{" + canary + "}}", "{{.X" + canary, "http://u:" + canary + "@h:x", "ftp://u:" + canary + "@h/", "/no/" + canary,
		"relative/" + canary, "é\n " + canary, `"` + canary,
	}
	tried := map[string]int{}
	for _, s := range append(Schema(), SectionSchema{Name: "unknown:x"}) {
		// A key that a plugin may have is a secret: only the plugin knows.
		fields := slices.Clone(s.Fields)
		for _, key := range []string{"webhook_url", "api_token", "password"} {
			fields = append(fields, Field{Key: key, Secret: true, Type: &ValueType{}})
		}
		for _, f := range fields {
			url := f.Type.URLs
			if !f.Unquoted() && !url && f.Key != "password_file" || f.Key == "webhook_url" && !s.Open {
				continue
			}
			for i, v := range values {
				if url && !strings.Contains(v, "@") { // only a password in one is secret
					continue
				}
				tried[f.Key]++
				text := fmt.Sprintf("[supervisord]\n[%s]\n%s=%s\nusername=u\n", s.Name, f.Key, v)
				if s.Name == "supervisord" {
					text = fmt.Sprintf("[supervisord]\n%s=%s\n", f.Key, v)
				}
				rests := []string{"plugin=p\ncommand=/bin/cat\nport=9001\nfile=/tmp/s\nevents=EVENT\nsocket=unix:///tmp/x\n"}
				if i == 0 { // a line of the value that is not indented
					rests = append(rests, canary+"\n", `"`+canary+"\"\n")
				}
				for _, rest := range rests {
					seen := whatLoadingSays(t, text+rest)
					if strings.Contains(seen, canary) {
						t.Errorf("%s\nshows\n%s", text+rest, seen)
					}
				}
			}
		}
	}
	for _, key := range []string{"password", "read_only_password", "password_file", "environment", "title_template", "body_template", "webhook_url", "serverurl", "servers"} {
		if tried[key] == 0 {
			t.Errorf("%s was not tried", key)
		}
	}
}

// What comes from the environment may be a secret, whatever the key is: errors and warnings have %(ENV_x)s as it is written.
func TestErrorsShowNothingOfTheEnvironment(t *testing.T) {
	tried := 0
	for _, s := range Schema() {
		for _, f := range s.Fields {
			for _, v := range []string{"%(ENV_CANARY)s", "x%(ENV_CANARY)s", "/no/%(ENV_CANARY)s", "%(ENV_CANARY)d", "http://%(ENV_CANARY)s:x", "ftp://%(ENV_CANARY)s/", "A=%(ENV_CANARY)s,B", `"%(ENV_CANARY)s`, "[%(ENV_CANARY)s", "%(ENV_CANARY)s ;x"} {
				tried++
				text := fmt.Sprintf("[supervisord]\n[%s]\n%s=%s\nusername=u\n", s.Name, f.Key, v)
				if s.Name == "supervisord" {
					text = fmt.Sprintf("[supervisord]\n%s=%s\n", f.Key, v)
				}
				text += "plugin=p\ncommand=/bin/cat\nport=9001\nfile=/tmp/s\nevents=EVENT\nsocket=unix:///tmp/x\n"
				if seen := whatLoadingSays(t, text); strings.Contains(seen, canary) {
					t.Errorf("%s\nshows\n%s", text, seen)
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("%d values were tried", tried)
	}
}

// whatLoadingSays is every error and warning about a configuration, from the daemon, supervisorctl and config check.
func whatLoadingSays(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "s.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	note := func(err error) {
		var all Errors
		if errors.As(err, &all) {
			for _, i := range all {
				fmt.Fprintf(&seen, "%s\n%s\n", i, i.Supervisor)
			}
			fmt.Fprintln(&seen, all.First())
		} else if err != nil {
			fmt.Fprintln(&seen, err)
		}
	}
	o := Options{Path: path, Dir: dir, Environ: []string{"HOME=/", "CANARY=" + canary, "SHORT=be"}, Template: func(string) error { return errors.New("cannot parse") }}
	c, err := Load(o)
	note(err)
	if c != nil {
		fmt.Fprintln(&seen, c.Warnings, c.Infos)
	}
	r := Check(o)
	for _, i := range slices.Concat(r.Errors, r.Warnings, r.Notes) {
		fmt.Fprintf(&seen, "%s\n%s\n", i, i.Supervisor)
	}
	_, err = LoadCtl(o)
	note(err)
	return seen.String()
}

func TestErrorsQuoteWhatIsNoSecretAsItIsWritten(t *testing.T) {
	for _, c := range []struct{ text, has, lacks string }{
		{"[supervisord]\n[supervisorctl]\nserverurl=http://%(nope)s:9001\n", "'http://%(nope)s:9001' for 'supervisorctl.serverurl' contains names ('nope')", masked},
		{"[supervisord]\n[supervisorctl]\nserverurl=http://u:%(nope)s@h:9001\n", "'http://u:xxxxx@h:9001' for 'supervisorctl.serverurl' contains names ('<secret>')", "nope"},
		{"[supervisord]\n[supervisorctl]\nserverurl=http://%(nope)s:pw@h:9001\n", "'http://%(nope)s:xxxxx@h:9001' for 'supervisorctl.serverurl' contains names ('nope')", "pw@"},
		{"[supervisord]\n[program:x]\ncommand=/bin/cat\nserverurl=unix://%(nope)s/s\n", "contains names ('nope')", masked},
		{"[supervisord]\nloglevel=%(ENV_CANARY)s\n", "%(ENV_CANARY)s", canary},
		{"[supervisord]\n[program:x]\ncommand=/bin/cat\nenvironment=TOKEN=\"" + canary + "\"\nstopwaitsecs=%(ENV_TOKEN)s0\n", "'%(ENV_TOKEN)s0'", canary},
		{"[supervisord]\n[program:x]\ncommand=/bin/cat\nnumprocs=%(ENV_SHORT)s\n", "invalid literal for int() with base 10: 'be'", "ENV_SHORT"},
	} {
		if seen := whatLoadingSays(t, c.text); !strings.Contains(seen, c.has) || strings.Contains(seen, c.lacks) {
			t.Errorf("%s\nshows %q, or lacks %q:\n%s", c.text, c.lacks, c.has, seen)
		}
	}
}
