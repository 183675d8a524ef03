package rpc

import (
	"context"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// harkNamespace is what Hark has of its own; it is there whatever the
// configuration says.
func harkNamespace(version string, events Events) Namespace {
	ns := Namespace{Name: "hark", Methods: []Method{
		{
			Name: "getVersion", ReadOnly: true,
			Returns: Param{"string", "version", "Hark's own version"},
			Help:    "Tell the version of Hark, where supervisor.getSupervisorVersion tells that of the Supervisor it stands in for.",
			Call:    func(context.Context, []any) (any, error) { return version, nil },
		},
	}}
	if events == nil {
		return ns
	}
	ns.Methods = append(ns.Methods, Method{
		Name: "getEventListeners", ReadOnly: true,
		Returns: Param{"array", "subscribers", "a struct for each"},
		Help:    "Tell of everybody who gets events (listener pools, notifiers, the event log, streams): what waits, and what became of the rest.",
		Call: func(ctx context.Context, _ []any) (any, error) {
			all, err := events.Subscribers(ctx)
			if err != nil {
				return nil, err
			}
			structs := make([]xmlrpc.Struct, len(all))
			for i := range all {
				structs[i] = subscriberStruct(&all[i])
			}
			return structs, nil
		},
	})
	return ns
}

func subscriberStruct(i *core.SubscriberInfo) xmlrpc.Struct {
	processes := make([]xmlrpc.Struct, len(i.Processes))
	for n, p := range i.Processes {
		processes[n] = xmlrpc.Struct{
			{Name: "name", Value: p.Name},
			{Name: "group", Value: p.Group},
			{Name: "statename", Value: p.State.String()},
			{Name: "pid", Value: p.Pid},
			{Name: "listener_state", Value: p.Listener},
			{Name: "in_flight", Value: p.InFlight},
		}
	}
	c := &i.Counters
	return xmlrpc.Struct{
		{Name: "name", Value: i.Name},
		{Name: "kind", Value: i.Kind},
		{Name: "events", Value: i.Events},
		{Name: "programs", Value: i.Programs},
		{Name: "buffer_size", Value: i.BufferSize},
		{Name: "overflow", Value: i.Overflow},
		{Name: "payload", Value: i.Payload},
		{Name: "max_in_flight", Value: i.MaxInFlight},
		{Name: "ack_timeout", Value: int(i.AckTimeout.Seconds())},
		{Name: "max_deliveries", Value: i.MaxDeliveries},
		{Name: "queued", Value: i.Queued},
		{Name: "in_flight", Value: i.InFlight},
		{Name: "accepted", Value: int64(c.Accepted)},
		{Name: "delivered", Value: int64(c.Delivered)},
		{Name: "rejected", Value: int64(c.Rejected)},
		{Name: "returned", Value: int64(c.Returned)},
		{Name: "discarded", Value: int64(c.Discarded)},
		{Name: "dead_letters", Value: int64(c.DeadLetters)},
		{Name: "suppressed", Value: int64(i.Suppressed)},
		{Name: "oldest_age", Value: i.OldestAge.Seconds()},
		{Name: "last_error", Value: i.LastError},
		{Name: "processes", Value: processes},
	}
}
