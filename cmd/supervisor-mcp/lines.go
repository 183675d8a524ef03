package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// batchesUntil is the last version of the protocol in which one line may be an array of messages.
const batchesUntil = "2025-03-26"

// lines is the standard input and output of a client. The library ends the session at the first line that is not a message; here such a line is
// answered with an error, as JSON-RPC says, and the next one is read.
type lines struct {
	in     *bufio.Reader
	source io.Closer
	out    oneAtATime
	rest   []byte // of a good line, what has not been read yet
	number int    // of lines
	single atomic.Bool
}

func newLines(in io.ReadCloser, out io.Writer) *lines {
	return &lines{in: bufio.NewReaderSize(in, 64<<10), source: in, out: oneAtATime{to: out}}
}

// Read returns the good lines, one after another.
func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) == 0 {
		line, err := l.next()
		if len(line) == 0 && err != nil {
			return 0, err
		}
		if bad := l.refusal(line); bad != nil {
			if err := l.answer(bad); err != nil {
				return 0, err
			}
			continue
		}
		if l.rest = line; len(line) > 0 && line[len(line)-1] != '\n' {
			l.rest = append(line, '\n')
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// Close ends the reading.
func (l *lines) Close() error { return l.source.Close() }

// next is the next line with its end; of one that is too long, the first maxLine bytes and one more.
func (l *lines) next() (line []byte, err error) {
	for {
		var part []byte
		part, err = l.in.ReadSlice('\n')
		line = append(line, part[:min(len(part), maxLine+1-len(line))]...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			l.number++
			return line, err
		}
	}
}

// badLine is an error that a line is answered with.
type badLine struct {
	id   any // nil: it is not known
	code int64
	text string
}

// refusal says what is wrong with a line; nil: nothing is. It may be empty.
func (l *lines) refusal(line []byte) *badLine {
	var value any
	line = bytes.TrimSpace(line)
	switch {
	case len(line) > maxLine:
		return &badLine{code: jsonrpc.CodeParseError, text: fmt.Sprintf("line %d has more than %d bytes", l.number, maxLine)}
	case len(line) == 0:
		return nil
	}
	if err := json.Unmarshal(line, &value); err != nil {
		return &badLine{code: jsonrpc.CodeParseError, text: fmt.Sprintf("line %d is not JSON: %v; each line is one message", l.number, err)}
	}
	switch value := value.(type) {
	case map[string]any:
		if _, err := jsonrpc.DecodeMessage(line); err != nil {
			return l.noMessage(value["id"], err)
		}
	case []any:
		return l.batch(line)
	default:
		return l.noMessage(nil, errors.New("a message is an object"))
	}
	return nil
}

// batch says what is wrong with an array of messages.
func (l *lines) batch(line []byte) *badLine {
	var messages []json.RawMessage
	if err := json.Unmarshal(line, &messages); err != nil || len(messages) == 0 {
		return l.noMessage(nil, errors.New("an array without messages"))
	}
	if l.single.Load() {
		return l.noMessage(nil, errors.New("the version of the protocol that was agreed on has no arrays of messages"))
	}
	seen := map[jsonrpc.ID]bool{}
	for _, m := range messages {
		message, err := jsonrpc.DecodeMessage(m)
		if err != nil {
			return l.noMessage(nil, err)
		}
		if request, ok := message.(*jsonrpc.Request); ok {
			if seen[request.ID] {
				return l.noMessage(nil, errors.New("two messages of one array have the same id, or none"))
			}
			seen[request.ID] = true
		}
	}
	return nil
}

func (l *lines) noMessage(id any, err error) *badLine {
	switch id.(type) {
	case string, float64:
	default:
		id = nil
	}
	return &badLine{id: id, code: jsonrpc.CodeInvalidRequest, text: fmt.Sprintf("line %d is not a message of JSON-RPC 2.0: %v", l.number, err)}
}

// answer writes an error.
func (l *lines) answer(b *badLine) error {
	type fault struct {
		Code    int64  `json:"code"`
		Message string `json:"message"`
	}
	document, err := json.Marshal(struct {
		Version string `json:"jsonrpc"`
		ID      any    `json:"id"`
		Error   fault  `json:"error"`
	}{"2.0", b.id, fault{b.code, b.text}})
	if err != nil {
		return err
	}
	_, err = l.out.Write(append(document, '\n'))
	return err
}

// agreed records the version of the protocol that client and server have agreed on.
func (l *lines) agreed(protocol string) { l.single.Store(protocol > batchesUntil) }

// oneAtATime is standard output, where one message is written at a time, whoever writes it. It is not the server's to close.
type oneAtATime struct {
	mu sync.Mutex
	to io.Writer
}

// Write writes a message.
func (o *oneAtATime) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.to.Write(p)
}

// Close does nothing.
func (o *oneAtATime) Close() error { return nil }
