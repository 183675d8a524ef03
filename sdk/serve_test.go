package sdk

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/wire"
)

// tester is of every kind.
func tester() Plugin {
	type none struct{}
	return Plugin{Name: "tester", Version: "1.2.3", Doc: "Tests the SDK.", Kinds: []Kind{
		NotifierOf(none{}, func(context.Context, none, Instance) (Notifier, error) { return nil, nil }),
		LogSinkOf(none{}, func(context.Context, none, Instance) (LogSink, error) { return nil, nil }),
		NamespaceOf(none{}, func(context.Context, none, Instance) (Namespace, error) { return nil, nil }),
	}}
}

func TestTheCommandLine(t *testing.T) {
	shout := tester()
	shout.Name, shout.Doc = "shout", "Shouts."
	for _, c := range []struct {
		name   string
		args   []string
		status int
		out    string
	}{
		{"by hand", []string{"/x/tester"}, 2, "This is tester 1.2.3, a plugin of Hark (notifier, logsink, namespace): Tests the SDK."},
		{"by a name that no plugin has", []string{"supervisor-plugins", "shot"}, 2, `no plugin is called "shot"`},
		{"without a name", []string{"supervisor-plugins"}, 2, "  shout        Shouts."},
		{"the list", []string{"supervisor-plugins", "--list"}, 0, "tester\nshout\n"},
		{"the version", []string{"supervisor-plugins", "shout", "--version"}, 0, "shout 1.2.3\n"},
		{"as a link", []string{"/usr/lib/hark/hark-shout", "--version"}, 0, "shout 1.2.3\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(wire.Cookie, "")
			var out bytes.Buffer
			status := runOneOf([]Plugin{tester(), shout}, c.args, &out, &out, &out)
			if status != c.status || !strings.Contains(out.String(), c.out) {
				t.Errorf("status %d, output:\n%s", status, &out)
			}
		})
	}
}

func TestDescribeOnTheCommandLine(t *testing.T) {
	var out bytes.Buffer
	if status := run(tester(), []string{"--describe"}, nil, &out, &out); status != 0 {
		t.Fatalf("status %d: %s", status, &out)
	}
	if doc, err := Describe(tester()); err != nil || out.String() != string(doc) || !strings.Contains(out.String(), `"LOG_SINK"`) {
		t.Errorf("it prints %s, not %s (%v)", &out, doc, err)
	}
}

func TestAnIllMadePluginSaysSo(t *testing.T) {
	for want, change := range map[string]func(*Plugin){
		"not a name of a plugin": func(p *Plugin) { p.Name = "A/b" },
		"has a version":          func(p *Plugin) { p.Version = "" },
		"there twice":            func(p *Plugin) { p.Kinds = append(p.Kinds, p.Kinds[0]) },
		"are made by":            func(p *Plugin) { p.Kinds = []Kind{{name: wire.Notifier}} },
	} {
		p := tester()
		change(&p)
		var out bytes.Buffer
		if status := run(p, nil, nil, &out, &out); status != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("status %d, %s; want %s", status, &out, want)
		}
	}
}
