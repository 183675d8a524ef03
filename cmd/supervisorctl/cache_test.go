package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/shlex"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func TestCacheActions(t *testing.T) {
	t.Parallel()
	long := []any{}
	for range 9 {
		long = append(long, "0123456789")
	}
	url := fakeServer(t, methods{
		"cache.clear": true, "cache.getCount": 2, "cache.delete": true, "cache.store": true,
		"cache.fetch": "it's", "cache.getKeys": long,
	}.ServeHTTP)
	conf := filepath.Join(shortDir(t), "supervisord.conf")
	if err := os.WriteFile(conf, []byte("[supervisorctl]\nserverurl="+url+"\n[ctlplugin:memory]\nsupervisor.ctl_factory = supervisor_cache.controllerplugin : make_cache_controllerplugin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		out  string
	}{
		{[]string{"cache_clear"}, ""},
		{[]string{"cache_clear", "all"}, "cache_clear\tClear all items from the cache.\n"},
		{[]string{"cache_count"}, "2\n"},
		{[]string{"cache_delete", "'a key'"}, ""},
		{[]string{"cache_delete", "a", "key"}, "cache_delete <key>\tDelete the item cached at <key>.\n"},
		{[]string{"cache_fetch", "key"}, "\"it's\"\n"},
		{[]string{"cache_keys"}, "['0123456789'" + strings.Repeat(",\n '0123456789'", 8) + "]\n"},
		{[]string{"cache_store", "key", "value"}, ""},
		{[]string{"cache_store", "key", "'value"}, "error: <class 'ValueError'>, No closing quotation\n"},
		{[]string{"help", "cache_keys"}, "cache_keys\tList the keys of all items in the cache.\n"},
	} {
		out, errs, _ := ctl(t, "", append([]string{"-c", conf}, c.args...)...)
		if out != c.out || errs != "" {
			t.Errorf("%v: %q, on standard error %q", c.args, out, errs)
		}
	}
	out, _, _ := ctl(t, "", "-c", conf, "help")
	if !strings.Contains(out, "\nmemory commands (type help <topic>):\n====================================\ncache_clear  cache_count  cache_delete  cache_fetch  cache_keys  cache_store\n\n") {
		t.Errorf("help: %s", out)
	}
	if out, _, _ = ctl(t, "", "-s", url, "cache_count"); out != "*** Unknown syntax: cache_count\n" {
		t.Errorf("without the section: %q", out)
	}
}

// TestWordsAndValuesAreThoseOfPython asks Python itself.
func TestWordsAndValuesAreThoseOfPython(t *testing.T) {
	t.Parallel()
	lines := []string{"", " ", "a b", " a\t b ", `'a b' "c d"`, `a"b"'c'd`, `''`, `"" x`, `a\ b`, `"a\"b\\c\d"`, `'a\b'`, `a\`, `"a`, `'`, `"a\`, `#x y#z`, `é 'ü'`, `\n`}
	const script = `
import json, shlex, sys
for line in json.loads(sys.argv[1]):
    try:
        print(json.dumps(shlex.split(line)))
    except ValueError as e:
        print(json.dumps(str(e)))
for v in (None, True, False, 7, 0.5, 2.0, 1e16, 1e300, "a'b", [], [1, "x", [None]], {"b": 1, "a": "x"}):
    print(repr(dict(sorted(v.items()))) if isinstance(v, dict) else repr(v))
`
	arg, err := json.Marshal(lines)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("/usr/bin/python3", "-c", script, string(arg)).Output()
	if err != nil {
		t.Fatalf("%v; make test installs what the tests need", err)
	}
	want := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	for i, line := range lines {
		var expected any
		if err := json.Unmarshal([]byte(want[i]), &expected); err != nil {
			t.Fatal(err)
		}
		words, err := shlex.Split(line)
		var got any
		if err == nil {
			all := []any{}
			for _, w := range words {
				all = append(all, w)
			}
			got = all
		} else {
			got = err.Error()
		}
		if repr(got) != repr(expected) {
			t.Errorf("%q is split into %v, Python: %v", line, got, expected)
		}
	}
	for i, v := range []any{nil, true, false, 7, 0.5, 2.0, 1e16, 1e300, "a'b", []any{}, []any{1, "x", []any{nil}}, xmlrpc.Struct{{Name: "b", Value: 1}, {Name: "a", Value: "x"}}} {
		if got := repr(v); got != want[len(lines)+i] {
			t.Errorf("%v is shown as %s, by Python as %s", v, got, want[len(lines)+i])
		}
	}
}
