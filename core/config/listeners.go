package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

// defaultResultHandler is the one result handler there is.
const defaultResultHandler = "supervisor.dispatchers:default_handler"

func (l *loader) readListener(section, name string) *Group {
	get := func(key string) setting { return l.get(section, key, l.here) }
	g := &Group{Name: name, Kind: ListenerGroup, Listener: &Listener{}}
	// Listeners start first and stop last, so that they hear of all the rest.
	g.Priority = l.integer(get("priority"), -1)

	size := get("buffer_size")
	g.Listener.BufferSize = l.integer(size, 10)
	if g.Listener.BufferSize < 1 {
		l.reject(section, "buffer_size", fmt.Sprintf("[%s] section sets invalid buffer_size (%d)", section, g.Listener.BufferSize),
			fmt.Sprintf("cannot use %d; accepted: 1 or more", g.Listener.BufferSize))
	}

	handler := get("result_handler")
	g.Listener.ResultHandler = l.text(handler, defaultResultHandler)
	if entryPoint(g.Listener.ResultHandler) != defaultResultHandler {
		const why = "it is Python, which Hark does not run"
		l.reject(section, "result_handler",
			fmt.Sprintf("%s cannot be resolved within [%s]: %s", g.Listener.ResultHandler, section, why),
			fmt.Sprintf("cannot use %q: %s; accepted: %s", g.Listener.ResultHandler, why, defaultResultHandler))
	}

	g.Listener.Events = l.events(get("events"))

	if l.boolean(get("redirect_stderr"), false) {
		l.reject(section, "redirect_stderr", fmt.Sprintf("[%s] section sets redirect_stderr=true but this is not allowed because it will "+
			"interfere with the eventlistener protocol", section),
			"cannot be true: a listener's stdout belongs to the protocol; accepted: false")
	}
	g.Processes = l.processes(section, name)
	return g
}

// events reads the subscribed types: any case, each once, in the order written.
// (Supervisor keeps them in a set and so in no order.)
func (l *loader) events(v setting) []eventlistener.Type {
	names := stringList(strings.ToUpper(l.text(v, "")))
	if len(names) == 0 && v.state != broken {
		l.reject(v.section, "events", fmt.Sprintf(`[%s] section requires an "events" line`, v.section),
			"there is no event to listen for; accepted: "+EventList.Accepts())
	}
	var types []eventlistener.Type
	for _, name := range names {
		t, ok := eventlistener.ParseType(name)
		if !ok {
			l.reject(v.section, "events", fmt.Sprintf("Unknown event type %s in [%s] events", name, v.section),
				fmt.Sprintf("there is no event type %q; accepted: EVENT, PROCESS_STATE, TICK_60 and the like", name))
			continue
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}
