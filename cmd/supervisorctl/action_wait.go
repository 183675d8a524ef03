package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

const (
	// waitTurn is how long the daemon is asked to wait at a time, in seconds: below
	// what proxies take for a dead connection.
	waitTurn = 50
	// waitPoll is how often a daemon is asked that cannot wait itself.
	waitPoll = 500 * time.Millisecond
	// exitTimeout is the exit status of a wait that took too long, as timeout(1)'s.
	exitTimeout = 124
)

func waitAction() Action {
	return Action{
		Name: "wait", Extra: true,
		Help: "wait <name>... [--for STATE[,STATE]] [--timeout SECONDS]\n" +
			"\t\t\tWait until each process has come into a state; default running.\n" +
			"\t\t\tNames may be group:*, patterns and all. The exit status is 0 when\n" +
			"\t\t\tall have, 7 when one is FATAL or removed instead, 124 after SECONDS.",
		Flags: []Flag{
			{Name: "for", Value: true, Help: "states, separated by commas: running, stopped, exited, fatal, ..."},
			{Name: "timeout", Value: true, Help: "give up after so many seconds; default never"},
			{Name: "json", Help: "print an array of objects"},
		},
		Complete: completeProcesses,
		Run:      runWait,
	}
}

// waitedRow is one process of an answer.
type waitedRow struct {
	Name     string `json:"name"`
	Group    string `json:"group"`
	Namespec string `json:"namespec"`
	State    string `json:"state"`
	Pid      int    `json:"pid"`
	Reached  bool   `json:"reached"`
	Gone     bool   `json:"gone"`
}

func runWait(r *run, arg string) error {
	names := strings.Fields(arg)
	if len(names) == 0 {
		r.misuse(exitInvalidArgs, "Error: wait requires a process name")
		return nil
	}
	states := []string{"RUNNING"}
	if given, ok := r.flags["for"]; ok {
		states = strings.Split(strings.ToUpper(given), ",")
	}
	for _, s := range states {
		if !slices.Contains(stateNames(), s) {
			r.misuse(exitInvalidArgs, fmt.Sprintf("Error: there is no state %q; use %s", s, strings.ToLower(strings.Join(stateNames(), ", "))))
			return nil
		}
	}
	var limit time.Duration // 0: none
	if given, ok := r.flags["timeout"]; ok {
		seconds, err := strconv.ParseFloat(given, 64)
		if err != nil || seconds < 0 || seconds > 1e9 {
			r.misuse(exitInvalidArgs, fmt.Sprintf("Error: bad timeout %q: a number of seconds", given))
			return nil
		}
		limit = time.Duration(seconds * float64(time.Second))
	}
	_, limited := r.flags["timeout"]
	rows, err := waitUntil(r, names, states, limit, limited)
	if f := asFault(err); f != nil && f.Code == faultBadName {
		_, name, _ := strings.Cut(f.String, ": ")
		r.println(name + ": ERROR (no such process)")
		r.status = exitGeneric
		return nil
	}
	if err != nil {
		return err
	}
	report := func(row waitedRow) {
		switch {
		case row.Reached:
			r.println(row.Namespec + ": " + row.State)
		case row.Gone:
			r.println(row.Namespec + ": ERROR (removed)")
		case row.State == "FATAL":
			r.println(row.Namespec + ": ERROR (FATAL)")
		default:
			r.println(row.Namespec + ": ERROR (timeout, still " + row.State + ")")
		}
	}
	if _, ok := r.flags["json"]; ok {
		if err := r.printJSON(rows); err != nil {
			return err
		}
		report = func(waitedRow) {}
	}
	for _, row := range rows {
		report(row)
		switch {
		case row.Reached:
		case row.Gone || row.State == "FATAL":
			r.status = exitNotRunning
		case r.status == exitSuccess:
			r.status = exitTimeout
		}
	}
	return nil
}

// stateNames are the states of a process (supervisor/states.py).
func stateNames() []string {
	return []string{"STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"}
}

