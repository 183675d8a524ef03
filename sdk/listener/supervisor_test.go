package listener

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// supervisor is the other end of a Serve: it sends what a test tells it to, and
// reads what the listener says.
type supervisor struct {
	t      testing.TB
	in     *os.File // the listener's stdin
	out    *bufio.Reader
	outEnd *os.File
	cancel context.CancelFunc
	result chan error
	serial int64
	log    lockedLog
}

type lockedLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func supervise(t testing.TB, protocol string, handle Handler, opts ...Option) *supervisor {
	t.Helper()
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &supervisor{t: t, in: inWrite, out: bufio.NewReaderSize(outRead, 64<<10), outEnd: outRead, cancel: cancel, result: make(chan error, 1)}
	deadline := time.Now().Add(testkit.Patience)
	_, _ = outRead.SetReadDeadline(deadline), inWrite.SetWriteDeadline(deadline)
	opts = append([]Option{IO(inRead, outWrite), Protocol(protocol), ErrorLog(log.New(&s.log, "", 0)), Pause(0, 0)}, opts...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.result <- Serve(ctx, handle, opts...)
		_ = outWrite.Close()
		_ = inRead.Close() // ends the reader too
	}()
	t.Cleanup(func() {
		cancel()
		_, _ = inWrite.Close(), outRead.Close()
		<-done
	})
	return s
}

// envelope is an event as supervisord sends it.
func envelope(serial int64, name, payload string, token bool) []byte {
	h := eventlistener.Header{Server: "supervisor", Serial: serial, Pool: "mine", PoolSerial: serial, EventName: name,
		Len: utf8.RuneCountInString(payload), Bytes: len(payload)}
	if !token {
		h.Bytes = h.Len // as Python's, which has no token bytes
	}
	return append(eventlistener.AppendHeader(nil, h), payload...)
}

func (s *supervisor) send(name, payload string) {
	s.t.Helper()
	s.raw(envelope(s.serial, name, payload, true))
	s.serial++
}

func (s *supervisor) raw(b []byte) {
	s.t.Helper()
	if _, err := s.in.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// heard is the next thing the listener says: READY, a result, or an error in
// angle brackets.
func (s *supervisor) heard() string {
	line, err := s.out.ReadString('\n')
	if err != nil {
		return fmt.Sprintf("<%v>", err)
	}
	if line == eventlistener.ReadyToken {
		return "READY"
	}
	length, ok := strings.CutPrefix(line, "RESULT ")
	n, err := strconv.Atoi(strings.TrimSuffix(length, "\n"))
	if !ok || err != nil {
		return fmt.Sprintf("<chatter %q>", line)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.out, b); err != nil {
		return fmt.Sprintf("<%v>", err)
	}
	return string(b)
}

func (s *supervisor) want(words ...string) {
	s.t.Helper()
	for _, w := range words {
		if got := s.heard(); got != w {
			s.t.Fatalf("the listener said %s, want %s", got, w)
		}
	}
}

// ended waits for Serve's end.
func (s *supervisor) ended() error {
	s.t.Helper()
	timer := time.NewTimer(testkit.Patience)
	defer timer.Stop()
	select {
	case err := <-s.result:
		return err
	case <-timer.C:
		s.t.Fatal("Serve does not end")
		return nil
	}
}

var errRefused = errors.New("refused")

// byPayload rejects events whose payload begins with no.
func byPayload(_ context.Context, e Event) error {
	if strings.HasPrefix(string(e.Payload), "no") {
		return errRefused
	}
	return nil
}

var noDeadline time.Time
