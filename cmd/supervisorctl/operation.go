package main

import (
	"slices"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// operation is what start, stop, signal and clear have in common: something done to
// all processes, to a group, or to one after the other.
type operation struct {
	all, group, one string // the methods; a group of "": one takes groups too
	args            []any  // what the methods take after the name
	done            string // what a process is when it has worked
	ignored         int    // a status that is not a failure; 0 for none
	noGroup         int    // the exit status if there is no such group
	sentences       sentences
}

// on does it to the names on the line. Explicit names go one after another, each
// waited for, as deploy scripts rely on; all and groups are one call each.
func (o *operation) on(r *run, names []string) error {
	if slices.Contains(names, "all") {
		return o.report(r, o.all, o.args...)
	}
	for _, name := range names {
		group, process, whole := pytext.SplitNamespec(name)
		if whole && o.group != "" {
			err := o.report(r, o.group, append([]any{group}, o.args...)...)
			if fault := asFault(err); fault != nil && fault.Code == faultBadName {
				r.report(problem(o.noGroup, group, "no such group"))
			} else if err != nil {
				return err
			}
			continue
		}
		if whole {
			process = "None" // Supervisor's name for group:*, which clear does not know
		}
		_, err := r.wait(o.one, append([]any{name}, o.args...)...)
		res := result{named: nameOf(group, process), Status: faultSuccess}
		if fault := asFault(err); fault != nil {
			res.Status, res.Description = fault.Code, fault.String
		} else if err != nil {
			return err
		}
		if err := o.tell(r, res); err != nil {
			return err
		}
	}
	return nil
}

// report makes a call on several processes and reports its results.
func (o *operation) report(r *run, method string, args ...any) error {
	results, err := asked[[]result](r.wait(method, args...))
	if err != nil {
		return err
	}
	for _, res := range results {
		if err := o.tell(r, res); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) tell(r *run, res result) error {
	l, err := o.sentences.of(res, o.done)
	if err != nil {
		return err
	}
	l.status = faultStatus(res.Status, o.ignored)
	r.report(l)
	return nil
}

// faultStatus is the exit status of a fault or a result's status, 0 for the one that does not
// count here (supervisorctl.py, set_exitstatus_from_xmlrpc_fault).
func faultStatus(code, ignored int) int {
	switch code {
	case ignored, faultSuccess:
		return exitSuccess
	case faultSpawnError, faultAbnormalTermination, faultNotRunning:
		return exitNotRunning
	}
	return exitGeneric
}

// sentences are the words for results of an operation, by their statuses; "" is the server's own.
type sentences map[int]string

// of is the line for a result.
func (s sentences) of(res result, done string) (line, error) {
	if res.Status == faultSuccess {
		return did(res.Namespec, done), nil
	}
	switch text, known := s[res.Status]; {
	case known && text == "":
		return line{Name: res.Namespec, Message: res.Description, text: res.Description}, nil
	case known:
		return problem(0, res.Namespec, text), nil
	}
	return line{}, replyErrorf("Unknown result code %d for %s", res.Status, res.Namespec)
}

// requireNames refuses a line without names.
func (r *run) requireNames(names []string, status int) error {
	if len(names) == 0 {
		return r.misuse(status, "Error: "+r.action.Name+" requires a process name")
	}
	return nil
}
