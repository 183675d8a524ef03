// Command supervisor-listener-test reports whether a program is a good event listener.
// It runs the program as supervisord would, plays scripted dialogues with it and
// says for each rule of PROTOCOL.md, section 11, whether it was kept:
//
//	supervisor-listener-test [options] COMMAND...
//
// Two further modes work with real traffic: record sits between supervisord and a
// listener and writes down what passes, replay plays that to a listener again and
// compares its answers. README.md is the manual.
//
// How it works: rules.go is the table of rules, each with a scenario in
// scenarios.go or faults.go. A scenario speaks through a session, which is one life
// of the program and the state of the dialogue with it; what the program writes goes
// through one strict reader (output.go). Whatever breaks a rule is a breach that names the rule,
// so that a listener with one fault fails one rule, in whichever scenario it shows.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Exit statuses.
const (
	exitKept   = 0 // no MUST rule was broken, no answer differed
	exitBroken = 1
	exitUsage  = 2
)

// The bounds of what a user may set, and the defaults.
const (
	defaultTimeout  = 10 * time.Second
	defaultStopWait = 10 * time.Second // supervisord's stopwaitsecs
	defaultCount    = 1000
	maxCount        = 10_000_000
	defaultCredits  = 8
	maxCredits      = eventlistener.MaxInFlightLimit
)

const usageText = `supervisor-listener-test -- check whether a program is a correct event listener.

Usage: supervisor-listener-test [options] [--] COMMAND [ARGUMENT...]
       supervisor-listener-test record FILE -- COMMAND [ARGUMENT...]
       supervisor-listener-test replay [options] FILE -- COMMAND [ARGUMENT...]

Runs an event listener through scripted dialogues and reports for each rule of PROTOCOL.md (section 11)
whether the listener keeps it. The command is really run and handles invented events: let it write only
where tests may write.

record passes everything between supervisord and the listener, and appends it to FILE (%p in its name is
the process id). Put it before the command of the listener's section. replay plays a recording to a
listener and compares its answers with the recorded ones.

Options:
-e/--events TYPES -- types that the listener handles, separated by commas, as in events=; default EVENT
--rule IDS -- only these rules, e.g. R8,R21, and the basic rules that they depend on
--faults -- play the faults as well (F1...): killed listeners, duplicates, stalls, closed pipes
--list -- list the rules and exit
--count N -- number of events for the rule about many events; default 1000
--max-in-flight N -- credits offered in the rule about credits, 2 to 4096; default 8
--timeout SECONDS -- how long each action of the listener may take; default 10
--stopwaitsecs SECONDS -- how long the listener may take to end; default 10
--env K=V -- a further variable for its environment; may be repeated
--stderr -- show what the listener writes to stderr
--json -- write one JSON object instead of the table
-h/--help -- this text

The listener is started as by supervisord, without a locale; R8 is also tried with LC_CTYPE=C.UTF-8, unless --env sets a locale.
The listener gets the variables SUPERVISOR_... that supervisord would set, never those of the caller. No daemon
listens at its SUPERVISOR_SERVER_URL, unless --env sets another one.

Exit status: 0 no MUST rule was broken (replay: no answer differs); 1 one was; 2 wrong usage, or the command
cannot be run. record exits with the listener's status (128 + N for signal N).
`

