package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// controller is one supervisorctl: the settings, the table of actions and the
// server. One goroutine uses it.
type controller struct {
	options *options
	actions []Action
	server  *client
	in      *input
	out     io.Writer
	err     io.Writer
	known   []processInfo // for completion, until the next line; nil: not asked yet
}

func newController(o *options, std streams) *controller {
	return &controller{
		options: o,
		actions: actionTable(),
		server:  newClient(o.servers[0], o.username, o.password),
		in:      newInput(std.in, std.out),
		out:     std.out,
		err:     std.err,
	}
}

func (c *controller) close() {
	c.server.close()
	c.in.close()
}

// run is one action on one server: all that the action may touch. Runs on
// several servers may go on at the same time, each with its own.
type run struct {
	ctx    context.Context
	ctl    *controller // shared: settings and input
	action *Action
	server *client
	out    io.Writer
	err    io.Writer
	flags  map[string]string // those of the action's Flags that were given
	status int               // the exit status so far
	quit   bool              // the shell is to end
}

// errInterrupted: Ctrl-C.
var errInterrupted = errors.New("interrupted")

// line runs one line. It returns the exit status, and whether the shell is to end.
func (c *controller) line(ctx context.Context, line string) (status int, stop bool) {
	verb, arg, whole, ok := parseLine(line)
	a := find(c.actions, verb)
	r := &run{ctx: ctx, ctl: c, action: a, server: c.server, out: c.out, err: c.err}
	c.known = nil
	if whole == "" {
		return exitSuccess, false
	}
	if !ok || a == nil {
		r.printf("*** Unknown syntax: %s\n", whole)
		return exitGeneric, false
	}
	arg, flags, err := a.cutFlags(arg)
	if err != nil {
		r.printf("Error: %v\n%s\n", err, a.Help)
		return exitInvalidArgs, false
	}
	r.flags = flags
	if len(c.options.servers) > 1 && !a.Local {
		return c.everywhere(ctx, a, arg, flags), false
	}
	if a.Endless || c.options.interactive {
		var done context.CancelFunc
		r.ctx, done = signal.NotifyContext(ctx, os.Interrupt)
		defer done()
	}
	err = c.attempt(r, a, arg)
	if errors.Is(err, errInterrupted) {
		r.println("")
		return exitGeneric, true
	}
	c.server.idle()
	return r.status, r.quit
}

// attempt runs an action, asks for a name and a password where the server wants
// them, and prints what went wrong.
func (c *controller) attempt(r *run, a *Action, arg string) error {
	for {
		err := a.Run(r, arg)
		var refused *protocolError
		switch {
		case err == nil || errors.Is(err, errInterrupted):
			return err
		case !errors.As(err, &refused) || refused.code != 401:
			r.fail(err)
			return nil
		case !c.options.interactive:
			// Supervisor says so and then tries once more, to meet the exception.
			r.println("Server requires authentication")
			r.fail(err)
			return nil
		}
		r.println("Server requires authentication")
		if err := c.authenticate(r); errors.Is(err, errInterrupted) {
			return err
		} else if err != nil {
			r.fail(err)
			return nil
		}
	}
}

// authenticate asks for a name and a password and uses them from now on.
func (c *controller) authenticate(r *run) error {
	name, err := c.in.ask(r.ctx, "Username:")
	if err != nil {
		return err
	}
	password, err := c.in.askSecret(r.ctx, "Password:")
	if err != nil {
		return err
	}
	r.println("")
	c.options.username, c.options.password = &name, &password
	r.server.authenticate(&name, &password)
	return nil
}

// fail prints an error as Supervisor prints an exception.
func (r *run) fail(err error) {
	f := describe(err)
	r.printf("error: <class '%s'>, %s\n", f.class, f.text)
	if f.hint != "" {
		r.hint(f.hint)
	}
	r.status = exitGeneric
}

// hint says on standard error what to do next: Supervisor has no such line, so
// it stays out of what scripts read.
func (r *run) hint(text string) { _, _ = fmt.Fprintln(r.err, "hint: "+text) }

func (r *run) printf(format string, args ...any) { _, _ = fmt.Fprintf(r.out, format, args...) }
func (r *run) println(line string)               { _, _ = io.WriteString(r.out, line+"\n") }

// misuse says what is wrong with the arguments, then how the action is used.
func (r *run) misuse(status int, text string) {
	r.println(text)
	r.status = status
	r.println(r.action.Help)
}

// call makes one call that is answered at once.
func (r *run) call(method string, args ...any) (any, error) {
	return r.server.call(r.ctx, "supervisor."+method, args...)
}

// wait makes one call that is answered when processes have got somewhere, which
// takes as long as they take.
func (r *run) wait(method string, args ...any) (any, error) {
	defer r.progress(r.action.Name)()
	return r.server.wait(r.ctx, "supervisor."+method, args...)
}

// fault sets the exit status from a fault or a result's status, unless it is the
// one that does not count here (supervisorctl.py, set_exitstatus_from_xmlrpc_fault).
func (r *run) fault(code, ignored int) {
	switch code {
	case ignored, faultSuccess:
	case faultSpawnError, faultAbnormalTermination, faultNotRunning:
		r.status = exitNotRunning
	default:
		r.status = exitGeneric
	}
}

// asFault returns the fault that an error is, nil if it is none.
func asFault(err error) *xmlrpc.Fault {
	var f *xmlrpc.Fault
	errors.As(err, &f)
	return f
}
