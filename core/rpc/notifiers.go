package rpc

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// Notifiers is what concerns notifiers and log sinks. Its methods may be called from any goroutine. An error that is
// ErrNoSuch becomes BAD_NAME, others BAD_ARGUMENTS with their text.
type Notifiers interface {
	Silence(s Silence, lasts time.Duration) (id int, err error)
	Silences() []Silence
	Unsilence(id int) error
	// TestNotifier sends a sample notification and waits for what becomes of it.
	TestNotifier(ctx context.Context, name string) (NotifierTest, error)
	LogSinks() []LogSink
}

// ErrNoSuch tells that there is nothing of the name or number asked for.
var ErrNoSuch = errors.New("there is none")

// Silence keeps notifiers from telling of some events.
type Silence struct {
	ID                          int
	Programs, Events, Notifiers []string // patterns, types, patterns; none: all
	Comment                     string
	Since, Until                time.Time
	Matched                     uint64
}

// NotifierTest is what became of a sample notification.
type NotifierTest struct {
	Outcome     string // delivered, retry, final or unavailable
	Error       string
	RetryAfter  time.Duration
	Title, Body string
	Took        time.Duration
}

// LogSink is how a sink does. Numbers are of bytes where nothing else is said.
type LogSink struct {
	Name, Overflow      string
	Programs            []string
	Stdout, Stderr      bool
	BufferBytes, Queued int64
	InFlight            int // batches
	Paused              int // channels of programs that are held back
	Accepted, Written   uint64
	Dropped             uint64
	Batches             uint64
	Redelivered         uint64 // batches
	Refused             uint64 // batches
	Violations, Streams uint64
	Defects             int // internal errors of its goroutines
	OldestAge           time.Duration
	LastError           string
	LastDelivery        time.Time    // of a batch that was written; zero: none was
	Spool               *spools.Info // nil: output waits in memory; for the metrics
}

// NotifierMethods are the methods of the hark namespace that concern notifiers and log sinks.
func NotifierMethods(n Notifiers) []Method {
	return []Method{
		{
			Name: "silence",
			Params: []Param{
				{"array", "programs", "patterns of namespecs such as web:*; empty for every event, those about no process too"},
				{"int", "seconds", "how long"},
				{"string", "comment", "for people"},
				{"array", "events", "event types, those below them too; empty or left out for all"},
				{"array", "notifiers", "patterns of names of notifiers; empty or left out for all"},
			},
			Optional: 2,
			Returns:  Param{"int", "id", "the number of the silence"},
			Help: "Silence notifications about some events for a time. Events that are held back are counted. A silence outlasts a changed\n" +
				"configuration, but not supervisord.",
			Call: func(_ context.Context, args []any) (any, error) { return silence(n, args) },
		},
		{
			Name: "getSilences", ReadOnly: true,
			Returns: Param{"array", "silences", "a struct for each, oldest first"},
			Help:    "Return the active silences.",
			Call: func(context.Context, []any) (any, error) {
				structs := []xmlrpc.Struct{}
				for _, s := range n.Silences() {
					structs = append(structs, silenceStruct(s))
				}
				return structs, nil
			},
		},
		{
			Name:    "unsilence",
			Params:  []Param{{"int", "id", "the number of the silence"}},
			Returns: Param{"boolean", "result", "true, or BAD_NAME if there is no such silence"},
			Help:    "End a silence before its time.",
			Call: func(_ context.Context, args []any) (any, error) {
				id, ok := args[0].(int)
				if !ok {
					return nil, incorrectParameters()
				}
				if err := n.Unsilence(id); err != nil {
					return nil, refusal(err, display(id))
				}
				return true, nil
			},
		},
		{
			Name:    "testNotifier",
			Params:  []Param{{"string", "name", "x of [notifier:x]"}},
			Returns: Param{"struct", "outcome", "outcome (delivered, retry, final or unavailable), error, retry_after, title, body, seconds"},
			Help:    "Send a sample notification at once, regardless of queue, silences and limits, and return the result.",
			Call: func(ctx context.Context, args []any) (any, error) {
				name, ok := text(args[0])
				if !ok {
					return nil, incorrectParameters()
				}
				t, err := n.TestNotifier(ctx, name)
				switch {
				case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
					return nil, err
				case err != nil:
					return nil, refusal(err, name)
				}
				return xmlrpc.Struct{
					{Name: "outcome", Value: t.Outcome},
					{Name: "error", Value: t.Error},
					{Name: "retry_after", Value: t.RetryAfter.Seconds()},
					{Name: "title", Value: t.Title},
					{Name: "body", Value: t.Body},
					{Name: "seconds", Value: t.Took.Seconds()},
				}, nil
			},
		},
		{
			Name: "getLogSinks", ReadOnly: true,
			Returns: Param{"array", "sinks", "a struct for each"},
			Help:    "Return the state of the log sinks: the output that waits, and the amount of the rest, in bytes.",
			Call: func(context.Context, []any) (any, error) {
				structs := []xmlrpc.Struct{}
				for _, k := range n.LogSinks() {
					structs = append(structs, sinkStruct(&k))
				}
				return structs, nil
			},
		},
	}
}

