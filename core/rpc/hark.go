package rpc

import (
	"context"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/spools"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// harkNamespace is what Hark has of its own; it is there whatever the
// configuration says.
func harkNamespace(version string, sup Daemon, events Events) Namespace {
	ns := Namespace{Name: "hark", Methods: []Method{
		{
			Name: "getVersion", ReadOnly: true,
			Returns: Param{"string", "version", "Hark's own version"},
			Help:    "Return the version of Hark; supervisor.getSupervisorVersion returns the version of Supervisor that it is compatible with.",
			Call:    func(context.Context, []any) (any, error) { return version, nil },
		},
		{
			Name:   "shutdown",
			Params: []Param{{"int", "status", "what supervisord is to exit with, from 0 to 255"}}, Returns: Param{"boolean", "result", "true, or a fault"},
			Help: "Stop all processes, then supervisord, as supervisor.shutdown does, with an exit status for\nthe program that runs supervisord.",
			Call: func(ctx context.Context, args []any) (any, error) {
				if sup.Mood() < core.MoodRunning {
					return nil, plainFault(ShutdownState)
				}
				status, ok := args[0].(int)
				if !ok {
					return nil, incorrectParameters()
				}
				return succeeded(sup.ShutdownWith(ctx, status), "")
			},
		},
	}}
	if events == nil {
		return ns
	}
	ns.Methods = append(ns.Methods, Method{
		Name: "getEventListeners", ReadOnly: true,
		Returns: Param{"array", "subscribers", "a struct for each"},
		Help:    "Return every subscriber of events (listener pools, notifiers, streams): the events that wait, and the number of the others.",
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
	all := xmlrpc.Struct{
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
		{Name: "recovered", Value: int64(c.Recovered)},
		{Name: "accepted", Value: int64(c.Accepted)},
		{Name: "delivered", Value: int64(c.Delivered)},
		{Name: "rejected", Value: int64(c.Rejected)},
		{Name: "returned", Value: int64(c.Returned)},
		{Name: "discarded", Value: int64(c.Discarded)},
		{Name: "dead_letters", Value: int64(c.DeadLetters)},
		{Name: "sent_again", Value: int64(c.SentAgain)},
		{Name: "suppressed", Value: int64(i.Suppressed)},
		{Name: "internal_errors", Value: i.Defects},
		{Name: "oldest_age", Value: i.OldestAge.Seconds()},
		{Name: "last_error", Value: i.LastError},
		{Name: "last_delivery", Value: seconds(i.LastDelivery)},
		{Name: "processes", Value: processes},
	}
	if i.Spool != nil {
		all = append(all, xmlrpc.Member{Name: "spool", Value: spoolStruct(i.Spool)})
	}
	return all
}

func spoolStruct(i *spools.Info) xmlrpc.Struct {
	st := &i.Stats
	return xmlrpc.Struct{
		{Name: "path", Value: i.Path},
		{Name: "fault", Value: i.Fault},
		{Name: "max_bytes", Value: i.MaxBytes},
		{Name: "sync", Value: i.Sync},
		{Name: "bytes", Value: st.Bytes},
		{Name: "memory_bytes", Value: st.Memory},
		{Name: "last", Value: int64(i.Last)},
		{Name: "committed", Value: int64(i.Durable)},
		{Name: "discarded", Value: int64(st.Discarded)},
		{Name: "damaged", Value: int64(st.Lost)},
		{Name: "damaged_before", Value: int64(st.LostBefore)},
		{Name: "commits", Value: int64(st.Commits)},
		{Name: "failures", Value: int64(st.Failures)},
	}
}
