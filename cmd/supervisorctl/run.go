package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
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
	actions := actionTable()
	for _, p := range o.plugins {
		actions = append(actions, pluginActions(p)...)
	}
	return &controller{
		options: o,
		actions: actions,
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
	// terminal is where people read what is written to out, nil for no such thing; indent is how many columns of it stand before each line.
	terminal *os.File
	indent   int
	flags    map[string]string // those of the action's Flags that were given
	json     bool              // --json was given: a document is wanted
	status   int               // the exit status so far
	quit     bool              // the shell is to end

	lines    []line // reported so far, where a document is wanted
	document any    // what the action came to, where a document is wanted; nil: it has printed what there is
}

// errInterrupted: Ctrl-C.
var errInterrupted = errors.New("interrupted")

// line runs one line. It returns the exit status, and whether the shell is to end.
func (c *controller) line(ctx context.Context, line string) (status int, stop bool) {
	verb, arg, whole, ok := parseLine(line)
	a := find(c.actions, verb)
	r := &run{ctx: ctx, ctl: c, action: a, server: c.server, out: c.out, err: c.err, terminal: terminalOf(c.out)}
	c.known = nil
	if whole == "" {
		return exitSuccess, false
	}
	if !ok || a == nil {
		r.unknown(verb, whole)
		return exitGeneric, false
	}
	if a.asksForHelp(arg) && (a.Extra || r.onTerminal()) {
		_, _ = io.WriteString(r.out, r.helpOf(a))
		return exitSuccess, false
	}
	arg, flags, err := a.cutFlags(arg)
	if err != nil {
		r.println("Error: " + err.Error())
		if r.onTerminal() {
			r.hint("help " + a.Name + " explains the action")
		} else {
			r.println(a.Help)
		}
		return exitInvalidArgs, false
	}
	r.flags = flags
	_, r.json = flags["json"]
	defer func() { c.hintFlags(a, arg, status) }()
	if len(c.options.servers) > 1 && !a.Local {
		return c.everywhere(ctx, a, arg, flags), false
	}
	if a.Endless || c.options.interactive {
		var done context.CancelFunc
		r.ctx, done = signal.NotifyContext(ctx, os.Interrupt)
		defer done()
	}
	err = c.attempt(r, arg)
	if errors.Is(err, errInterrupted) {
		r.println("")
		return exitGeneric, true
	}
	if r.document != nil {
		if err := writeJSON(c.out, r.document); err != nil {
			r.fail(err)
		}
	}
	c.server.idle()
	return r.status, r.quit
}

// meant is the action that is most likely meant by a name that none has, "" for none.
func (c *controller) meant(name string) string {
	var begun []string
	for _, known := range c.actionNames() {
		if strings.HasPrefix(known, name) {
			begun = append(begun, known)
		}
	}
	switch {
	case name != "" && len(begun) == 1:
		return begun[0]
	case len(name) > 3: // of a shorter one a slip leaves too little
		return config.Nearest(name, c.actionNames())
	}
	return ""
}

// unknown says that there is no such action, in Supervisor's words where it is not for people, and which is most likely meant.
func (r *run) unknown(verb, whole string) {
	near := r.ctl.meant(verb)
	if near != "" {
		near = "did you mean " + near + "?"
	}
	if !r.onTerminal() {
		r.println("*** Unknown syntax: " + whole)
		if near != "" {
			r.hint(near)
		}
		return
	}
	word, _, _ := strings.Cut(whole, " ")
	text := fmt.Sprintf("%s there is no action %q", r.style(styleBad, "error:"), printable(word))
	if near != "" {
		text += ": " + near
	}
	r.println(text)
	r.hint("help lists the actions")
}

// hintFlags explains what happened to a misspelt flag of one of Supervisor's own actions: it was a name, as in Supervisor, that does not exist.
func (c *controller) hintFlags(a *Action, arg string, status int) {
	if status == exitSuccess || a.Extra || a.OthersFlags {
		return
	}
	for word := range strings.FieldsSeq(arg) {
		name, flag := strings.CutPrefix(word, "--")
		if !flag || name == "" {
			continue
		}
		if name == "help" {
			_, _ = io.WriteString(c.err, "hint: --help is taken for a name, as in Supervisor; help "+a.Name+" explains the action\n")
			continue
		}
		var known []string
		for _, f := range a.Flags {
			known = append(known, f.Name)
		}
		name, _, _ = strings.Cut(name, "=")
		text := "hint: " + printable(word) + " is taken for a name, as in Supervisor; " + a.Name + " takes " + a.flagList()
		if near := config.Nearest(name, known); near != "" {
			text += "; is --" + near + " meant?"
		}
		_, _ = io.WriteString(c.err, text+"\n")
	}
}

// attempt runs an action, asks for a name and a password if the server requires
// them, and prints errors.
func (c *controller) attempt(r *run, arg string) error {
	for {
		err := r.perform(arg)
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

// waitHark is wait for a method of the hark namespace.
func (r *run) waitHark(method string, args ...any) (any, error) {
	defer r.progress(r.action.Name)()
	return r.server.wait(r.ctx, "hark."+method, args...)
}

// ask calls a method that Hark adds and that is answered at once. It refuses where the daemon does not know
// the method: Supervisor's has none of them.
func (r *run) ask(method string, args ...any) (any, error) {
	if err := r.up(); err != nil {
		return nil, err
	}
	v, err := r.server.call(r.ctx, "hark."+method, args...)
	return knows(method, v, err)
}

// knows makes a refusal of a daemon's answer that it does not know a method that Hark adds.
func knows(method string, v any, err error) (any, error) {
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		err = refuse(failed(exitUnimplementedFeature, "Error: this supervisord does not know hark."+method+"; it is Supervisor's, or an old one"))
	}
	return v, err
}

// asFault returns the fault that an error is, nil if it is none.
func asFault(err error) *xmlrpc.Fault {
	var f *xmlrpc.Fault
	errors.As(err, &f)
	return f
}