// refusal is the fault for an error of Notifiers.
func refusal(err error, given string) *xmlrpc.Fault {
	if errors.Is(err, ErrNoSuch) {
		return fault(BadName, given)
	}
	return fault(BadArguments, err.Error())
}

func silence(n Notifiers, args []any) (any, error) {
	var s Silence
	lists := []*[]string{0: &s.Programs, 3: &s.Events, 4: &s.Notifiers}
	for i, to := range lists {
		if to == nil || i >= len(args) {
			continue
		}
		list, ok := words(args[i])
		if !ok {
			return nil, incorrectParameters()
		}
		*to = list
	}
	seconds, ok := args[1].(int)
	if !ok {
		return nil, incorrectParameters()
	}
	if s.Comment, ok = text(args[2]); !ok {
		return nil, incorrectParameters()
	}
	const year = 366 * 24 * 3600
	id, err := n.Silence(s, time.Duration(min(max(seconds, 0), year+1))*time.Second)
	if err != nil {
		return nil, refusal(err, "")
	}
	return id, nil
}

// words takes an array of strings, or a string with commas.
func words(v any) (list []string, ok bool) {
	if s, is := text(v); is {
		return commaList([]string{s}), true
	}
	array, ok := v.([]any)
	for _, item := range array {
		s, is := text(item)
		if ok = ok && is; !ok {
			return nil, false
		}
		list = append(list, strings.TrimSpace(s))
	}
	return list, ok
}

func silenceStruct(s Silence) xmlrpc.Struct {
	return xmlrpc.Struct{
		{Name: "id", Value: s.ID},
		{Name: "programs", Value: list(s.Programs)},
		{Name: "events", Value: list(s.Events)},
		{Name: "notifiers", Value: list(s.Notifiers)},
		{Name: "comment", Value: s.Comment},
		{Name: "since", Value: s.Since.Unix()},
		{Name: "until", Value: s.Until.Unix()},
		{Name: "matched", Value: int64(s.Matched)},
	}
}

func sinkStruct(k *LogSink) xmlrpc.Struct {
	channels := []string{}
	if k.Stdout {
		channels = append(channels, "stdout")
	}
	if k.Stderr {
		channels = append(channels, "stderr")
	}
	return xmlrpc.Struct{
		{Name: "name", Value: k.Name},
		{Name: "programs", Value: list(k.Programs)},
		{Name: "channels", Value: channels},
		{Name: "overflow", Value: k.Overflow},
		{Name: "buffer_bytes", Value: k.BufferBytes},
		{Name: "queued", Value: k.Queued},
		{Name: "in_flight", Value: k.InFlight},
		{Name: "paused", Value: k.Paused},
		{Name: "accepted", Value: int64(k.Accepted)},
		{Name: "written", Value: int64(k.Written)},
		{Name: "dropped", Value: int64(k.Dropped)},
		{Name: "batches", Value: int64(k.Batches)},
		{Name: "redelivered", Value: int64(k.Redelivered)},
		{Name: "refused", Value: int64(k.Refused)},
		{Name: "violations", Value: int64(k.Violations)},
		{Name: "streams", Value: int64(k.Streams)},
		{Name: "internal_errors", Value: k.Defects},
		{Name: "oldest_age", Value: k.OldestAge.Seconds()},
		{Name: "last_error", Value: k.LastError},
		{Name: "last_delivery", Value: seconds(k.LastDelivery)},
	}
}
