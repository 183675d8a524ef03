package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// The result handlers that are built in: Supervisor's own, and that of the package
// supervisor-stdout, which containers use.
const (
	defaultResultHandler = "supervisor.dispatchers:default_handler"
	printResultHandler   = "supervisor_stdout:event_handler"
)

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
	switch entryPoint(g.Listener.ResultHandler) {
	case defaultResultHandler:
	case printResultHandler:
		g.Listener.PrintResults = true
	default:
		const why = "it is Python, which Hark does not run"
		l.reject(section, "result_handler",
			fmt.Sprintf("%s cannot be resolved within [%s]: %s", g.Listener.ResultHandler, section, why),
			fmt.Sprintf("cannot use %q: %s; accepted: %s or %s", g.Listener.ResultHandler, why, defaultResultHandler, printResultHandler))
	}

	g.Listener.Events = l.events(get("events"))

	if l.boolean(get("redirect_stderr"), false) {
		l.reject(section, "redirect_stderr", fmt.Sprintf("[%s] section sets redirect_stderr=true but this is not allowed because it will "+
			"interfere with the eventlistener protocol", section),
			"cannot be true: a listener's stdout belongs to the protocol; accepted: false")
	}
	g.Processes = l.processes(section, name)
	l.own(func() { l.listenerOptions(g.Listener, get) })
	return g
}

// maxAckTimeout bounds ack_timeout, in seconds: a year.
const maxAckTimeout = 365 * 24 * 3600

// listenerOptions reads the keys of Hark's own.
func (l *loader) listenerOptions(to *Listener, get func(string) setting) {
	to.Programs = convert(l, get("programs"), nil, func(s string) (*eventlistener.Programs, error) {
		return eventlistener.ParsePrograms(stringList(s))
	})
	to.Overflow = convert(l, get("overflow"), eventlistener.DiscardOldest, named(eventlistener.ParseOverflow))
	l.spoolOptions(to, get)
	to.MaxInFlight = l.bounded(get("max_in_flight"), 1, 1, eventlistener.MaxInFlightLimit)
	to.AckTimeout = time.Duration(l.bounded(get("ack_timeout"), 0, 0, maxAckTimeout)) * time.Second
	to.MaxDeliveries = l.bounded(get("max_deliveries"), 0, 0, math.MaxInt32)
	to.RestartOnError = convert(l, get("on_protocol_error"), false, named(func(s string) (bool, bool) {
		return s == "restart", s == "restart" || s == "unknown"
	}))
	to.Stdin = l.boolean(get("stdin"), false)
	to.Payload = convert(l, get("payload"), eventlistener.SupervisorForm, named(eventlistener.ParseForm))
}

// minSpoolBytes is the least spool_maxbytes; no event larger than half of that is
// kept.
const minSpoolBytes = 1 << 20

// spoolOptions reads the keys that say where events are kept with overflow=spool.
func (l *loader) spoolOptions(to *Listener, get func(string) setting) {
	to.SpoolDir, to.SpoolMaxBytes, to.SpoolSync = l.spool(to.Overflow == eventlistener.SpoolEvents, get)
}

// spool reads the keys of a spool, which mean something only where one is wanted.
func (l *loader) spool(wanted bool, get func(string) setting) (path string, maxBytes int64, waits bool) {
	dir, size, sync := get("spool_dir"), get("spool_maxbytes"), get("spool_sync")
	path = convert(l, dir, "", func(s string) (string, error) {
		if s == "" {
			return "", errors.New("cannot use no directory")
		}
		return l.paths.normalize(s), nil
	})
	maxBytes = convert(l, size, 64<<20, byteSize)
	if maxBytes < minSpoolBytes {
		l.reject(size.section, size.key, "", fmt.Sprintf("cannot use %s; accepted: 1MB or more", l.shown(size)))
	}
	waits = l.boolean(sync, false)
	if wanted {
		return path, maxBytes, waits
	}
	for _, v := range []setting{dir, size, sync} {
		if v.state == present {
			l.warn(v.section, v.key, "has no effect without overflow=spool")
		}
	}
	return "", 0, false
}

// named makes a conversion of a search by name; case means nothing.
func named[T any](find func(string) (T, bool)) func(string) (T, error) {
	return func(s string) (T, error) {
		t, ok := find(lower(s))
		if !ok {
			return t, fmt.Errorf("cannot use %q", s)
		}
		return t, nil
	}
}

// bounded is an integer from low to high.
func (l *loader) bounded(v setting, def, low, high int) int {
	n := l.integer(v, def)
	if n < low || n > high {
		l.reject(v.section, v.key, "", fmt.Sprintf("cannot use %d; accepted: %d to %d", n, low, high))
		return def
	}
	return n
}

// events reads the subscribed types: any case, each once, in the order written.
// (Supervisor keeps them in a set and so in no order.)
func (l *loader) events(v setting) []eventlistener.Type {
	names := stringList(strings.ToUpper(l.text(v, "")))
	if len(names) == 0 && v.state != broken {
		l.reject(v.section, v.key, fmt.Sprintf(`[%s] section requires an "events" line`, v.section),
			"there is no event to listen for; accepted: "+EventList.Accepts())
	}
	var types []eventlistener.Type
	for _, name := range names {
		t, ok := eventlistener.ParseType(name)
		if !ok {
			l.reject(v.section, v.key, fmt.Sprintf("Unknown event type %s in [%s] events", name, v.section),
				fmt.Sprintf("there is no event type %q; accepted: EVENT, PROCESS_STATE, TICK_60 and the like", name))
			continue
		}
		if !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}
