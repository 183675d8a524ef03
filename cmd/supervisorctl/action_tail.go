package main

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// tailBytes is how much of a log is shown where no number is given.
const tailBytes = 1600

func (verbs) Tail() Action {
	return Action{
		Name: "tail",
		Help: "tail [-f] <name> [stdout|stderr] (default stdout)\n" +
			"Ex:\n" +
			"tail -f <name>\t\tContinuous tail of named process stdout\n" +
			"\t\t\tCtrl-C to exit.\n" +
			"tail -100 <name>\tlast 100 *bytes* of process stdout\n" +
			"tail <name> stderr\tlast 1600 *bytes* of process stderr",
		Flags:    []Flag{linesFlag(), {Name: "names", Help: "the lines of several programs, each behind the name of its program; on a terminal several do without"}},
		Complete: completeProcesses, JSON: textDocument("tail", "cat"),
		Endless: true, GoesOn: follows,
		Run: tail,
	}
}

func tail(r *run, arg string) (answer, error) {
	if err := r.refuseFollowing(arg); err != nil {
		return answer{}, err
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	words := strings.Fields(arg)
	wanted, err := r.extended(words)
	if err != nil {
		return answer{}, err
	}
	if wanted != nil {
		return r.tailLogs(wanted)
	}
	a, err := r.tailOne(words)
	var own *refusal
	if hint := tailHint(words); hint != "" && errors.As(err, &own) {
		err = withHints(err, hint)
	}
	return a, err
}

// tailOne is Supervisor's tail.
func (r *run) tailOne(words []string) (answer, error) {
	switch {
	case len(words) < 1:
		return answer{}, r.misuse(exitGeneric, "Error: too few arguments")
	case len(words) > 3:
		return answer{}, r.misuse(exitGeneric, "Error: too many arguments")
	}
	modifier := ""
	if words[0][0] == '-' {
		modifier, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return answer{}, refuseText("Error: tail requires process name")
	}
	name, channel := words[0], "stdout"
	if len(words) > 1 {
		channel = strings.ToLower(words[len(words)-1])
		if channel != "stdout" && channel != "stderr" {
			return answer{}, refuseText("Error: bad channel " + pytext.Quote(channel))
		}
	}
	if modifier == "-f" {
		return r.follow("/logtail/" + name + "/" + channel)
	}
	n, err := tailCount(modifier)
	if err != nil {
		return answer{}, err
	}
	method := "readProcessStdoutLog"
	if channel == "stderr" {
		method = "readProcessStderrLog"
	}
	a, err := r.logEnd(name, "no such process name", method, name, -n, 0)
	var own *refusal
	if errors.As(err, &own) {
		if why := r.whyUnreadable(&tailedLog{name: name, channel: channel}); why != "" {
			err = withHints(err, why)
		}
	}
	return a, err
}

// linesFlag is the flag of tail and maintail for lines.
func linesFlag() Flag {
	return Flag{Name: "lines", Value: true, Help: "so many of the last lines, instead of bytes; on a terminal -n LINES, too"}
}

// whyUnreadable says why a log cannot be read if that is because it is not a file, "" otherwise.
func (r *run) whyUnreadable(l *tailedLog) string {
	p, err := asked[processInfo](r.call("getProcessInfo", l.name))
	if l.name == "" || err != nil {
		return "" // its name is wrong, which has been said
	}
	path := p.StdoutLog
	if l.channel == "stderr" {
		path = p.StderrLog
	}
	if !strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/proc/") {
		return ""
	}
	return path + " cannot be read back; what " + l.name + " writes is where supervisord's own output goes, so ask for it there"
}

// logEnd is the end of a log.
func (r *run) logEnd(whose, badName, method string, args ...any) (answer, error) {
	text, err := asked[string](r.call(method, args...))
	if fault := asFault(err); fault != nil {
		switch {
		case fault.Code == faultNoFile:
			err = refuse(problem(exitGeneric, whose, "no log file"))
		case fault.Code == faultFailed:
			err = refuse(problem(exitGeneric, whose, "unknown error reading log"))
		case fault.Code == faultBadName && badName != "":
			err = refuse(problem(exitGeneric, whose, badName))
		}
	}
	if err != nil {
		return answer{}, err
	}
	return answer{value: logText{text}, text: text + "\n"}, nil
}

// logText is the end of a log as a document.
type logText struct {
	Text string `json:"text"`
}

// textDocument is the document of tail and maintail.
func textDocument(form, args string) []document {
	return []document{{form: form, args: args, value: logText{}, text: "`text`; not with `-f`"}}
}

// follows reports whether a log is to be followed.
func follows(arg string) bool { return slices.Contains(strings.Fields(arg), "-f") }

// refuseFollowing refuses a followed log as a document.
func (r *run) refuseFollowing(arg string) error {
	if r.json && follows(arg) {
		return r.misuse(exitInvalidArgs, "Error: --json does not go with -f")
	}
	return nil
}

// tailCount reads -N as Python's int reads N; "" is the default. The error is a refusal of
// what is not a number, or errOverflow for one that XML-RPC cannot carry.
func tailCount(modifier string) (int, error) {
	if modifier == "" {
		return tailBytes, nil
	}
	digits := modifier[1:]
	for i := 1; i < len(digits)-1; i++ {
		if digits[i] == '_' && isDigit(digits[i-1]) && isDigit(digits[i+1]) {
			digits = digits[:i] + digits[i+1:]
		}
	}
	sign := strings.TrimLeft(digits, "+-")
	if sign == "" || len(digits)-len(sign) > 1 || strings.Trim(sign, "0123456789") != "" {
		return 0, refuseText("Error: bad argument " + modifier)
	}
	n, err := strconv.Atoi(digits)
	if err != nil || -n < math.MinInt32 || -n > math.MaxInt32 {
		return 0, errOverflow
	}
	return n, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
