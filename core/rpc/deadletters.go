package rpc

import (
	"context"
	"errors"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/deadletters"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// DeadLetters is what pools and notifiers gave up; *deadletters.Office is one.
type DeadLetters interface {
	DeadLetters(ctx context.Context, names []string, limit int) (deadletters.List, error)
	SendDeadLetters(ctx context.Context, names []string, to string) ([]deadletters.Sent, error)
}

const (
	// deadLettersGiven is how many dead letters an answer has by default.
	deadLettersGiven = 100
	// deadLettersMost bounds the answer.
	deadLettersMost = 5000
)

// DeadLetterMethods are the methods of the hark namespace about events that were given up.
func DeadLetterMethods(d DeadLetters) []Method {
	names := Param{"array", "names", "x of [eventlistener:x] and [notifier:x], or eventlistener:x, notifier:x; empty or left out for all"}
	return []Method{
		{
			Name: "getDeadLetters", ReadOnly: true,
			Params:   []Param{names, {"int", "limit", "how many of the newest, at most 5000; left out for 100"}},
			Optional: 2,
			Returns:  Param{"struct", "letters", "total, unreadable, letters: an array with a struct for each"},
			Help:     "Return the dead letters: the events that listener pools and notifiers gave up, in the order in which they were given up.",
			Call: func(ctx context.Context, args []any) (any, error) {
				limit, ok := deadLettersGiven, true
				if len(args) > 1 {
					limit, ok = args[1].(int)
				}
				names, named := namesOf(args)
				if !ok || !named {
					return nil, incorrectParameters()
				}
				all, err := d.DeadLetters(ctx, names, min(max(limit, 0), deadLettersMost))
				if err != nil {
					return nil, letterFault(err)
				}
				letters := make([]xmlrpc.Struct, len(all.Letters))
				for i := range all.Letters {
					letters[i] = letterStruct(&all.Letters[i])
				}
				return xmlrpc.Struct{{Name: "total", Value: all.Total}, {Name: "unreadable", Value: all.Unreadable}, {Name: "letters", Value: letters}}, nil
			},
		},
		{
			Name:     "sendDeadLetters",
			Params:   []Param{names, {"string", "to", "the pool or notifier that gets them instead; empty or left out for their own"}},
			Optional: 2,
			Returns:  Param{"array", "sent", "a struct for each pool and notifier that has dead letters: name, kind, sent, kept, reason"},
			Help: "Give dead letters to the queues of their pools and notifiers again, oldest first. Each leaves the dead letters once the\n" +
				"queue has it; what a queue has no room for is kept.",
			Call: func(ctx context.Context, args []any) (any, error) {
				names, ok := namesOf(args)
				to := ""
				if ok && len(args) > 1 {
					to, ok = text(args[1])
				}
				if !ok {
					return nil, incorrectParameters()
				}
				all, err := d.SendDeadLetters(ctx, names, to)
				if err != nil {
					return nil, letterFault(err)
				}
				structs := make([]xmlrpc.Struct, len(all))
				for i, s := range all {
					structs[i] = xmlrpc.Struct{
						{Name: "name", Value: s.Name}, {Name: "kind", Value: s.Kind},
						{Name: "sent", Value: s.Sent}, {Name: "kept", Value: s.Kept}, {Name: "reason", Value: s.Reason},
					}
				}
				return structs, nil
			},
		},
	}
}

// namesOf is the first argument, which may be left out.
func namesOf(args []any) (names []string, ok bool) {
	if len(args) == 0 {
		return nil, true
	}
	return words(args[0])
}

// letterFault names the one of several names that nobody has.
func letterFault(err error) error {
	var refused *core.Error
	if errors.As(err, &refused) {
		return faultOf(err, refused.Detail)
	}
	return faultOf(err, "")
}

func letterStruct(l *deadletters.Letter) xmlrpc.Struct {
	events := make([]xmlrpc.Struct, len(l.Events))
	for i, e := range l.Events {
		events[i] = xmlrpc.Struct{
			{Name: "eventname", Value: e.Type}, {Name: "group", Value: e.Group}, {Name: "name", Value: e.Process}, {Name: "time", Value: seconds(e.Time)},
		}
	}
	return xmlrpc.Struct{
		{Name: "id", Value: l.ID},
		{Name: "name", Value: l.Name},
		{Name: "kind", Value: l.Kind},
		{Name: "time", Value: seconds(l.Time)},
		{Name: "tries", Value: l.Tries},
		{Name: "reason", Value: l.Reason},
		{Name: "listener", Value: l.Listener},
		{Name: "severity", Value: l.Severity},
		{Name: "events", Value: events},
		{Name: "event_count", Value: l.Count},
	}
}
