// Package cache is the plugin that keeps values under keys for whoever asks: the methods of the well-known supervisor_cache, with
// bounds and, if wanted, a file that outlives the process. README.md has the keys and the methods.
package cache

import (
	"context"
	"fmt"

	"github.com/hark-supervisor/hark/sdk"
)

const (
	// version is the plugin's own.
	version = "1.0.0"
	// apiVersion is what getAPIVersion answers (supervisor_cache/rpcinterface.py, API_VERSION).
	apiVersion = "0.2"
)

// The faults of Supervisor that the methods answer with (supervisor/xmlrpc.py, Faults).
const (
	badName = 10
	failed  = 30
)

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	open := &stores{byName: map[string]*store{}}
	return sdk.Plugin{
		Name: "cache", Version: version, Doc: "Keeps values under keys, as supervisor_cache does.",
		Kinds: []sdk.Kind{sdk.NamespaceOf(defaults(), func(_ context.Context, c config, i sdk.Instance) (sdk.Namespace, error) {
			s, err := open.claim(i.Name, &c, i.Log)
			if err != nil {
				return nil, err
			}
			return &namespace{store: s, stores: open, name: i.Name}, nil
		})},
	}
}

// namespace is the cache of one section. It is sdk.Namespace's, sdk.Closer's and sdk.HealthChecker's.
type namespace struct {
	store  *store
	stores *stores
	name   string
}

// Methods is sdk.Namespace's. The types are those that supervisor_cache declares; data may be of any type, there too.
func (n *namespace) Methods() []sdk.Method {
	key := sdk.Param{Type: "string", Name: "key", Help: "the key, not empty"}
	done := sdk.Param{Type: "boolean", Name: "result", Help: "true, or a fault"}
	return []sdk.Method{
		{
			Name: "getAPIVersion", ReadOnly: true, Returns: sdk.Param{Type: "string", Name: "version", Help: "the version of supervisor_cache's interface"},
			Help: "Return the version of the interface.",
		},
		{
			Name: "getKeys", ReadOnly: true, Returns: sdk.Param{Type: "array", Name: "keys", Help: "the keys, sorted"},
			Help: "Return the keys of everything in the cache.",
		},
		{
			Name: "getCount", ReadOnly: true, Returns: sdk.Param{Type: "int", Name: "count", Help: "how many items there are"},
			Help: "Count the items in the cache.",
		},
		{
			Name: "store", Params: []sdk.Param{key, {Type: "string", Name: "data", Help: "what to keep: a string, or any other value of XML-RPC"}}, Returns: done,
			Help: "Keep data under a key, in place of what was there.\nA cache that is full answers FAILED, or makes room, as when_full of its section says.",
		},
		{
			Name: "fetch", ReadOnly: true, Params: []sdk.Param{key}, Returns: sdk.Param{Type: "string", Name: "data", Help: "what was stored, of the type it had; BAD_NAME where nothing is"},
			Help: "Return the data under a key.",
		},
		{
			Name: "delete", Params: []sdk.Param{key}, Returns: done,
			Help: "Forget what is kept under a key, if anything.",
		},
		{
			Name: "clear", Returns: done,
			Help: "Forget everything.",
		},
		{
			Name: "getStats", ReadOnly: true,
			Returns: sdk.Param{Type: "struct", Name: "stats", Help: "count, bytes, max_items, max_bytes, when_full, evicted, refused, file, unsaved, trouble"},
			Help:    "Return how full the cache is, and how many items were refused or evicted.\nOnly Hark has this method.",
		},
	}
}

// Call implements sdk.Namespace.
func (n *namespace) Call(_ context.Context, method string, params []any) (any, error) {
	switch method {
	case "getAPIVersion":
		return apiVersion, nil
	case "getKeys":
		return n.store.keys(), nil
	case "getCount":
		return n.store.count(), nil
	case "getStats":
		return n.store.stats(), nil
	case "clear":
		n.store.clear()
		return true, nil
	}
	key, ok := asText(params[0]).(string)
	if !ok || key == "" {
		return nil, &sdk.Fault{Code: badName, Text: "BAD_NAME: Cache key must be a non-empty string"}
	}
	switch method {
	case "fetch":
		value, ok := n.store.fetch(key)
		if !ok {
			return nil, &sdk.Fault{Code: badName, Text: "BAD_NAME"}
		}
		return value, nil
	case "delete":
		n.store.remove(key)
	case "store":
		if err := n.store.put(key, asText(params[len(params)-1])); err != nil {
			return nil, &sdk.Fault{Code: failed, Text: fmt.Sprintf("FAILED: %v", err)}
		}
	}
	return true, nil
}

// Close is sdk.Closer's. A cache without a file is gone with its last instance.
func (n *namespace) Close(ctx context.Context) error { return n.stores.leave(ctx, n.name, n.store) }

// Health implements sdk.HealthChecker.
func (n *namespace) Health() error { return n.store.health() }
