package rpc

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// Access is what a caller may do.
type Access int

// The kinds of access.
const (
	ReadOnly Access = iota // only methods that change nothing
	Control                // everything
)

// errInternal answers a call that panicked; the panic has been logged.
var errInternal = errors.New("internal error")

// Dispatcher finds methods by their names and calls them. It is safe for
// concurrent use. Besides the namespaces it is given it has "system".
type Dispatcher struct {
	activity func(config.Level, string)
	observe  func(method string, took time.Duration) // nil: calls are not measured
	memory   *memory                                 // for calls that no request has made
	base     []Namespace
	tables   atomic.Pointer[[2]table] // by Access
}

// table is every method that one kind of access sees, by its full name.
type table struct {
	methods map[string]*Method
	names   []string                             // sorted
	missing map[string]func(method string) error // by namespace
	weights map[string]*atomic.Int64             // what weigh said of each method's last answer
}

// NewDispatcher makes a dispatcher. activity is called with a CRIT line when a
// method panics; nil drops it. Of two namespaces of one name, the later wins.
func NewDispatcher(activity func(config.Level, string), namespaces ...Namespace) *Dispatcher {
	if activity == nil {
		activity = func(config.Level, string) {}
	}
	began := time.Now()
	d := &Dispatcher{activity: activity, base: namespaces, memory: newMemory(defaultMemory(), func() time.Duration { return time.Since(began) })}
	d.SetNamespaces(nil)
	return d
}

// SetNamespaces replaces the namespaces that were added to those of
// NewDispatcher; calls under way are not disturbed. A namespace of
// NewDispatcher can't be replaced.
func (d *Dispatcher) SetNamespaces(added []Namespace) {
	var both [2]table
	for _, access := range []Access{ReadOnly, Control} {
		byName := map[string]Namespace{}
		for _, ns := range slices.Concat(added, d.base, []Namespace{d.systemNamespace(access)}) {
			byName[ns.Name] = ns
		}
		t := table{methods: map[string]*Method{}, missing: map[string]func(string) error{}, weights: map[string]*atomic.Int64{}}
		for _, ns := range byName {
			if ns.Missing != nil {
				t.missing[ns.Name] = ns.Missing
			}
			for i := range ns.Methods {
				m := &ns.Methods[i]
				name := ns.Name + "." + m.Name
				t.methods[name] = m
				t.names = append(t.names, name)
				t.weights[name] = new(atomic.Int64)
			}
		}
		slices.Sort(t.names)
		both[access] = t
	}
	d.tables.Store(&both)
}

func (d *Dispatcher) table(access Access) *table { return &d.tables.Load()[access] }

// Permits reports whether that kind of access may call a method; a method that does not exist may be called, and fails.
func (d *Dispatcher) Permits(access Access, method string) bool {
	m := d.table(access).methods[method]
	return m == nil || access == Control || m.ReadOnly
}

// Has reports whether there is such a method apart from those of system.
func (d *Dispatcher) Has(method string) bool {
	return d.table(Control).methods[method] != nil && !strings.HasPrefix(method, "system.")
}

// lasts reports whether a call of a method may last, and whether it is one that changes nothing.
func (d *Dispatcher) lasts(access Access, method string) (waits, readOnly bool) {
	m := d.table(access).methods[method]
	if m == nil {
		return false, true
	}
	return m.Waits, m.ReadOnly
}

// weight is where what weigh says of a method's answers is kept. Of a method that is not there it is kept nowhere.
func (d *Dispatcher) weight(access Access, method string) *atomic.Int64 {
	if w := d.table(access).weights[method]; w != nil {
		return w
	}
	return new(atomic.Int64)
}

// Call calls a method and waits for its answer. ctx need end with the caller only for methods that wait (Method.Waits). The error is an *xmlrpc.Fault,
// the context's, or, when the method panicked, another, already logged.
func (d *Dispatcher) Call(ctx context.Context, access Access, method string, args []any) (any, error) {
	c, end := d.claimOf(ctx)
	defer end()
	value, err := d.call(ctx, c, access, method, args)
	if err != nil {
		return nil, err
	}
	value = valuesOf(value)
	if textsOf(value) == nil {
		d.weight(access, method).Store(int64(weigh(value)))
	}
	return settle(ctx, c, value)
}

// Open is Call, but that a large text is given as it is: as an open LogSlice.
func (d *Dispatcher) Open(ctx context.Context, access Access, method string, args []any) (any, error) {
	c, end := d.claimOf(ctx)
	defer end()
	value, err := d.call(ctx, c, access, method, args)
	if value = valuesOf(value); err != nil || largest(textsOf(value)) > smallText {
		return value, err
	}
	return settle(ctx, c, value)
}

// valuesOf is a value with records in it as structs, for who does not encode it.
func valuesOf(value any) any {
	if rows, ok := value.(xmlrpc.Rows); ok {
		return rows.Structs()
	}
	return value
}

// claimOf is the claim of the request that a context belongs to, or one for as long as a call takes.
func (d *Dispatcher) claimOf(ctx context.Context) (c *portion, end func()) {
	if c = claimOf(ctx); c != nil {
		return c, func() {}
	}
	c = &portion{memory: d.memory}
	return c, c.release
}

// call is Call, but that a text and rows are given as they are.
func (d *Dispatcher) call(ctx context.Context, c *portion, access Access, method string, args []any) (value any, err error) {
	t := d.table(access)
	m := t.methods[method]
	switch {
	case m == nil:
		namespace, name, _ := strings.Cut(method, ".")
		if missing := t.missing[namespace]; missing != nil {
			err := missing(name)
			if f, ok := errors.AsType[*xmlrpc.Fault](err); ok {
				return nil, f
			}
			return nil, faultOf(err, "")
		}
		return nil, plainFault(UnknownMethod)
	case access != Control && !m.ReadOnly:
		return nil, fault(Failed, "these credentials are read-only")
	case !m.takes(len(args)):
		return nil, incorrectParameters()
	}
	defer func() {
		if p := recover(); p != nil {
			d.activity(config.CRIT, fmt.Sprintf("Handling XML-RPC request for %s() raised an unexpected exception: %v\n%s", method, p, debug.Stack()))
			value, err = nil, errInternal
		}
	}()
	if expected := 2 * t.weights[method].Load(); expected > freeClaim && m.ReadOnly && !m.Waits {
		// What it answered last it will answer again, about, and that is claimed before it is there.
		if err := c.add(ctx, expected); err != nil {
			return nil, err
		}
	}
	if d.observe != nil {
		defer func(begun time.Time) { d.observe(method, time.Since(begun)) }(time.Now())
	}
	value, err = m.Call(ctx, args)
	if err != nil {
		var f *xmlrpc.Fault
		if errors.As(err, &f) {
			return nil, f
		}
		return nil, faultOf(err, "")
	}
	return value, nil
}
