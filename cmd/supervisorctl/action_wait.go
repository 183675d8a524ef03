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

func (verbs) Wait() Action {
	return Action{
		Name: "wait", Extra: true,
		Help: "wait <name>... [--for STATE[,STATE]] [--timeout SECONDS]\n" +
			"\t\t\tWait until each process has come into a state; default running.\n" +
			"\t\t\tNames may be group:*, patterns and all. The exit status is 0 when\n" +
			"\t\t\tall have, 7 when one is FATAL or removed instead, 124 after SECONDS.",
		Flags: []Flag{
			{Name: "for", Value: true, Help: "states, separated by commas: running, stopped, exited, fatal, ...", Values: func() []string {
				return strings.Fields(strings.ToLower(strings.Join(stateNames(), " ")))
			}},
			{Name: "timeout", Value: true, Help: "give up after so many seconds; default never"},
		},
		Complete: completeProcesses, JSON: []document{{form: "wait", args: "web:*", value: []waited{}}},
		Run: runWait,
	}
}

// waited is one process that is waited for (hark.waitProcesses).
type waited struct {
	named
	State   string `json:"state" rpc:"statename,required"`
	PID     int    `json:"pid"`
	Reached bool   `json:"reached" doc:"it has come into one of the states"`
	Gone    bool   `json:"gone" doc:"it was removed"`

	ExitStatus *int   `json:"exitstatus,omitempty" doc:"of its last process that has ended, -1 for a signal; missing if none has, and from Supervisor's daemon"`
	Signal     string `json:"signal,omitempty" doc:"the signal that ended that, such as SIGSEGV; missing for none"`
	CoreDump   bool   `json:"coredump,omitempty" doc:"that left a core file; missing for false"`
}

// line describes the result of the wait.
func (w *waited) line() line {
	switch {
	case w.Reached:
		return did(w.Namespec, w.State)
	case w.Gone:
		return problem(exitNotRunning, w.Namespec, "removed")
	case w.State == "FATAL":
		return problem(exitNotRunning, w.Namespec, "FATAL")
	}
	return problem(exitTimeout, w.Namespec, "timeout, still "+w.State)
}

// howEnded says how a process that has come to an end did, "" for one that has not and where it is not known.
func (w *waited) howEnded() string {
	if w.ExitStatus == nil || w.PID != 0 || w.State != "EXITED" && w.State != "STOPPED" {
		return ""
	}
	p := processInfo{ExitStatus: *w.ExitStatus, Signal: w.Signal, CoreDump: w.CoreDump}
	return p.lastEnd()
}

func runWait(r *run, arg string) (answer, error) {
	names := strings.Fields(arg)
	if len(names) == 0 {
		return answer{}, r.misuse(exitInvalidArgs, "Error: wait requires a process name")
	}
	states := []string{"RUNNING"}
	if given, ok := r.flags["for"]; ok {
		states = strings.Split(strings.ToUpper(given), ",")
	}
	for _, s := range states {
		if !slices.Contains(stateNames(), s) {
			return answer{}, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: there is no state %q; use %s", s, strings.ToLower(strings.Join(stateNames(), ", "))))
		}
	}
	var limit time.Duration // 0: none
	given, limited := r.flags["timeout"]
	if limited {
		seconds, err := strconv.ParseFloat(given, 64)
		if err != nil || seconds < 0 || seconds > 1e9 {
			return answer{}, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: bad timeout %q: a number of seconds", given))
		}
		limit = time.Duration(seconds * float64(time.Second))
	}
	all, err := waitUntil(r, names, states, limit, limited)
	if f := asFault(err); f != nil && f.Code == faultBadName {
		_, name, _ := strings.Cut(f.String, ": ")
		return answer{}, refuse(problem(exitGeneric, name, "no such process"))
	}
	if err != nil {
		return answer{}, err
	}
	a := answer{value: all}
	for i := range all {
		l := all[i].line()
		if how := all[i].howEnded(); how != "" && all[i].Reached && r.onTerminal() {
			l.text += " (" + how + ")"
		}
		a.text += l.text + "\n"
		if l.status == exitNotRunning || a.status == exitSuccess {
			a.status = l.status
		}
	}
	return a, nil
}

// stateNames are the states of a process (supervisor/states.py).
func stateNames() []string {
	return []string{"STOPPED", "STARTING", "RUNNING", "BACKOFF", "STOPPING", "EXITED", "FATAL", "UNKNOWN"}
}

// waitUntil has the daemon wait, a turn at a time. Once a process has come it is not
// asked for again.
func waitUntil(r *run, names, states []string, limit time.Duration, limited bool) ([]waited, error) {
	end := time.Now().Add(limit)
	all := []waited{}
	left := names
	for {
		turn := float64(waitTurn)
		if limited {
			turn = min(turn, max(0, time.Until(end).Seconds()))
		}
		value, err := r.waitHark("waitProcesses", left, states, turn)
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
				if left = unfinished(all); len(left) == 0 {
					return all, nil
				}
				continue
			}
		}
		if err != nil {
			return nil, err
		}
		rows, err := decode[[]waited](value)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			i := slices.IndexFunc(all, func(o waited) bool { return o.Namespec == row.Namespec })
			if i < 0 {
				all = append(all, row)
			} else {
				all[i] = row
			}
		}
		left = unfinished(all)
		if len(left) == 0 || limited && time.Now().After(end) {
			return all, nil
		}
	}
}

// unfinished are the names of those that must be asked for again.
func unfinished(rows []waited) (names []string) {
	for _, row := range rows {
		if !row.Reached && !row.Gone && row.State != "FATAL" {
			names = append(names, row.Group+":"+row.Name)
		}
	}
	return names
}

// stillThere marks the rows whose processes no longer exist.
func stillThere(r *run, rows []waited) ([]waited, error) {
	infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool)
	for _, p := range infos {
		there[p.Namespec] = true
	}
	rows = slices.Clone(rows)
	for i := range rows {
		if row := &rows[i]; !row.Reached && row.State != "FATAL" && !there[row.Namespec] {
			row.Gone, row.PID = true, 0
		}
	}
	return rows, nil
}

// pollFor waits where the daemon cannot: Supervisor's.
func pollFor(r *run, names, states []string, end time.Time, limited bool) ([]waited, error) {
	var all []waited
	for {
		infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
		if err != nil {
			return nil, err
		}
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
func firstLook(infos []processInfo, names []string) ([]waited, error) {
	picked, missed, err := choose(infos, names)
	if err != nil {
		return nil, err
	}
	if len(missed) > 0 {
		return nil, &xmlrpc.Fault{Code: faultBadName, String: "BAD_NAME: " + missed[0]}
	}
	rows := make([]waited, len(picked))
	for i, p := range picked {
		rows[i] = waited{named: p.named}
	}
	return rows, nil
}

// look brings the rows that are not finished up to date.
func look(rows []waited, infos []processInfo, states []string) {
	now := make(map[string]processInfo, len(infos))
	for _, p := range infos {
		now[p.Namespec] = p
	}
	for i := range rows {
		row := &rows[i]
		if row.Reached || row.Gone || row.State == "FATAL" {
			continue
		}
		p, there := now[row.Namespec]
		if !there {
			row.Gone, row.PID = true, 0
			continue
		}
		row.State, row.PID = p.State, p.PID
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