// settings are what the options say.
type settings struct {
	types    []eventlistener.Type
	rules    map[string]bool // nil: all
	faults   bool
	list     bool
	count    int
	credits  int
	timeout  time.Duration
	stopWait time.Duration
	env      []string
	stderr   io.Writer // where the listener's stderr is shown; nil: nowhere
	json     bool
	command  []string
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// ignoreSignals ignores what supervisord ignores in every program that it starts, for
// listeners inherit that from us.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }

// run is the whole command; it returns the exit status.
func run(args []string, stdin *os.File, stdout *os.File, stderr io.Writer) int {
	ignoreSignals()
	verb := ""
	if len(args) > 0 && (args[0] == "record" || args[0] == "replay") {
		verb, args = args[0], args[1:]
	}
	if verb == "record" {
		return runRecord(args, stdin, stdout, stderr)
	}
	s, file, err := parse(args, verb == "replay", stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = io.WriteString(stdout, usageText)
		return exitKept
	case err != nil:
		return usage(stderr, err)
	case s.list:
		list(stdout)
		return exitKept
	case verb == "replay":
		return runReplay(s, file, stdout, stderr)
	}
	return runRules(s, stdout, stderr)
}

func usage(stderr io.Writer, err error) int {
	_, _ = fmt.Fprintf(stderr, "supervisor-listener-test: %v\nsupervisor-listener-test --help explains the options\n", err)
	return exitUsage
}

// parse reads the options; file is the recording, where there is to be one.
func parse(args []string, withFile bool, stderr io.Writer) (s settings, file string, err error) {
	fs := flag.NewFlagSet("supervisor-listener-test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	var events, rules string
	var timeout, stopWait float64
	var showStderr bool
	fs.StringVar(&events, "events", "EVENT", "")
	fs.StringVar(&events, "e", "EVENT", "")
	fs.StringVar(&rules, "rule", "", "")
	fs.BoolVar(&s.faults, "faults", false, "")
	fs.BoolVar(&s.list, "list", false, "")
	fs.IntVar(&s.count, "count", defaultCount, "")
	fs.IntVar(&s.credits, "max-in-flight", defaultCredits, "")
	fs.Float64Var(&timeout, "timeout", defaultTimeout.Seconds(), "")
	fs.Float64Var(&stopWait, "stopwaitsecs", defaultStopWait.Seconds(), "")
	fs.BoolVar(&showStderr, "stderr", false, "")
	fs.BoolVar(&s.json, "json", false, "")
	fs.Func("env", "", func(v string) error {
		if name, _, ok := strings.Cut(v, "="); !ok || name == "" || strings.ContainsRune(v, 0) {
			return errors.New("not NAME=VALUE")
		}
		s.env = append(s.env, v)
		return nil
	})
	if err := fs.Parse(args); err != nil {
		return s, "", err
	}
	if s.list {
		return s, "", nil
	}
	rest := fs.Args()
	if withFile {
		if len(rest) == 0 {
			return s, "", errors.New("no recording to replay is given")
		}
		file, rest = rest[0], rest[1:]
		if len(rest) > 0 && rest[0] == "--" {
			rest = rest[1:]
		}
	}
	if len(rest) == 0 {
		return s, "", errors.New("no command is given")
	}
	s.command = rest
	if s.types, err = parseTypes(events); err != nil {
		return s, "", err
	}
	if s.rules, err = parseRules(rules); err != nil {
		return s, "", err
	}
	if s.count < 1 || s.count > maxCount {
		return s, "", fmt.Errorf("--count is %d, not 1 to %d", s.count, maxCount)
	}
	if s.credits < 2 || s.credits > maxCredits {
		return s, "", fmt.Errorf("--max-in-flight is %d, not 2 to %d", s.credits, maxCredits)
	}
	if s.timeout, err = seconds("--timeout", timeout); err != nil {
		return s, "", err
	}
	if s.stopWait, err = seconds("--stopwaitsecs", stopWait); err != nil {
		return s, "", err
	}
	if showStderr {
		s.stderr = stderr
	}
	return s, file, nil
}

func seconds(option string, n float64) (time.Duration, error) {
	const most = 24 * 60 * 60
	if !(n > 0 && n <= most) {
		return 0, fmt.Errorf("%s is %v, not above 0 and up to %d seconds", option, n, most)
	}
	return time.Duration(n * float64(time.Second)), nil
}

// parseTypes reads a list of types and returns the ones that are sent.
func parseTypes(list string) ([]eventlistener.Type, error) {
	var asked []eventlistener.Type
	for name := range strings.SplitSeq(list, ",") {
		t, ok := eventlistener.ParseType(strings.TrimSpace(name))
		if !ok {
			return nil, fmt.Errorf("--events names %q, which is not an event type", strings.TrimSpace(name))
		}
		asked = append(asked, t)
	}
	var sent []eventlistener.Type
	for _, t := range eventlistener.Types() {
		if !t.IsSent() {
			continue
		}
		for _, a := range asked {
			if t.Is(a) {
				sent = append(sent, t)
				break
			}
		}
	}
	return sent, nil
}

func parseRules(list string) (map[string]bool, error) {
	if list == "" {
		return nil, nil
	}
	wanted := map[string]bool{}
	for id := range strings.SplitSeq(list, ",") {
		id = strings.ToUpper(strings.TrimSpace(id))
		if findRule(id) == nil {
			return nil, fmt.Errorf("--rule names %q; --list lists the rules", id)
		}
		wanted[id] = true
	}
	return wanted, nil
}
