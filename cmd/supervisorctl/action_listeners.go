package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

func listenersAction() Action {
	return Action{
		Name: "listeners", Extra: true,
		Help: "listeners\t\tShow each pool of event listeners: where its listeners stand in the\n" +
			"\t\t\tprotocol, what waits, what was lost.",
		Flags: []Flag{jsonFlag()}, Complete: completeNothing, Run: listeners,
	}
}

func listeners(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	v, ok, err := r.ask("getEventListeners")
	if !ok {
		return err
	}
	pools := ofKind(v, "pool")
	if r.wantsJSON() {
		return r.printJSON(jsonStructs(pools))
	}
	var rows [][]string
	for _, p := range pools {
		rows = append(rows, []string{stringOf(p, "name"), states(p), count0(p, "queued"), count0(p, "in_flight"), count0(p, "delivered"),
			count0(p, "rejected"), lostOf(p), oldest(p), poolTrouble(p)})
	}
	if len(rows) == 0 {
		r.println("There are no event listeners ([eventlistener:x]).")
		return nil
	}
	r.table("NAME LISTENERS QUEUED IN-FLIGHT DELIVERED REJECTED LOST OLDEST TROUBLE", rows)
	return nil
}

// ofKind is the subscribers of one kind.
func ofKind(v any, kind string) []xmlrpc.Struct {
	all := []xmlrpc.Struct{}
	for _, s := range structsOf(v) {
		if stringOf(s, "kind") == kind {
			all = append(all, s)
		}
	}
	return all
}

func jsonStructs(all []xmlrpc.Struct) []structJSON {
	out := make([]structJSON, len(all))
	for i, s := range all {
		out[i] = structJSON(s)
	}
	return out
}

func count0(s xmlrpc.Struct, name string) string {
	return strconv.FormatFloat(floatOf(s, name, 0), 'f', -1, 64)
}

// lostOf is how many events came to nothing: discarded and given up.
func lostOf(s xmlrpc.Struct) string {
	return strconv.FormatFloat(floatOf(s, "discarded", 0)+floatOf(s, "dead_letters", 0), 'f', -1, 64)
}

// oldest is how long the event waits that waits longest, "" for none.
func oldest(s xmlrpc.Struct) string {
	if age := floatOf(s, "oldest_age", 0); age > 0 {
		return span(time.Duration(age * float64(time.Second)))
	}
	return ""
}

// states is where the listeners of a pool stand, counted: "READY", "2 READY 1 BUSY".
func states(pool xmlrpc.Struct) string {
	v, _ := pool.Get("processes")
	processes := structsOf(v)
	counts := map[string]int{}
	var order []string
	for _, p := range processes {
		state := stringOf(p, "listener_state")
		if state == "" {
			state = stringOf(p, "statename")
		}
		if counts[state] == 0 {
			order = append(order, state)
		}
		counts[state]++
	}
	if len(processes) == 1 {
		return order[0]
	}
	for i, state := range order {
		order[i] = fmt.Sprintf("%d %s", counts[state], state)
	}
	return strings.Join(order, " ")
}

// poolTrouble says what keeps a pool from its work.
func poolTrouble(pool xmlrpc.Struct) string {
	v, _ := pool.Get("spool")
	if s, ok := v.(xmlrpc.Struct); ok && stringOf(s, "fault") != "" {
		return "spool: " + stringOf(s, "fault")
	}
	if strings.Contains(states(pool), "UNKNOWN") {
		return "a listener broke the protocol and gets nothing until it is restarted"
	}
	return ""
}
