package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
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
	conf := filepath.Join(testkit.Dir(t), "supervisord.conf")
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
