package main

import "slices"

// batch is an operation of Hark's daemon on many processes at once.
type batch struct {
	method    string
	args      []any                 // what the method takes after the names
	steps     map[string]*operation // how its results are reported, by step; "" if there is only one
	patterned func(string) bool     // reports whether a name is a pattern
}

// parallelFlag has all names done at once.
func parallelFlag() Flag {
	return Flag{Name: "parallel", Help: "all names at once, in one operation of the daemon"}
}

// together does it to patterns, and with --parallel to all its names, at once. It returns
// the names that are to be done one after another: those without patterns, and those that
// patterns mean for Supervisor's daemon, which has no such operation.
func (b *batch) together(r *run, names []string) (left []string, err error) {
	if _, parallel := r.flags["parallel"]; len(names) == 0 || !parallel && !slices.ContainsFunc(names, b.patterned) {
		return names, nil
	}
	if err := r.up(); err != nil {
		return nil, err
	}
	results, err := asked[[]result](r.waitHark(b.method, append([]any{names}, b.args...)...))
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
		if err != nil {
			return nil, err
		}
		return r.expand(infos, names, b.patterned)
	}
	if err != nil {
		return nil, err
	}
	for _, res := range results {
		o := b.steps[res.Step]
		if o == nil {
			return nil, replyErrorf("the server's answer has an unknown step %q", res.Step)
		}
		if err := o.tell(r, res); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// operate does to names what is done together, and the rest one after another. none is the
// refusal where there are no names, nil where there are some.
func (r *run) operate(b batch, names []string, none error, oneByOne func(*run, []string) error) (answer, error) {
	left, err := b.together(r, names)
	if err != nil || len(left) == 0 && len(names) > 0 {
		return answer{}, err
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	if none != nil {
		return answer{}, none
	}
	return answer{}, oneByOne(r, left)
}

// expand turns patterns into names. It reports which choose none; names are left to
// the action.
func (r *run) expand(infos []processInfo, names []string, patterned func(string) bool) ([]string, error) {
	var out []string
	for _, name := range names {
		if !patterned(name) {
			out = append(out, name)
			continue
		}
		picked, _, err := choose(infos, []string{name})
		if err != nil {
			return nil, err
		}
		if len(picked) == 0 {
			r.report(problem(exitGeneric, name, "no such process"))
		}
		for _, p := range picked {
			if !slices.Contains(out, p.Namespec) {
				out = append(out, p.Namespec)
			}
		}
	}
	return out, nil
}
