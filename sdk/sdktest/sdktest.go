// Package sdktest tests whether a plugin keeps its side of the contract. The author of a plugin runs it from a test:
//
//	func TestConformance(t *testing.T) {
//		server := httptest.NewServer(...)
//		defer server.Close()
//		sdktest.TestNotifier(t, Plugin(), sdktest.Options{Values: map[string]string{"url": server.URL}})
//	}
//
// It checks the plugin's description, that errors about bad sections name the key, that deadlines are kept, that
// instances do not hinder each other, that a removed instance is flushed, health, stop, and that errors and log lines
// never contain a secret. All tests run twice: with the plugin in the test's process, where a debugger and the race
// detector see it, and in a process of its own, as under the host: the test binary is started again and serves the plugin
// from the same call, so the code before that call runs in that process too. Plugins in other languages are tested by
// their command.
package sdktest

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// Patience is how long the tests wait for what must come. It only decides how late a plugin that hangs is found out.
const Patience = 60 * time.Second

// Options are the options that all tests have in common.
type Options struct {
	// Values are the keys of a section that works, for a service that the test has set up; secrets as they would be read from
	// their files. At least the required keys.
	Values map[string]string
	// Bad are sections that must be refused, beyond what the tests find out by themselves (unknown keys, missing ones, values that are
	// not of their type).
	Bad []Bad
	// Late says by the names of some that are Bad why only the plugin itself can refuse them. Where it is not nil, the tests check that the
	// plugin's description refuses all others: supervisorctl config check then reports them without running the plugin.
	Late map[string]string
	// Hang are the keys of a section whose service takes connections and never answers (see Hanging). nil: not tested.
	Hang map[string]string
	// Command starts the plugin, for one in another language: p is then not used, and the tests run once, with that process.
	Command func() *exec.Cmd
	// Instances is how many work at the same time; default 5.
	Instances int
}

// Bad is a section that must be refused.
type Bad struct {
	Name string            // of the subtest
	Set  map[string]string // keys that are set beside those of Options.Values; "\x00" as a value: not written
	Key  string            // the key that the error must be about; "" for any
}

// Unset as a value of Bad.Set takes a key out.
const Unset = "\x00"

// with is the working section with some keys changed.
func (o *Options) with(set map[string]string) map[string]string {
	values := map[string]string{}
	for k, v := range o.Values {
		values[k] = v
	}
	for k, v := range set {
		if values[k] = v; v == Unset {
			delete(values, k)
		}
	}
	return values
}

func (o *Options) instances() int {
	if o.Instances > 0 {
		return o.Instances
	}
	return 5
}

// run runs the tests that all kinds share, and then those of one kind, both ways.
func run(t *testing.T, p sdk.Plugin, kind wire.Kind, o Options, tests func(t *testing.T, s *session)) {
	t.Helper()
	if os.Getenv(serveVariable) == t.Name() {
		sdk.Serve(p) // this is the process that the test below has started
	}
	name := t.Name()
	var broken []string
	defer func() { summarize(t, broken, o) }()
	for _, way := range []struct {
		name  string
		start func(*testing.T) *session
	}{
		{"in this process", func(t *testing.T) *session { return serveHere(t, p) }},
		{"as a process", func(t *testing.T) *session { return startProcess(t, name) }},
		{"as a command", func(t *testing.T) *session { return start(t, o.Command()) }},
	} {
		if (o.Command != nil) != (way.name == "as a command") {
			continue
		}
		t.Run(way.name, func(t *testing.T) {
			s := way.start(t)
			s.kind, s.options = kind, o
			s.describe(t)
			if t.Failed() {
				return
			}
			defer func() { broken = append(broken, s.broken...) }()
			s.part(t, "bad sections are refused", s.refuses)
			s.part(t, "health", s.health)
			tests(t, s)
			s.part(t, "an instance that is removed is gone", s.remove)
			s.part(t, "stop", s.stop)
			s.part(t, "no secret shows", func(t *testing.T) { AssertLeaksNoSecret(t, s.heard(), s.secrets()...) })
		})
	}
}

// session is one plugin at work, and what was heard of it.
type session struct {
	*pluginrpc.Client
	kind        wire.Kind
	options     Options
	description pluginrpc.Description
	end         func(t *testing.T) // ends the plugin; only the process has one
	log         func() string
	pid         int      // of the plugin
	broken      []string // the parts that failed

	mu     sync.Mutex
	errors []string
}

func (s *session) note(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, err.Error())
}

// heard is everything that the plugin let out.
func (s *session) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.errors, "\n") + "\n" + s.log()
}

// secrets are the values of the secret keys.
func (s *session) secrets() []string {
	var found []string
	for _, f := range s.description.Kind(s.kind).Fields {
		if f.Secret {
			found = append(found, s.options.Values[f.Key], s.options.Hang[f.Key])
		}
	}
	return found
}

func daemon() sdk.Daemon {
	return sdk.Daemon{Identifier: "sdktest", Hostname: "host.example.org", Version: "0.1.0"}
}

func (s *session) configure(t *testing.T, name string, values map[string]string) ([]sdk.Method, error) {
	t.Helper()
	methods, err := s.Configure(testkit.Soon(t), s.kind, name, values, daemon(), "")
	s.note(err)
	return methods, err
}

