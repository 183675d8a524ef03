package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// The section that people have, with the client that they have.
func TestTheCacheIsThatOfSupervisor(t *testing.T) {
	d, c := startDaemon(t, `
[rpcinterface:cache]
supervisor.rpcinterface_factory = supervisor_cache.rpcinterface:make_cache_rpcinterface
[program:slow]
command = /bin/sh -c 'trap "" TERM; touch DIR/trapped; until [ -e DIR/go ]; do sleep 0.1; done'
stopwaitsecs = 30
`)
	untilThere(t, c, "cache.getKeys")
	python(t, d, `
same(s.cache.getAPIVersion(), "0.2")
same(s.cache.getKeys(), [])
same(s.cache.getCount(), 0)
same(s.cache.store("b", "two"), True)
same(s.cache.store("a", "one"), True)
same(s.cache.store("ü", "grün & <b>"), True)
same(s.cache.getKeys(), ["a", "b", "ü"])
same(s.cache.getCount(), 3)
same(s.cache.fetch("b"), "two")
same(s.cache.fetch("ü"), "grün & <b>")
same(s.cache.store("b", "other"), True)
same(s.cache.fetch("b"), "other")
same(s.cache.getCount(), 3)
same(s.cache.delete("b"), True)
same(s.cache.delete("b"), True)
same(fault(s.cache.fetch, "b"), (10, "BAD_NAME"))
for value in (1, -2**31, 2**31-1, True, False, 0.5, 2.0, "", " a ", [], [1, "x", [2.5, {"y": False}]], {}, {"a": {"b": [True]}},
              xmlrpc.client.DateTime("20260102T03:04:05")):
    same(s.cache.store("any", value), True)
    same(s.cache.fetch("any"), value)
# base64 that is text is a string before a method sees it, there too
s.cache.store(xmlrpc.client.Binary(b"key"), [xmlrpc.client.Binary(b"text")])
same(s.cache.fetch("key"), ["text"])
s.cache.store("bytes", xmlrpc.client.Binary(b"\x00\xff"))
same(s.cache.fetch("bytes").data, b"\x00\xff")
bad = (10, "BAD_NAME: Cache key must be a non-empty string")
for key in ("", 1, True, 0.5, [], {}, ["a"], xmlrpc.client.Binary(b"\xff"), xmlrpc.client.DateTime("20260102T03:04:05")):
    same(fault(s.cache.store, key, "x"), bad)
    same(fault(s.cache.fetch, key), bad)
    same(fault(s.cache.delete, key), bad)
for f, args in ((s.cache.store, ("a",)), (s.cache.store, ("a", "b", "c")), (s.cache.fetch, ()), (s.cache.clear, (1,)), (s.cache.getKeys, ("a",))):
    same(fault(f, *args), (2, "INCORRECT_PARAMETERS"))
same(fault(s.cache.nothing), (1, "UNKNOWN_METHOD"))
same(s.cache.clear(), True)
same(s.cache.getKeys(), [])
same(s.system.methodSignature("cache.store"), ["boolean", "string", "string"])
names = [n for n in s.system.listMethods() if n.startswith("cache.")]
same(names, ["cache." + n for n in ("clear", "delete", "fetch", "getAPIVersion", "getCount", "getKeys", "getStats", "store")])
assert all("@return" in s.system.methodHelp(n) for n in names)
calls = [("store", ["m", [1]]), ("fetch", ["m"]), ("fetch", ["none"]), ("getCount", [])]
same(s.system.multicall([{"methodName": "cache." + name, "params": params} for name, params in calls]),
     [True, [1], {"faultCode": 10, "faultString": "BAD_NAME"}, 1])
`)
	// a program that does not end holds the daemon in shutdown
	daemontest.Until(t, "the program has its trap", func() bool {
		_, err := os.Stat(filepath.Join(d.Dir, "trapped"))
		return err == nil
	})
	if err := c.Call(t.Context(), "supervisor.shutdown", nil); err != nil {
		t.Fatal(err)
	}
	daemontest.Until(t, "the daemon is in shutdown", func() bool {
		return client.IsFault(c.Call(t.Context(), "supervisor.getState", nil), client.ShutdownState)
	})
	wantFault(t, c, client.ShutdownState, "SHUTDOWN_STATE", "cache.getKeys")
	if err := os.WriteFile(filepath.Join(d.Dir, "go"), nil, 0o600); err != nil {
		t.Error(err)
	}
	d.Wait()
}

func pluginPID(t *testing.T, c *client.Client, name string) int {
	t.Helper()
	var all []struct {
		Name string `xmlrpc:"name"`
		PID  int    `xmlrpc:"pid"`
	}
	if err := c.Call(t.Context(), "hark.getPlugins", &all); err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.Name == name {
			return p.PID
		}
	}
	return 0
}

func TestWhatOutlivesTheProcessOfACache(t *testing.T) {
	const sections = `
[rpcinterface:kept]
plugin = cache
file = DIR/kept.json
[rpcinterface:lost]
plugin = cache
`
	d, c := startDaemon(t, sections)
	untilThere(t, c, "kept.store")
	untilThere(t, c, "lost.store")
	call := func(method string, args ...any) (v any) {
		t.Helper()
		if err := c.Call(t.Context(), method, &v, args...); err != nil {
			t.Errorf("%s: %v", method, err)
		}
		return v
	}
	for _, ns := range []string{"kept.", "lost."} {
		call(ns+"store", "k", []any{"v", 7, map[string]any{"x": 0.5}})
	}
	unsaved := func() any {
		stats, _ := call("kept.getStats").(map[string]any)
		return stats["unsaved"]
	}
	daemontest.Until(t, "it is saved", func() bool { return unsaved() == false })
	crash := func() {
		t.Helper()
		pid := pluginPID(t, c, "cache")
		if pid == 0 {
			t.Fatal("the plugin does not run")
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		daemontest.Until(t, "it is started again", func() bool {
			return pluginPID(t, c, "cache") != pid && c.Call(t.Context(), "kept.getCount", nil) == nil && c.Call(t.Context(), "lost.getCount", nil) == nil
		})
	}
	crash()
	if n := call("kept.getCount"); n != int64(1) {
		t.Errorf("the one with a file has %v items after a crash", n)
	}
	if n := call("lost.getCount"); n != int64(0) {
		t.Errorf("the one without a file has %v items after a crash", n)
	}
	// a change of the section keeps what is held
	call("lost.store", "k", "v")
	d.WriteConf(sections + "max_items = 7\n")
	call("supervisor.reloadConfig")
	call("supervisor.removeProcessGroup", "rpcinterface:lost")
	call("supervisor.addProcessGroup", "rpcinterface:lost")
	daemontest.Until(t, "the section is changed", func() bool {
		stats, _ := call("lost.getStats").(map[string]any)
		return stats["max_items"] == int64(7)
	})
	if v := call("lost.fetch", "k"); v != "v" {
		t.Errorf("after the change: %v", v)
	}
	// an orderly end saves at once
	call("kept.store", "late", "one")
	d.Stop()
	if s := d.File("kept.json"); !strings.Contains(s, `"late"`) {
		t.Errorf("%s", s)
	}
	d.Again()
	untilThere(t, c, "kept.fetch")
	if v := call("kept.fetch", "late"); v != "one" {
		t.Errorf("after a restart: %v", v)
	}
}
