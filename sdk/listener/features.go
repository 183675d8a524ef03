package listener

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

// ProtocolVariable is the environment variable in which supervisord announces what it supports beyond Supervisor's
// protocol: the version, then features separated by spaces, as in
//
//	SUPERVISOR_EVENT_PROTOCOL=3.0 bytes max_in_flight=64 payload=supervisor
//
// Python's supervisord does not set it.
const ProtocolVariable = "SUPERVISOR_EVENT_PROTOCOL"

// maxCredits bounds what a listener reads ahead, whatever is offered: Hark's own
// bound of max_in_flight.
const maxCredits = 4096

// Features describes the extensions that supervisord offers to a listener.
type Features struct {
	Bytes       bool   // headers of payloads that are not ASCII have the token bytes
	MaxInFlight int    // how many READY may be written ahead; 1 in the plain protocol
	Payload     string // how payloads are written: supervisor, extended or json
}

// ParseFeatures parses the value of ProtocolVariable. An empty value stands for Supervisor's plain protocol. Unknown
// features are skipped. It returns an error for another version of the protocol and for an invalid number.
func ParseFeatures(s string) (Features, error) {
	f := Features{MaxInFlight: 1, Payload: "supervisor"}
	words := strings.Fields(s)
	if len(words) == 0 {
		return f, nil
	}
	if words[0] != eventlistener.Version {
		return f, fmt.Errorf("cannot speak version %q of the event protocol, only %q", words[0], eventlistener.Version)
	}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "bytes":
			f.Bytes = true
		case "max_in_flight":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return f, fmt.Errorf("cannot use %s=%q: max_in_flight is not a count", ProtocolVariable, s)
			}
			f.MaxInFlight = min(n, maxCredits)
		case "payload":
			f.Payload = value
		}
	}
	return f, nil
}
