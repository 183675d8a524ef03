package listener

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hark-supervisor/hark/eventlistener"
)

// Event is one event as sent by supervisord. An event that is sent again after a rejection has the same Serial and
// PoolSerial.
type Event struct {
	Header  eventlistener.Header
	Payload []byte // the handler's to keep
	JSON    bool   // whether the payload is a JSON object (payload=json)
}

// Name returns the name of the event's type, such as PROCESS_STATE_EXITED.
func (e Event) Name() string { return e.Header.EventName }

// Type returns the event's type. The result is false if this package does not know the type.
func (e Event) Type() (eventlistener.Type, bool) {
	return eventlistener.ParseType(e.Header.EventName)
}

// Is reports whether the event's type is ancestor or a type below it, as in a subscription:
// Is(eventlistener.ProcessState) is true for PROCESS_STATE_EXITED.
func (e Event) Is(ancestor eventlistener.Type) bool {
	t, ok := e.Type()
	return ok && t.Is(ancestor)
}

// Tokens returns the key:value tokens on the payload's first line, and the data that follows that line: the output of a
// process, or the data of a remote communication. For a JSON payload it returns its members, written as in the other
// forms, and no data.
func (e Event) Tokens() (tokens map[string]string, data []byte, err error) {
	if e.JSON {
		return e.members()
	}
	first, data, _ := bytes.Cut(e.Payload, []byte("\n"))
	if e.Header.EventName == eventlistener.RemoteCommunication.String() {
		// The type is the caller's text and may hold anything.
		if kind, ok := bytes.CutPrefix(first, []byte("type:")); ok {
			return map[string]string{"type": string(kind)}, data, nil
		}
	}
	tokens = map[string]string{}
	if len(first) == 0 {
		return tokens, data, nil
	}
	key := ""
	for word := range strings.SplitSeq(string(first), " ") {
		k, value, ok := strings.Cut(word, ":")
		switch {
		case ok:
			key = k
			tokens[key] = value
		case key == "":
			return nil, nil, fmt.Errorf("cannot read the payload of %s: %q has no colon", e.Name(), word)
		default: // a name with a space in it
			tokens[key] += " " + word
		}
	}
	return tokens, data, nil
}

func (e Event) members() (map[string]string, []byte, error) {
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(e.Payload))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		return nil, nil, fmt.Errorf("cannot read the payload of %s: %w", e.Name(), err)
	}
	var data []byte
	if text, ok := members["data"].(string); ok {
		data = []byte(text)
	}
	if text, ok := members["data_base64"].(string); ok { // output that is not UTF-8
		var err error
		if data, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, nil, fmt.Errorf("cannot read the payload of %s: data_base64: %w", e.Name(), err)
		}
	}
	delete(members, "data")
	delete(members, "data_base64")
	tokens := make(map[string]string, len(members))
	for name, v := range members {
		tokens[name] = token(v)
	}
	return tokens, data, nil
}

// token writes a JSON value as it stands in the other forms of a payload.
func token(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		if v {
			return "1"
		}
		return "0"
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = token(v[i])
		}
		return strings.Join(words, ",")
	}
	return fmt.Sprint(v)
}