// mustConfigure makes an instance of the section that works, which is removed when the test ends.
func (s *session) mustConfigure(t *testing.T, name string) []sdk.Method {
	t.Helper()
	methods, err := s.configure(t, name, s.options.Values)
	if err != nil {
		t.Fatalf("the section of Options.Values is refused: %v", err)
	}
	t.Cleanup(func() { s.note(s.Remove(testkit.Soon(t), s.kind, name)) })
	return methods
}

func (s *session) describe(t *testing.T) {
	t.Helper()
	d, err := s.Describe(testkit.Soon(t))
	if err != nil {
		t.Fatalf("it cannot describe itself: %v", err)
	}
	s.description = d
	k := d.Kind(s.kind)
	if k == nil {
		t.Fatalf("it is not a %s", s.kind)
	}
	if d.Doc == "" {
		t.Error("it has no Doc")
	}
	for _, f := range k.Fields {
		if f.Doc == "" {
			t.Errorf("the key %s has no doc", f.Key)
		}
		if !f.Secret && looksSecret(f.Key) {
			t.Errorf(`the key %s is not marked hark:"secret"`, f.Key)
		}
	}
	again, err := s.Describe(testkit.Soon(t))
	if err != nil || !reflect.DeepEqual(d, again) {
		t.Errorf("it describes itself in another way when asked again (%v)", err)
	}
}

func looksSecret(key string) bool {
	for _, word := range []string{"password", "passwd", "secret", "token"} {
		if key == word || strings.HasSuffix(key, "_"+word) {
			return true
		}
	}
	return false
}

// refuses checks that bad sections are refused by naming the key, without its value, and that they do no harm to the
// instance that is there.
func (s *session) refuses(t *testing.T) {
	s.mustConfigure(t, "kept")
	cases := []Bad{{"an unknown key", map[string]string{"no_such_key": "tell-no-value"}, "no_such_key"}}
	for _, f := range s.description.Kind(s.kind).Fields {
		if f.Required {
			cases = append(cases, Bad{f.Key + " is missing", map[string]string{f.Key: Unset}, f.Key})
		}
		if f.Type != pluginkeys.Text && f.Type != pluginkeys.List {
			cases = append(cases, Bad{f.Key + " is not of its type", map[string]string{f.Key: "tell-no-value"}, f.Key})
		}
	}
	for _, c := range append(cases, s.options.Bad...) {
		t.Run(c.Name, func(t *testing.T) {
			if s.options.Late != nil {
				early(t, pluginkeys.Check(s.description.Kind(s.kind).Fields, s.options.with(c.Set)), s.options.Late[c.Name])
			}
			_, err := s.configure(t, "kept", s.options.with(c.Set))
			var wrong *pluginkeys.Error
			switch {
			case err == nil:
				t.Error("it is taken")
			case !errors.As(err, &wrong):
				t.Errorf("the error is %v, not the plugin's no", err)
			case c.Key != "" && wrong.Key != c.Key:
				t.Errorf("the error is about the key %q, not %q: %v", wrong.Key, c.Key, err)
			case strings.Contains(err.Error(), "tell-no-value"):
				t.Errorf("the error tells the value: %v", err)
			}
		})
	}
	s.well(t, "kept")
}

// RefusedEarly checks that the tags alone, without Validate, refuse a configuration struct, given by its address; or else
// that late states the reason why they cannot.
func RefusedEarly(t *testing.T, config any, late string) {
	t.Helper()
	early(t, pluginkeys.CheckDescribed(config), late)
}

func early(t *testing.T, err error, late string) {
	t.Helper()
	switch {
	case err == nil && late == "":
		t.Error("the description does not refuse it, and there is no reason why it cannot")
	case err != nil && late != "":
		t.Errorf("the description refuses it (%v), so there is no reason that it cannot: %s", err, late)
	}
}

// well checks that the plugin is well and has the instance.
func (s *session) well(t *testing.T, name string) {
	t.Helper()
	all, err := s.Health(testkit.Soon(t))
	if err != nil {
		t.Fatalf("it does not tell its health: %v", err)
	}
	for _, i := range all {
		if i.Kind == s.kind && i.Name == name {
			if i.Trouble != "" {
				s.note(errors.New(i.Trouble))
				t.Errorf("%s is not well: %s", name, i.Trouble)
			}
			return
		}
	}
	t.Errorf("%s is not among its instances: %+v", name, all)
}

func (s *session) health(t *testing.T) {
	s.mustConfigure(t, "one")
	s.mustConfigure(t, "one") // its section has changed: the new instance takes the old one's place
	s.mustConfigure(t, "two")
	s.well(t, "one")
	s.well(t, "two")
}

func (s *session) remove(t *testing.T) {
	s.mustConfigure(t, "gone")
	for range 2 { // the second call finds nothing, which is not an error
		if err := s.Remove(testkit.Soon(t), s.kind, "gone"); err != nil {
			s.note(err)
			t.Errorf("it cannot be removed: %v", err)
		}
	}
	all, err := s.Health(testkit.Soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Kind == s.kind && i.Name == "gone" {
			t.Error("it is still there")
		}
	}
	s.mustConfigure(t, "gone") // and can come back
}

func (s *session) stop(t *testing.T) {
	s.mustConfigure(t, "last")
	if err := s.Stop(testkit.Soon(t)); err != nil {
		t.Errorf("it cannot stop: %v", err)
	}
	if s.end != nil {
		s.end(t)
	}
}