// waitUntil has the daemon wait, a turn at a time. Once a process has come it is not
// asked for again.
func waitUntil(r *run, names, states []string, limit time.Duration, limited bool) ([]waitedRow, error) {
	end := time.Now().Add(limit)
	var all []waitedRow
	asked := names
	for {
		turn := float64(waitTurn)
		if limited {
			turn = min(turn, max(0, time.Until(end).Seconds()))
		}
		value, err := r.waitHark("waitProcesses", asked, states, turn)
		f := asFault(err)
		if f != nil && f.Code == faultUnknownMethod {
			return pollFor(r, names, states, end, limited)
		}
		if f != nil && f.Code == faultBadName && len(all) > 0 {
			// Between two turns a process that was asked for was removed.
			rows, err := stillThere(r, all)
			if err != nil {
				return nil, err
			}
			if !slices.Equal(rows, all) {
				all = rows
				if asked = unfinished(all); len(asked) == 0 {
					return all, nil
				}
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		rows := structsOf(value)
		for _, s := range rows {
			row := waitedRow{Name: stringOf(s, "name"), Group: stringOf(s, "group"), State: stringOf(s, "statename"), Pid: intOf(s, "pid"),
				Reached: boolOf(s, "reached"), Gone: boolOf(s, "gone")}
			row.Namespec = namespec(row.Group, row.Name)
			i := slices.IndexFunc(all, func(o waitedRow) bool { return o.Namespec == row.Namespec })
			if i < 0 {
				all = append(all, row)
			} else {
				all[i] = row
			}
		}
		asked = unfinished(all)
		if len(asked) == 0 || limited && time.Now().After(end) {
			return all, nil
		}
	}
}

// unfinished are the names of those that must be asked for again.
func unfinished(rows []waitedRow) (names []string) {
	for _, row := range rows {
		if !row.Reached && !row.Gone && row.State != "FATAL" {
			names = append(names, row.Group+":"+row.Name)
		}
	}
	return names
}

// stillThere marks the rows whose processes are no more.
func stillThere(r *run, rows []waitedRow) ([]waitedRow, error) {
	value, err := r.call("getAllProcessInfo")
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool)
	for _, s := range structsOf(value) {
		there[namespec(stringOf(s, "group"), stringOf(s, "name"))] = true
	}
	rows = slices.Clone(rows)
	for i := range rows {
		if row := &rows[i]; !row.Reached && row.State != "FATAL" && !there[row.Namespec] {
			row.Gone, row.Pid = true, 0
		}
	}
	return rows, nil
}

// pollFor waits where the daemon cannot: Supervisor's.
func pollFor(r *run, names, states []string, end time.Time, limited bool) ([]waitedRow, error) {
	var all []waitedRow
	for {
		value, err := r.call("getAllProcessInfo")
		if err != nil {
			return nil, err
		}
		infos := structsOf(value)
		if all == nil {
			if all, err = firstLook(infos, names); err != nil {
				return nil, err
			}
		}
		look(all, infos, states)
		if len(unfinished(all)) == 0 || limited && time.Now().After(end) {
			return all, nil
		}
		if err := pause(r.ctx, waitPoll); err != nil {
			return nil, err
		}
	}
}

// firstLook settles which processes are waited for.
func firstLook(infos []xmlrpc.Struct, names []string) ([]waitedRow, error) {
	picked, missed, err := choose(infos, names)
	if err != nil {
		return nil, err
	}
	if len(missed) > 0 {
		return nil, &xmlrpc.Fault{Code: faultBadName, String: "BAD_NAME: " + missed[0]}
	}
	rows := make([]waitedRow, len(picked))
	for i, s := range picked {
		rows[i] = waitedRow{Name: stringOf(s, "name"), Group: stringOf(s, "group")}
		rows[i].Namespec = namespec(rows[i].Group, rows[i].Name)
	}
	return rows, nil
}

// look brings the rows that are not finished up to date.
func look(rows []waitedRow, infos []xmlrpc.Struct, states []string) {
	now := make(map[string]xmlrpc.Struct, len(infos))
	for _, s := range infos {
		now[namespec(stringOf(s, "group"), stringOf(s, "name"))] = s
	}
	for i := range rows {
		row := &rows[i]
		if row.Reached || row.Gone || row.State == "FATAL" {
			continue
		}
		s, there := now[row.Namespec]
		if !there {
			row.Gone, row.Pid = true, 0
			continue
		}
		row.State, row.Pid = stringOf(s, "statename"), intOf(s, "pid")
		row.Reached = slices.Contains(states, row.State)
	}
}

// pause waits unless ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errors.Join(errInterrupted, ctx.Err())
	}
}
