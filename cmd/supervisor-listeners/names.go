package main

import (
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

// named reports whether a process is one of those that options name: by its name, by
// group:name, or by a pattern such as group:*.
func named(list []string, group, name string) bool {
	for _, spec := range list {
		if spec == name || spec == group+":"+name {
			return true
		}
		if !strings.ContainsAny(spec, "*?[") {
			continue
		}
		if p, err := eventlistener.ParsePrograms([]string{spec}); err == nil && p.Match(group, name) {
			return true
		}
	}
	return false
}
