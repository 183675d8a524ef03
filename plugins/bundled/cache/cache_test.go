package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/internal/testkit"
	"github.com/hark-supervisor/hark/sdk"
	"github.com/hark-supervisor/hark/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// made is the cache of a section.
func made(t *testing.T, all *stores, change func(*config)) *namespace {
	t.Helper()
	c := defaults()
	if change != nil {
		change(&c)
	}
	s, err := all.claim("x", &c, hclog.NewNullLogger())
	if err != nil {
		t.Fatal(err)
	}
	return &namespace{s, all, "x"}
}

func none() *stores { return &stores{byName: map[string]*store{}} }

func (n *namespace) must(t *testing.T, method string, params ...any) any {
	t.Helper()
	v, err := n.Call(t.Context(), method, params)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return v
}

func (n *namespace) stat(t *testing.T, name string) any {
	t.Helper()
	for _, m := range n.must(t, "getStats").(sdk.Struct) {
		if m.Name == name {
			return m.Value
		}
	}
	t.Fatalf("there is no %s", name)
	return nil
}

func TestAFullCacheRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		set   func(*config)
		value any
	}{
		"items": {func(c *config) { c.MaxItems = 2 }, "v"},
		"bytes": {func(c *config) { c.MaxBytes = 1024 }, strings.Repeat("v", 256)},
	} {
		t.Run(name, func(t *testing.T) {
			n := made(t, none(), c.set)
			n.must(t, "store", "a", c.value)
			n.must(t, "store", "b", c.value)
			var f *sdk.Fault
			if _, err := n.Call(t.Context(), "store", []any{"c", c.value}); !errors.As(err, &f) || f.Code != 30 || !strings.HasPrefix(f.Text, "FAILED: the cache is full: ") {
				t.Errorf("%v", err)
			}
			n.must(t, "store", "a", "less") // in the place of what was there
			if keys := n.must(t, "getKeys"); !reflect.DeepEqual(keys, []string{"a", "b"}) || n.stat(t, "refused") != int64(1) || n.stat(t, "evicted") != int64(0) {
				t.Errorf("%v", keys)
			}
			n.must(t, "delete", "b")
			n.must(t, "store", "c", c.value)
			n.must(t, "clear")
			if n.stat(t, "bytes") != int64(0) || n.stat(t, "count") != 0 {
				t.Error("what is cleared still counts")
			}
		})
	}
}

func TestAFullCacheMakesRoom(t *testing.T) {
	n := made(t, none(), func(c *config) { c.MaxItems, c.MaxBytes, c.WhenFull = 3, 4096, "evict" })
	for _, k := range []string{"a", "b", "c"} {
		n.must(t, "store", k, k)
	}
	n.must(t, "fetch", "a")
	n.must(t, "store", "d", "d") // b was used longest ago
	if keys := n.must(t, "getKeys"); !reflect.DeepEqual(keys, []string{"a", "c", "d"}) {
		t.Errorf("%v", keys)
	}
	n.must(t, "store", "c", strings.Repeat("c", 3500)) // needs the place of others, not its own
	if keys := n.must(t, "getKeys"); !slices.Contains(keys.([]string), "c") || n.stat(t, "bytes").(int64) > 4096 {
		t.Errorf("%v", keys)
	}
	before := n.stat(t, "count")
	if _, err := n.Call(t.Context(), "store", []any{"a", strings.Repeat("a", 5000)}); err == nil { // it would not fit into an empty one
		t.Error("an item larger than all is taken")
	}
	if n.stat(t, "count") != before || n.stat(t, "refused") != int64(1) || n.stat(t, "evicted") == int64(0) {
		t.Errorf("%v", n.must(t, "getStats"))
	}
}

