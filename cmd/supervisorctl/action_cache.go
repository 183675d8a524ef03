package main

import (
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// cacheActions are those of supervisor_cache's controller plugin; the server needs
// the namespace, [rpcinterface:cache].
func cacheActions() []Action {
	return []Action{
		cacheAction("clear", "cache_clear\tClear all items from the cache.", 0, "clear", nil),
		cacheAction("count", "cache_count\tGet a count of all items in the cache.", 0, "getCount", repr),
		cacheAction("delete", "cache_delete <key>\tDelete the item cached at <key>.", 1, "delete", nil),
		cacheAction("fetch", "cache_fetch <key>\tFetch the item cached at <key>.", 1, "fetch", prettyRepr),
		cacheAction("keys", "cache_keys\tList the keys of all items in the cache.", 0, "getKeys", prettyRepr),
		cacheAction("store", "cache_store <key> <value>\tStore <value> in the cache at <key>.", 2, "store", nil),
	}
}

// cacheAction is one of them: it takes a number of words, calls a method with
// them and shows the answer, if show is not nil.
func cacheAction(verb, help string, words int, method string, show func(v any) string) Action {
	return Action{Name: "cache_" + verb, Help: help, Complete: completeNothing, JSON: textOnly(), Run: func(r *run, arg string) (answer, error) {
		given, err := pytext.Split(arg)
		if err != nil {
			return answer{}, err
		}
		if len(given) != words {
			return answer{text: help + "\n"}, nil
		}
		args := make([]any, words)
		for i, word := range given {
			args[i] = word
		}
		v, err := r.server.call(r.ctx, "cache."+method, args...)
		if err == nil && show != nil {
			return answer{text: show(v) + "\n"}, nil
		}
		return answer{}, err
	}}
}

// repr is a value as Python shows it.
func repr(v any) string { return pytext.Printer{Sorted: true}.Repr(v) }

// prettyRepr is repr, with the items of a list under one another where one line
// would be longer than 80 characters (pprint.pformat; it breaks long strings too,
// which we leave whole so that they can be copied).
func prettyRepr(v any) string {
	text := repr(v)
	list, ok := v.([]any)
	if !ok || len([]rune(text)) <= 80 {
		return text
	}
	parts := make([]string, len(list))
	for i := range list {
		parts[i] = repr(list[i])
	}
	return "[" + strings.Join(parts, ",\n ") + "]"
}
