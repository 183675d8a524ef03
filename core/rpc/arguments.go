package rpc

import (
	"strings"
	"syscall"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// The arguments of methods. What is wrong with one is the fault that Supervisor has for it; where Supervisor looks at
// something else first, take keeps what is wrong and the method asks.

// oneProcess is the name of a single process.
type oneProcess struct{ group, name, given string }

func (p *oneProcess) spec() (Param, bool) {
	return Param{"string", "name", "the process, as name or group:name"}, false
}

func (p *oneProcess) take(v any) error {
	var ok, whole bool
	if p.given, ok = text(v); !ok {
		return incorrectParameters()
	}
	if p.group, p.name, whole = pytext.SplitNamespec(p.given); whole {
		return fault(BadName, p.given)
	}
	return nil
}

// processOrGroup is the name of a process, or group:* for a whole group.
type processOrGroup struct {
	group, name, given string
	whole              bool
}

func (p *processOrGroup) spec() (Param, bool) {
	return Param{"string", "name", "the process, as name or group:name, or a whole group as group:*"}, false
}

func (p *processOrGroup) take(v any) error {
	var ok bool
	if p.given, ok = text(v); !ok {
		return incorrectParameters()
	}
	p.group, p.name, p.whole = pytext.SplitNamespec(p.given)
	return nil
}

// groupName is the name of a group. What isn't a string can't be one, so it is a bad name; what Python can't look up in
// a dict, a bad parameter.
type groupName string

func (g *groupName) spec() (Param, bool) { return Param{"string", "name", "the group"}, false }

func (g *groupName) take(v any) error {
	if name, ok := text(v); ok {
		*g = groupName(name)
		return nil
	}
	switch v.(type) {
	case nil:
		return plainFault(BadName)
	case int, bool, float64:
		return fault(BadName, display(v))
	}
	return incorrectParameters()
}

// newGroupName is the name of a group that is compared with each there is: what is not a string is the name of none.
type newGroupName struct{ groupName }

func (g *newGroupName) take(v any) error {
	switch v.(type) {
	case []any, xmlrpc.Struct:
		return fault(BadName, display(v))
	}
	return g.groupName.take(v)
}

// waiting says whether a call answers only when what it does is done.
type waiting struct{ not bool }

func (w waiting) wait() bool { return !w.not }

func (w *waiting) spec() (Param, bool) {
	return Param{"boolean", "wait", "whether to answer only when it is done; default true"}, true
}

func (w *waiting) take(v any) error {
	w.not = !truth(v)
	return nil
}

// signalArgument is a signal. A bad name goes before a bad signal, so the method looks at ok.
type signalArgument struct {
	given any
	sig   syscall.Signal
	ok    bool
}

func (s *signalArgument) spec() (Param, bool) {
	return Param{"string", "signal", "a signal's name, such as HUP, or its number"}, false
}

func (s *signalArgument) take(v any) error {
	s.given = v
	s.sig, s.ok = parseSignal(v)
	return nil
}

// fault is the fault for one that is not ok.
func (s *signalArgument) fault() *xmlrpc.Fault {
	if s.given == nil {
		return plainFault(BadSignal) // Supervisor does not show None there
	}
	return fault(BadSignal, display(s.given))
}

// number is an argument of int(). A log that is not there goes before a bad number, so the method looks at ok.
type numberArgument struct {
	n  int64
	ok bool
}

func (n *numberArgument) take(v any) error {
	n.n, n.ok = number(v)
	return nil
}

// offset is where a log is read.
type offset struct{ numberArgument }

func (*offset) spec() (Param, bool) {
	return Param{"int", "offset", "where to begin, in bytes"}, false
}

// length is how much of a log is read.
type length struct{ numberArgument }

func (*length) spec() (Param, bool) { return Param{"int", "length", "how many bytes"}, false }

// shown is an argument of any type, as Python's str() shows it.
type shown string

func (s *shown) spec() (Param, bool) { return Param{Type: "string"}, false }

func (s *shown) take(v any) error {
	*s = shown(display(v))
	return nil
}

// selection is some processes: an array of names and patterns, or a single one.
type selection struct{ *core.Selection }

func (s *selection) spec() (Param, bool) {
	return Param{"array", "patterns", "names, group:*, patterns such as web:* and job-??, or all"}, false
}

func (s *selection) take(v any) error {
	patterns, ok := names(v)
	if !ok {
		return incorrectParameters()
	}
	var err error
	if s.Selection, err = core.ParseSelection(patterns); err != nil {
		return faultOf(err, "")
	}
	return nil
}

// stateNames are names of states, which are looked up by the method.
type stateNames []string

func (s *stateNames) spec() (Param, bool) {
	return Param{"array", "states", "names of states, such as RUNNING"}, false
}

func (s *stateNames) take(v any) error {
	all, ok := names(v)
	if !ok {
		return incorrectParameters()
	}
	*s = all
	return nil
}

// names takes an array of strings, or one string.
func names(v any) ([]string, bool) {
	if one, ok := text(v); ok {
		return []string{one}, true
	}
	array, ok := v.([]any)
	if !ok {
		return nil, false
	}
	all := make([]string, len(array))
	for i, v := range array {
		if all[i], ok = text(v); !ok {
			return nil, false
		}
	}
	return all, true
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

// texts takes a struct of strings.
func texts(v any) (map[string]string, bool) {
	members, ok := v.(xmlrpc.Struct)
	if !ok {
		return nil, false
	}
	all := make(map[string]string, len(members))
	for _, m := range members {
		if all[m.Name], ok = text(m.Value); !ok {
			return nil, false
		}
	}
	return all, true
}

// double takes a number.
func double(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// parseSignal reads a signal as supervisor/datatypes.py, signal_number, does: a number, or anything that int() takes, or
// a name.
func parseSignal(v any) (syscall.Signal, bool) {
	s, ok := text(v)
	if !ok {
		n, isNumber := number(v)
		if !isNumber {
			return 0, false
		}
		s = display(int(n))
	}
	sig, err := config.ParseSignal(s)
	return sig, err == nil
}
