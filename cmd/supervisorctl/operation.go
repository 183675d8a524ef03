package main

import (
	"slices"
	"strings"
)

// operation is what start, stop and signal have in common: something done to
// all processes, to a group, or to one after the other.
type operation struct {
	all, group, one string // the methods
	args            []any  // what the methods take after the name
	done            string // what a process is when it has worked
	ignored         int    // a status that is no failure; 0 for none
	noGroup         int    // the exit status where there is no such group
	sentence        func(res result, done string) (string, error)
}

// on does it to the names on the line. Explicit names go one after another, each
// waited for, as deploy scripts rely on; all and groups are one call each.
func (o *operation) on(r *run, names []string) error {
	if slices.Contains(names, "all") {
		v, err := r.wait(o.all, o.args...)
		if err != nil {
			return err
		}
		return o.report(r, v)
	}
	for _, name := range names {
		group, process, whole := splitNamespec(name)
		if whole {
			v, err := r.wait(o.group, append([]any{group}, o.args...)...)
			if fault := asFault(err); fault != nil && fault.Code == faultBadName {
				r.printf("%s: ERROR (no such group)\n", group)
				r.status = o.noGroup
				continue
			}
			if err == nil {
				err = o.report(r, v)
			}
			if err != nil {
				return err
			}
			continue
		}
		_, err := r.wait(o.one, append([]any{name}, o.args...)...)
		res := result{Group: group, Name: process, Status: faultSuccess}
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

// report prints the results of a call on several processes.
func (o *operation) report(r *run, v any) error {
	results, err := asResults(v)
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
	text, err := o.sentence(res, o.done)
	if err != nil {
		return err
	}
	r.println(text)
	r.fault(res.Status, o.ignored)
	return nil
}

// problem is a result that is not a success.
func problem(res result, text string) string {
	return namespec(res.Group, res.Name) + ": ERROR (" + text + ")"
}

func success(res result, done string) string { return namespec(res.Group, res.Name) + ": " + done }

func unknownResult(res result) error {
	return replyErrorf("Unknown result code %d for %s", res.Status, namespec(res.Group, res.Name))
}

// requireNames is the names on the line; nil after saying that there are none.
func (r *run) requireNames(arg string, status int) []string {
	names := strings.Fields(arg)
	if len(names) == 0 {
		r.misuse(status, "Error: "+r.action.Name+" requires a process name")
	}
	return names
}