func TestKeysFitIntoOneAnswer(t *testing.T) {
	n := made(t, none(), func(c *config) { c.MaxBytes = 1 << 30 })
	for i := range 3 {
		n.must(t, "store", fmt.Sprint(i)+strings.Repeat("k", 1<<20), "")
	}
	var f *sdk.Fault
	if _, err := n.Call(t.Context(), "store", []any{"3" + strings.Repeat("k", 1<<20), ""}); !errors.As(err, &f) || !strings.Contains(f.Text, "keys") {
		t.Errorf("%v", err)
	}
	n.must(t, "store", "0"+strings.Repeat("k", 1<<20), "again")
}

func values() map[string]any {
	return map[string]any{
		"text": "a\n<\u2028>&", "empty": "", "int": -7, "large": 1 << 40, "double": 0.1, "whole": 2.0, "true": true, "nil": nil, "bytes": []byte{0, 255},
		"time": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "array": []any{1, []any{}, "x"}, "struct": map[string]any{"a": map[string]any{}, "int": []any{2.5}, "base64": []byte{0}},
	}
}

func TestAFileKeepsEveryValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.json")
	with := func(c *config) { c.File, c.WhenFull, c.MaxItems = path, "evict", 12 }
	n := made(t, none(), with)
	want := values()
	n.must(t, "store", "oldest", "x")
	for k, v := range want {
		n.must(t, "store", k, v)
	}
	n.must(t, "fetch", "int") // used last: the order is kept, too
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", st, err)
	}
	n = made(t, none(), with)
	for k, v := range want {
		if got := n.must(t, "fetch", k); !reflect.DeepEqual(got, v) {
			t.Errorf("%s: %#v, want %#v", k, got, v)
		}
	}
	if err := n.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("files left: %v %v", left, err)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "other": "[supervisord]\nnodaemon=true\n", "cut": format + "\n" + `{"key":"a","value":"b"}` + "\n" + `{"key":"c","va`,
		"no type": format + "\n" + `{"key":"a","value":"b"}` + "\n" + `{"key":"c","value":{"x":"y"}}` + "\n", "number": format + "\n" + `{"key":"c","value":7}` + "\n",
		"bad int": format + "\n" + `{"key":"c","value":{"int":"x"}}` + "\n", "no key": format + "\n" + `{"value":""}` + "\n",
		"deep": format + "\n" + `{"key":"c","value":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cache.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			n := made(t, none(), func(c *config) { c.File = path })
			want := strings.Count(text, `"a"`)
			if got := n.must(t, "getCount"); got != want {
				t.Errorf("%v items, want %d", got, want)
			}
			if b, err := os.ReadFile(path + ".damaged"); err != nil || string(b) != text {
				t.Errorf("set aside: %q %v", b, err)
			}
			n.must(t, "store", "k", "v")
			if err := n.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestASaveThatFailsIsToldAndTriedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	n := made(t, none(), func(c *config) { c.File = filepath.Join(dir, "cache.json") })
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	n.must(t, "store", "k", "v")
	testkit.Until(t, "the condition holds", func() bool { return n.Health() != nil })
	if got := n.stat(t, "trouble"); got != "cannot write the file: no such file or directory" || n.stat(t, "unsaved") != true {
		t.Errorf("%v", got)
	}
	if n.must(t, "fetch", "k") != "v" {
		t.Error("the cache does not go on")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	testkit.Until(t, "the condition holds", func() bool { return n.Health() == nil && n.stat(t, "unsaved") == false })
	if err := n.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestASectionThatChangesKeepsItsItems(t *testing.T) {
	dir, all := t.TempDir(), none()
	first, second := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	old := made(t, all, func(c *config) { c.File = first })
	old.must(t, "store", "k", "v")
	old.must(t, "store", "l", "w")
	change := func(set func(*config)) {
		t.Helper()
		next := made(t, all, set)
		if err := old.Close(t.Context()); err != nil {
			t.Error(err)
		}
		old = next
	}
	change(func(c *config) { c.File, c.MaxItems = second, 1 })
	if n := old.must(t, "getCount"); n != 2 {
		t.Errorf("%v items", n)
	}
	if _, err := old.Call(t.Context(), "store", []any{"m", ""}); err == nil {
		t.Error("a bound that is smaller now is not kept")
	}
	c := defaults()
	c.File = first
	var wrong *sdk.ConfigError
	if _, err := all.claim("x", &c, hclog.NewNullLogger()); !errors.As(err, &wrong) || wrong.Key != "file" {
		t.Errorf("a file that is there already: %v", err)
	}
	if c.File = second; true {
		if _, err := all.claim("y", &c, hclog.NewNullLogger()); !errors.As(err, &wrong) || wrong.Key != "file" {
			t.Errorf("the file of another section: %v", err)
		}
	}
	change(nil)
	if old.must(t, "fetch", "k") != "v" {
		t.Error("it is gone without a file")
	}
	if err := old.Close(t.Context()); err != nil || len(all.byName) != 0 {
		t.Errorf("%v %v", err, all.byName)
	}
	for _, path := range []string{first, second} {
		if b, err := os.ReadFile(path); err != nil || !strings.Contains(string(b), `"key":"k"`) {
			t.Errorf("%q %v", b, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	n := made(t, none(), func(c *config) {
		c.MaxItems, c.WhenFull, c.File = 50, "evict", filepath.Join(t.TempDir(), "c")
	})
	done := make(chan error, 8)
	for w := range cap(done) {
		go func() {
			var err error
			for i := range 200 {
				key := fmt.Sprint("k", (w*31+i)%90)
				_, e := n.Call(context.Background(), "store", []any{key, strings.Repeat("v", i)})
				_, _ = n.Call(context.Background(), "fetch", []any{key})
				_, _ = n.Call(context.Background(), "delete", []any{fmt.Sprint("k", i)})
				_, _ = n.Call(context.Background(), "getStats", nil)
				_, _ = n.Call(context.Background(), "getKeys", nil)
				err = errors.Join(err, e)
			}
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var bytes int64
	for _, i := range n.store.items() {
		bytes += i.bytes
	}
	if n.stat(t, "bytes") != bytes || n.stat(t, "count").(int) > 50 {
		t.Errorf("%v, and %d bytes", n.must(t, "getStats"), bytes)
	}
	if err := n.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConformance(t *testing.T) {
	key := sdktest.Call{Method: "store", Params: []any{"k", map[string]any{"a": 1}}, Want: true}
	sdktest.TestNamespace(t, Plugin(), sdktest.NamespaceOptions{
		Options: sdktest.Options{
			Values: map[string]string{},
			Late: map[string]string{
				"no directory": "it is about a directory",
				"a directory":  "it is about a file",
			},
			Bad: []sdktest.Bad{
				{Name: "no items", Set: map[string]string{"max_items": "0"}, Key: "max_items"},
				{Name: "too many", Set: map[string]string{"max_items": "1000001"}, Key: "max_items"},
				{Name: "too small", Set: map[string]string{"max_bytes": "1023"}, Key: "max_bytes"},
				{Name: "too large", Set: map[string]string{"max_bytes": "2GB"}, Key: "max_bytes"},
				{Name: "no policy", Set: map[string]string{"when_full": "panic"}, Key: "when_full"},
				{Name: "a relative file", Set: map[string]string{"file": "cache.json"}, Key: "file"},
				{Name: "no directory", Set: map[string]string{"file": "/nonexistent/cache"}, Key: "file"},
				{Name: "a directory", Set: map[string]string{"file": os.TempDir()}, Key: "file"},
			},
		},
		Calls: []sdktest.Call{
			key, {Method: "getAPIVersion", Want: "0.2"}, {Method: "fetch", Params: []any{""}, Fault: 10}, {Method: "fetch", Params: []any{7}, Fault: 10},
			{Method: "fetch", Params: []any{"nothing"}, Fault: 10}, {Method: "delete", Params: []any{"nothing"}, Want: true}, {Method: "getKeys"}, {Method: "getStats"},
		},
	})
}
