package eventlistener

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestPrintedResultsAreThoseOfSupervisorStdout(t *testing.T) {
	for _, c := range []struct{ name, result, want string }{
		{"a line", "processname:cat groupname:cat pid:7 channel:stdout\nhello\n", "cat stdout | hello\ncat stdout | \n"},
		{"two, the last unfinished", "processname:cat channel:stderr\na\nü", "cat stderr | a\ncat stderr | ü\n"},
		{"nothing", "processname:cat channel:stdout\n", "cat stdout | \n"},
		{"no payload", "OK", "error"},
		{"no channel", "processname:cat\nx", "error"},
		{"an odd header", "processname:cat channel:a:b\nx", "error"},
		{"no text", "processname:cat channel:stdout\n\xff", "error"},
	} {
		var got string
		if err := PrintHandler(func(b []byte) { got += string(b) })([]byte(c.result)); err != nil {
			got += "error"
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAResultHandlerDecides(t *testing.T) {
	for _, c := range []struct {
		answer error
		state  ListenerState
		said   string
	}{
		{nil, Acknowledged, "x: event was processed"},
		{fmt.Errorf("no: %w", ErrRejected), Acknowledged, "x: event was rejected"},
		{errors.New("no"), Unknown, "x: event caused an error"},
	} {
		l := NewListener("x")
		long := strings.Repeat("r", 200<<10)
		l.handler = func(result []byte) error {
			if string(result) != long {
				t.Errorf("%d bytes", len(result))
			}
			return c.answer
		}
		l.Feed([]byte("READY\n"))
		l.Sent()
		var said []string
		for _, o := range l.Feed([]byte(fmt.Sprintf("RESULT %d\n%s", len(long), long))) {
			o.Log(LevelDebug, func(_ Level, text string) { said = append(said, text) })
		}
		if l.State() != c.state || len(said) == 0 || said[0] != c.said {
			t.Errorf("%v: %s, %q", c.answer, l.State(), said)
		}
	}
}
