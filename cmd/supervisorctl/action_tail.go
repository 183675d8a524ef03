package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/core/pyrepr"
	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// tailBytes is how much of a log is shown where no number is given.
const tailBytes = 1600

func tailAction() Action {
	return Action{
		Name: "tail",
		Help: "tail [-f] <name> [stdout|stderr] (default stdout)\n" +
			"Ex:\n" +
			"tail -f <name>\t\tContinuous tail of named process stdout\n" +
			"\t\t\tCtrl-C to exit.\n" +
			"tail -100 <name>\tlast 100 *bytes* of process stdout\n" +
			"tail <name> stderr\tlast 1600 *bytes* of process stderr",
		Complete: completeProcesses,
		Endless:  true,
		Run:      tail,
	}
}

func tail(r *run, arg string) error {
	if ok, err := r.up(); !ok {
		return err
	}
	words := strings.Fields(arg)
	switch {
	case len(words) < 1:
		r.misuse(exitGeneric, "Error: too few arguments")
		return nil
	case len(words) > 3:
		r.misuse(exitGeneric, "Error: too many arguments")
		return nil
	}
	modifier := ""
	if words[0][0] == '-' {
		modifier, words = words[0], words[1:]
	}
	if len(words) == 0 {
		r.refuse("Error: tail requires process name")
		return nil
	}
	name, channel := words[0], "stdout"
	if len(words) > 1 {
		channel = strings.ToLower(words[len(words)-1])
		if channel != "stdout" && channel != "stderr" {
			r.refuse("Error: bad channel " + pyrepr.String(channel))
			return nil
		}
	}
	if modifier == "-f" {
		return r.follow("/logtail/" + name + "/" + channel)
	}
	n, ok, err := tailCount(modifier)
	if !ok {
		r.refuse("Error: bad argument " + modifier)
		return nil
	}
	if err != nil {
		return err
	}
	method := "readProcessStdoutLog"
	if channel == "stderr" {
		method = "readProcessStderrLog"
	}
	failed, err := r.showTail(name, "no such process name", method, name, -n, 0)
	if failed {
		r.explainUnreadable(name, channel)
	}
	return err
}

// explainUnreadable says why a log cannot be read where that is because it is no file.
func (r *run) explainUnreadable(name, channel string) {
	v, err := r.call("getProcessInfo", name)
	if err != nil {
		return // its name is wrong, which has been said
	}
	info, _ := v.(xmlrpc.Struct)
	path := stringOf(info, channel+"_logfile")
	if strings.HasPrefix(path, "/dev/") || strings.HasPrefix(path, "/proc/") {
		r.hint(path + " cannot be read back; what " + name + " writes is where supervisord's own output goes, so ask for it there")
	}
}

// refuse says what is wrong with an argument.
func (r *run) refuse(text string) {
	r.println(text)
	r.status = exitGeneric
}

// showTail prints the end of a log, or why there is none, and reports whether that was so.
func (r *run) showTail(whose, badName, method string, args ...any) (failed bool, err error) {
	v, err := r.call(method, args...)
	if fault := asFault(err); fault != nil {
		text := ""
		switch {
		case fault.Code == faultNoFile:
			text = "no log file"
		case fault.Code == faultFailed:
			text = "unknown error reading log"
		case fault.Code == faultBadName && badName != "":
			text = badName
		default:
			return false, err
		}
		r.refuse(whose + ": ERROR (" + text + ")")
		return true, nil
	}
	if err != nil {
		return false, err
	}
	text, err := asText(v)
	if err == nil {
		r.println(text)
	}
	return false, err
}

// tailCount reads -N as Python's int reads N; "" is the default. ok is false for
// what is not a number; the error is for one that XML-RPC cannot carry.
func tailCount(modifier string) (n int, ok bool, err error) {
	if modifier == "" {
		return tailBytes, true, nil
	}
	digits := modifier[1:]
	for i := 1; i < len(digits)-1; i++ {
		if digits[i] == '_' && isDigit(digits[i-1]) && isDigit(digits[i+1]) {
			digits = digits[:i] + digits[i+1:]
		}
	}
	sign := strings.TrimLeft(digits, "+-")
	if sign == "" || len(digits)-len(sign) > 1 || strings.Trim(sign, "0123456789") != "" {
		return 0, false, nil
	}
	n, parseErr := strconv.Atoi(digits)
	if parseErr != nil || -n < math.MinInt32 || -n > math.MaxInt32 {
		return 0, true, errOverflow
	}
	return n, true, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
