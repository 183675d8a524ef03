package eventlistener

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// ResultHandler judges a listener's answer to an event, as a function named by
// result_handler does in Supervisor: nil accepts the event, ErrRejected rejects it, and
// any other error makes the listener UNKNOWN, and its event goes back to the buffer
// (supervisor/dispatchers.py, handle_result). It must not block, and must not keep the
// result, of which it gets at most 1 MiB.
type ResultHandler func(result []byte) error

// ErrRejected is returned by a ResultHandler for an event that should be sent again.
var ErrRejected = errors.New("the event was rejected")

// maxHandledResult is how much of a result a ResultHandler gets, in bytes: more than the
// output of one read with its header.
const maxHandledResult = 1 << 20

// PrintHandler returns a handler that does what event_handler of the package supervisor-stdout does, which containers use
// to have their programs' output on the standard output of supervisord: the result is the
// payload of a PROCESS_LOG event, and each of its lines is printed behind the names of its
// process and channel. print must not block.
func PrintHandler(print func([]byte)) ResultHandler {
	return func(result []byte) error {
		header, data, found := bytes.Cut(result, []byte("\n"))
		if !found || !utf8.Valid(result) {
			return errors.New("the result is not a PROCESS_LOG payload")
		}
		var process, channel string
		var hasProcess, hasChannel bool
		for _, token := range strings.Fields(string(header)) {
			key, value, ok := strings.Cut(token, ":")
			if !ok || strings.Contains(value, ":") {
				return errors.New("the result's first line is not a payload header")
			}
			switch key {
			case "processname":
				process, hasProcess = value, true
			case "channel":
				channel, hasChannel = value, true
			}
		}
		if !hasProcess || !hasChannel {
			return errors.New("the result names no process and channel")
		}
		prefix := process + " " + channel + " | "
		out := make([]byte, 0, len(data)+4*len(prefix))
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			out = append(append(append(out, prefix...), line...), '\n')
		}
		print(out)
		return nil
	}
}
