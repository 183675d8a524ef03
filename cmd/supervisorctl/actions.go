package main

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// Action is one verb of the command line and the shell.
type Action struct {
	Name string
	// Help is what "help NAME" prints, less the last newline; "" hides the action
	// from the list of "help" too.
	Help string
	// Extra: the action is Hark's own; "help" lists those in a paragraph after
	// Supervisor's, as it does with the actions of a plugin there.
	Extra bool
	// Plugin is the name of the [ctlplugin:x] section that brought the action, ""
	// for none.
	Plugin string
	// Flags are Hark's. Anything else that begins with two dashes is an argument of an action of Supervisor's, and refused by one of Hark's
	// own, unless a word -- stands before it.
	// --json is added where the action has documents.
	Flags []Flag
	// OthersFlags: the arguments are another program's, with flags of its own.
	OthersFlags bool
	// Complete is what its arguments may become; completeNothing for nothing.
	Complete completer
	// JSON is what --json prints, a row for each form of the action; textOnly() for an
	// action without --json.
	JSON []document
	// Endless: Ctrl-C is an ordinary end of the action. All others die of it on the
	// command line, and end the shell.
	Endless bool
	// GoesOn reports whether the action, with these arguments, ends by Ctrl-C only; nil
	// for one that ends.
	GoesOn func(arg string) bool
	// OneServer: the action is refused with several.
	OneServer bool
	// AskOnce: with several servers the shell asks once, before it calls any of them.
	AskOnce bool
	// Local: the action needs no server; with several it runs once.
	Local bool
	// Run does it. arg is the line after the verb, less flags and surrounding
	// white space. An error is a refusal, or what would be an exception that Supervisor's
	// supervisorctl prints.
	Run func(r *run, arg string) (answer, error)
}

// Flag is one flag of an action: --name, or --name=VALUE.
type Flag struct {
	Name   string // without dashes
	Value  bool   // takes a value
	Help   string
	Values func() []string // what the value may become; nil: not known
}

// document is what --json prints for one form of an action. docs/supervisorctl.md lists them.
type document struct {
	form  string // the action with what chooses the form, such as "config check"
	args  string // what an example takes besides: the tests run it
	value any    // of the type that is encoded; nil: the action prints text that is a document
	text  string // what the page says of it; "": the members of the type
}

// lines is the document of an action that reports lines.
func lines(form, args string) []document {
	return []document{{form: form, args: args, value: []line{}}}
}

// textOnly is for an action whose output is text by its nature.
func textOnly() []document { return []document{} }

// verbs has a method for each action, in the action's own file: func (verbs) Start() Action.
type verbs struct{}

// actionTable returns every action, as the methods of verbs make them, in the order in which "help" and completion list
// them: Supervisor's, then those that Hark adds, each sorted by name, with what is hidden at the end.
func actionTable() []Action {
	all := reflect.ValueOf(verbs{})
	table := make([]Action, all.NumMethod())
	for i := range table {
		action, ok := all.Method(i).Interface().(func() Action)
		if !ok {
			panic("internal error: verbs." + all.Type().Method(i).Name + " does not return an Action")
		}
		table[i] = action()
	}
	slices.SortFunc(table, func(a, b Action) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(a.Name, b.Name))
	})
	return withJSON(table)
}

// rank is where the action stands among those of other kinds.
func (a *Action) rank() int {
	switch {
	case a.Extra:
		return 2
	case a.Help == "":
		return 1
	}
	return 0
}

// withJSON adds --json to the actions that have a document.
func withJSON(table []Action) []Action {
	for i := range table {
		if a := &table[i]; len(a.JSON) > 0 {
			a.Flags = append(a.Flags, Flag{Name: "json", Help: "print JSON (docs/supervisorctl.md)"})
		}
	}
	return table
}

// find returns the action of a name.
func find(table []Action, name string) *Action {
	if i := slices.IndexFunc(table, func(a Action) bool { return a.Name == name }); i >= 0 {
		return &table[i]
	}
	return nil
}

// parseLine cuts a line into verb and rest as Python's cmd.Cmd does: the verb
// ends where no letter, digit or underscore follows. ok is false for a line that
// cannot be one.
func parseLine(line string) (verb, arg, whole string, ok bool) {
	line = strings.TrimSpace(line)
	switch {
	case line == "":
		return "", "", "", false
	case line[0] == '?':
		line = "help " + line[1:]
	case line[0] == '!':
		return "", "", line, false
	}
	n := 0
	for n < len(line) && isIdentifier(line[n]) {
		n++
	}
	return line[:n], strings.TrimSpace(line[n:]), line, true
}

func isIdentifier(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// cutFlags takes the action's own flags out of its arguments, wherever they
// stand before a "--". What it does not know stays where it is.
func (a *Action) cutFlags(arg string) (rest string, flags map[string]string, err error) {
	if len(a.Flags) == 0 && !a.ownFlags() {
		return arg, nil, nil
	}
	var kept []string
	flags = map[string]string{}
	words := strings.Fields(arg)
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		name, value, hasValue := strings.Cut(strings.TrimPrefix(word, "--"), "=")
		i := -1
		if strings.HasPrefix(word, "--") {
			i = slices.IndexFunc(a.Flags, func(f Flag) bool { return f.Name == name })
		}
		switch {
		case word == "--" && a.ownFlags():
			kept, words = append(kept, words...), nil
			continue
		case i < 0 && a.ownFlags() && strings.HasPrefix(word, "--"):
			return "", nil, usagef("option --%s not recognized: %s takes %s", name, a.Name, a.flagList())
		case i < 0:
			kept = append(kept, word)
			continue
		case !a.Flags[i].Value && hasValue:
			return "", nil, usagef("option --%s must not have an argument", name)
		case a.Flags[i].Value && !hasValue && len(words) == 0:
			return "", nil, usagef("option --%s requires argument", name)
		case a.Flags[i].Value && !hasValue:
			value, words = words[0], words[1:]
		}
		flags[name] = value
	}
	return strings.Join(kept, " "), flags, nil
}

// ownFlags reports whether all flags that the action may be given are Flags.
func (a *Action) ownFlags() bool { return a.Extra && !a.OthersFlags }

// flagList is the action's flags for a sentence: "--events, --json", or "no options".
func (a *Action) flagList() string {
	names := make([]string, len(a.Flags))
	for i, f := range a.Flags {
		names[i] = "--" + f.Name
	}
	if len(names) == 0 {
		return "no options"
	}
	return strings.Join(names, ", ")
}

func joinArgs(args []string) string { return strings.Join(args, " ") }
