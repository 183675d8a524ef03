package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// keptOutput bounds what is kept of a listener that floods its output, in bytes.
	// The rest is read and dropped, as the daemon does, so that it cannot block.
	keptOutput = 1 << 20
	// keptErrors is how much of the end of stderr is kept for reports, in bytes.
	keptErrors = 4 << 10
	// longestResult is the largest result the daemon keeps, in bytes.
	longestResult = 64 << 10
)

// pipe is a listener's output, read as it comes by one goroutine.
type pipe struct {
	file    *os.File
	conn    syscall.RawConn
	closed  chan struct{} // closed when the reading end is
	changed chan struct{} // has one token when there is more to see

	mu   sync.Mutex
	buf  []byte
	data []byte
	end  bool
}

func readPipe(f *os.File) *pipe {
	p := &pipe{file: f, closed: make(chan struct{}), changed: make(chan struct{}, 1), buf: make([]byte, 32<<10)}
	conn, err := f.SyscallConn()
	if err != nil {
		panic(fmt.Sprintf("internal error: a pipe that was just made: %v", err))
	}
	p.conn = conn
	go func() {
		defer close(p.closed)
		defer f.Close()
		for ended := false; !ended; {
			err := conn.Read(func(fd uintptr) bool {
				var more bool
				more, ended = p.read(int(fd))
				return more || ended
			})
			if err != nil { // closed by us
				return
			}
		}
	}()
	return p
}

// read reads once and keeps what comes, in one act, so that drain has everything.
// more is false where nothing is there, ended true where nothing will be.
func (p *pipe) read(fd int) (more, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, err := syscall.Read(fd, p.buf)
	switch {
	case errors.Is(err, syscall.EAGAIN):
		return false, false
	case errors.Is(err, syscall.EINTR):
		return true, false
	case err != nil || n == 0:
		p.end = true
	default:
		p.data = append(p.data, p.buf[:min(n, keptOutput-len(p.data))]...)
	}
	select {
	case p.changed <- struct{}{}:
	default:
	}
	return !p.end, p.end
}

// drain reads what has been written so far, though the reader may not have come to it
// yet.
func (p *pipe) drain() {
	const most = 100 // of a listener that floods its output the rest is of no interest
	_ = p.conn.Control(func(fd uintptr) {
		more, ended := true, false
		for i := 0; i < most && more && !ended; i++ {
			more, ended = p.read(int(fd))
		}
	})
}

// said reports whether something was said that has not been taken, or the output has
// ended.
func (p *pipe) said() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.data) > 0 || p.end
}

// close stops reading: what is written from then on breaks the writer's pipe.
func (p *pipe) close() {
	// Another listener that is just being started has this end too, until it is executed: the writer would not notice.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	_ = p.file.Close()
	<-p.closed // only then has the reader released it
}

// message is one of the two things a listener says.
type message struct {
	ready  bool
	result string // if it is not a READY
}

// begun is what came behind the last whole message.
type begun struct {
	text string
	last bool // the output has ended
}

// take returns the next complete message. It returns false if more must
// arrive, with what has arrived of it; an error if what arrived cannot be the beginning of one.
func (p *pipe) take() (m message, whole bool, b begun, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, n, err := parseMessage(p.data)
	p.data = p.data[n:]
	if n == 0 {
		b = begun{string(p.data), p.end}
	}
	return m, n > 0, b, err
}

// rest is what arrived after the last complete message.
func (p *pipe) rest() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.data)
}

// parseMessage reads a message by the grammar of PROTOCOL.md, section 2, and nothing
// more lenient. n is its length; 0 where more must come.
func parseMessage(b []byte) (m message, n int, err error) {
	const result = "RESULT "
	switch {
	case len(b) == 0:
		return m, 0, nil
	case hasBeginning(b, eventlistener.ReadyToken):
		if len(b) < len(eventlistener.ReadyToken) {
			return m, 0, nil
		}
		return message{ready: true}, len(eventlistener.ReadyToken), nil
	case hasBeginning(b, result):
	case looksLike(b, "READY"):
		return m, 0, breaks("R1", "wrote %q, not \"READY\\n\"", excerpt(b))
	case looksLike(b, "RESULT"):
		return m, 0, breaks("R3", "wrote %q, not \"RESULT n\\n\"", excerpt(b))
	default:
		return m, 0, breaks("R4", "wrote %q, which is not a message", excerpt(b))
	}
	if len(b) < len(result) {
		return m, 0, nil
	}
	line, content, whole := bytes.Cut(b[len(result):], []byte("\n"))
	const mostDigits = 6
	length, convErr := strconv.Atoi(string(line))
	canonical := convErr == nil && length >= 0 && strconv.Itoa(length) == string(line)
	if whole && (!canonical || length > longestResult) || !canonical && len(line) > 0 || len(line) > mostDigits {
		return m, 0, breaks("R3", "wrote %q, not \"RESULT n\\n\"", excerpt(b))
	}
	if !whole || len(content) < length {
		return m, 0, nil
	}
	content = content[:length]
	if s := string(content); s != eventlistener.ResultOK && s != eventlistener.ResultFail {
		return m, 0, breaks("R3", "the answer %q is neither OK nor FAIL", excerpt(b))
	}
	return message{result: string(content)}, len(result) + len(line) + 1 + length, nil
}

// hasBeginning reports whether b begins with s, as far as b goes.
func hasBeginning(b []byte, s string) bool {
	n := min(len(b), len(s))
	return string(b[:n]) == s[:n]
}

// looksLike reports whether b was meant to be the word.
func looksLike(b []byte, word string) bool {
	line, _, _ := strings.Cut(string(b[:min(len(b), 64)]), "\n")
	return strings.HasPrefix(strings.ToUpper(strings.TrimSpace(line)), word)
}

// excerpt is the beginning of b for a report.
func excerpt(b []byte) string {
	const most = 60
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}

// tail keeps the end of what is written to it, and shows all of it where asked.
type tail struct {
	mu   sync.Mutex
	data []byte
	show io.Writer
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.show != nil {
		_, _ = t.show.Write(b)
	}
	t.data = append(t.data, b...)
	if over := len(t.data) - keptErrors; over > 0 {
		t.data = append(t.data[:0], t.data[over:]...)
	}
	return len(b), nil
}

// last is the last line, for a report.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(string(t.data))
	return s[strings.LastIndexByte(s, '\n')+1:]
}
