package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// settle is how long is looked for what must not come, where nothing tells that
	// it would have come by now.
	settle = 30 * time.Millisecond
	// pace is the pause between pieces of an event, so that they are read apart.
	pace = 2 * time.Millisecond
	// classicProtocol is SUPERVISOR_EVENT_PROTOCOL without further keys.
	classicProtocol = "3.0 bytes max_in_flight=1 payload=supervisor"
)

// session is one life of the listener and the dialogue with it. It counts what the
// listener may say: a credit for each READY, an answer for each event.
type session struct {
	settings
	cmd    *exec.Cmd
	in     *os.File
	out    *pipe
	errs   *tail
	errEnd chan struct{} // closed when its stderr is at its end
	exited chan struct{} // closed when the process has ended

	limit      int // max_in_flight
	credits    int
	unanswered int
	serial     int64
	answers    []string // results, in order
	stopped    bool     // it was asked to end: what it leaves out is no breach
}

// start begins a life with the protocol offered; "" leaves the variable out, as
// under Supervisor.
func (t *trial) start(protocol string) (*session, error) {
	s := &session{settings: t.settings, errs: &tail{show: t.stderr}, errEnd: make(chan struct{}), exited: make(chan struct{}), limit: creditsIn(protocol)}
	var files []*os.File
	make2 := func() (*os.File, *os.File) {
		r, w, err := os.Pipe()
		files = append(files, r, w)
		if err != nil {
			files = append(files, nil)
		}
		return r, w
	}
	inR, inW := make2()
	outR, outW := make2()
	errR, errW := make2()
	if len(files) != 6 {
		closeAll(files)
		return nil, errors.New("cannot make pipes for the listener: too many open files")
	}
	s.cmd = exec.Command(t.command[0], t.command[1:]...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = inR, outW, errW
	s.cmd.Env = environment(t.settings, protocol)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that its children can be ended with it
	err := s.cmd.Start()
	closeAll([]*os.File{inR, outW, errW})
	if err != nil {
		closeAll([]*os.File{inW, outR, errR})
		return nil, fmt.Errorf("%w: %w", errCannotRun, err)
	}
	s.in, s.out = inW, readPipe(outR)
	go func() {
		defer close(s.errEnd)
		defer errR.Close()
		buf := make([]byte, 4<<10)
		for {
			n, err := errR.Read(buf)
			_, _ = s.errs.Write(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	go func() {
		_ = s.cmd.Wait() // its status is in ProcessState
		close(s.exited)
	}()
	t.sessions = append(t.sessions, s)
	return s, nil
}

// startReady begins a life and waits for the first READY.
func (t *trial) startReady(protocol string) (*session, error) {
	s, err := t.start(protocol)
	if err == nil {
		err = s.awaitReady()
	}
	return s, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // nil is fine
	}
}

// close ends what is left of all lives.
func (t *trial) close() {
	for _, s := range t.sessions {
		s.end()
	}
}

// end kills the process and those of its group, and waits for it.
func (s *session) end() {
	_ = s.in.Close()
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.exited
}

// creditsIn is the max_in_flight of a SUPERVISOR_EVENT_PROTOCOL.
func creditsIn(protocol string) int {
	for word := range strings.FieldsSeq(protocol) {
		if n, ok := strings.CutPrefix(word, "max_in_flight="); ok {
			if n, err := strconv.Atoi(n); err == nil {
				return n
			}
		}
	}
	return 1
}

// environment is the listener's: the caller's without what it may have of a daemon's
// own, what a daemon would set, and what --env says.
func environment(s settings, protocol string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SUPERVISOR_") {
			env = append(env, v)
		}
	}
	env = append(env, "SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME="+poolName, "SUPERVISOR_GROUP_NAME="+poolName,
		"SUPERVISOR_SERVER_URL=unix:///nonexistent/supervisor.sock")
	if protocol != "" {
		env = append(env, "SUPERVISOR_EVENT_PROTOCOL="+protocol)
	}
	return append(env, s.env...) // of two with one name the last counts
}

// next waits for a message and counts it.
func (s *session) next(timeout time.Duration) (message, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for expired := false; ; {
		m, ok, rest, err := s.out.take()
		switch {
		case err != nil:
			return m, err
		case ok:
			return m, s.count(m)
		case rest.text != "" && (rest.last && !s.stopped || !rest.last && expired):
			return m, unfinished(rest.text)
		case rest.last:
			return m, errGone
		case expired:
			return m, errSilent
		}
		select {
		case <-s.out.changed:
		case <-timer.C:
			expired = true // what came at the same moment is looked at all the same
		}
	}
}

// What next finds in place of a message.
var (
	errGone   = errors.New("its output ended")
	errSilent = errors.New("it said nothing")
)

// unfinished is the breach of a message that does not go on.
func unfinished(rest string) error {
	if strings.HasPrefix(rest, "RES") {
		return breaks("R3", "wrote %q and then nothing more: fewer bytes than announced, or not flushed", excerpt([]byte(rest)))
	}
	return breaks("R1", "wrote %q and then nothing more, where READY is six bytes", excerpt([]byte(rest)))
}

// count applies a message to the dialogue.
func (s *session) count(m message) error {
	if !m.ready {
		if s.unanswered == 0 {
			return breaks("R5", "answered %s where no event was unanswered", m.result)
		}
		s.unanswered--
		s.answers = append(s.answers, m.result)
		return nil
	}
	s.credits++
	if s.credits+s.unanswered <= s.limit {
		return nil
	}
	if s.limit > 1 {
		return breaks("R21", "said READY with %d credits and %d unanswered events, though max_in_flight is %d", s.credits-1, s.unanswered, s.limit)
	}
	if s.unanswered > 0 {
		return breaks("R5", "said READY before it had answered")
	}
	return breaks("R5", "said READY twice")
}

// until reads messages until a condition holds. what is what the listener ought to
// do.
func (s *session) until(what string, condition func() bool) error {
	deadline := time.Now().Add(s.timeout)
	for !condition() {
		_, err := s.next(time.Until(deadline))
		switch {
		case errors.Is(err, errSilent) && s.unanswered == 0 && s.rejects():
			return s.rejecting()
		case errors.Is(err, errSilent):
			return broken("did not %s within %v%s", what, s.timeout, s.says())
		case errors.Is(err, errGone):
			return broken("%s before it did %s%s", s.ending(), what, s.says())
		case err != nil:
			return err
		}
	}
	return nil
}

// rejectsAll is how many rejections in a row say that a listener can do nothing here;
// a good one asks for the next event ever later then.
const rejectsAll = 3

// rejects tells whether it has rejected so many.
func (s *session) rejects() bool {
	n := len(s.answers)
	return n >= rejectsAll && !slices.Contains(s.answers[n-rejectsAll:], eventlistener.ResultOK)
}

// rejecting is why a rule cannot be tried then.
func (s *session) rejecting() error {
	return notApplicable("it rejects what it is sent, and may pause each time: give it what it needs by --env" + s.says())
}

// awaitReady waits until there is a credit.
func (s *session) awaitReady() error {
	return s.until("say READY", func() bool { return s.credits > 0 })
}

// awaitAnswers waits until everything is answered.
func (s *session) awaitAnswers() error {
	return s.until("answer", func() bool { return s.unanswered == 0 })
}

// quiet looks for a while whether anything is said that must not be. That the
// listener ends is for the next event to show.
func (s *session) quiet() error {
	for {
		_, err := s.next(settle)
		if errors.Is(err, errSilent) || errors.Is(err, errGone) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// ending tells how the process ended, or that it only closed its output.
func (s *session) ending() string {
	select {
	case <-s.exited:
		return "ended (" + s.cmd.ProcessState.String() + ")"
	case <-time.After(time.Second): // closing its output, and ending, is not one act
		return "closed its standard output"
	}
}

// says is the end of the listener's stderr, for a report.
func (s *session) says() string {
	if line := s.errs.last(); line != "" {
		return "; its stderr ends in " + strconv.Quote(line)
	}
	return ""
}

// send sends an event in one write, once there is a credit.
func (s *session) send(e sample) error { return s.sendPieces(s.wire(e)) }

// sendPieces sends an event in several writes, with a pause after each but the last.
func (s *session) sendPieces(pieces ...[]byte) error {
	if err := s.awaitReady(); err != nil {
		return err
	}
	s.credits--
	s.unanswered++
	for i, piece := range pieces {
		if i > 0 {
			<-time.After(pace)
		}
		if err := s.write(piece); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) write(b []byte) error {
	_ = s.in.SetWriteDeadline(time.Now().Add(s.timeout))
	n, err := s.in.Write(b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return broken("did not read its input within %v: %d of %d bytes were left%s", s.timeout, len(b)-n, len(b), s.says())
	case err != nil:
		return broken("%s where it was to read%s", s.inputEnding(), s.says())
	}
	return nil
}

func (s *session) inputEnding() string {
	if e := s.ending(); e != "closed its standard output" {
		return e
	}
	return "closed its standard input"
}

// exchange sends an event and waits for its answer.
func (s *session) exchange(e sample) error {
	if err := s.send(e); err != nil {
		return err
	}
	return s.awaitAnswers()
}

// exchangeAll does so with several, and waits for READY at the end.
func (s *session) exchangeAll(events ...sample) error {
	for _, e := range events {
		if err := s.exchange(e); err != nil {
			var b *breach
			if errors.As(err, &b) && b.rule == "" {
				b.what += " (" + e.String() + ")"
			}
			return err
		}
	}
	return s.awaitReady()
}

// wire is an event as the daemon would send it, with the next serial.
func (s *session) wire(e sample) []byte {
	h := e.header(s.serial)
	s.serial++
	return append(eventlistener.AppendHeader(nil, h), e.payload...)
}

// awaitEnd waits until the process has ended, and reads what it says meanwhile:
// whole messages are in order, half a one is a breach of the rule being tried.
func (s *session) awaitEnd() error {
	if err := s.awaitExit(); err != nil {
		return err
	}
	s.stopped = true
	for {
		_, err := s.next(s.timeout)
		if errors.Is(err, errGone) {
			break
		}
		if errors.Is(err, errSilent) { // a child of it holds its output
			break
		}
		if err != nil {
			return err
		}
	}
	if rest := s.out.rest(); rest != "" {
		return broken("ended amid a message: %q", excerpt([]byte(rest)))
	}
	return nil
}

// awaitExit waits until the process has ended.
func (s *session) awaitExit() error {
	select {
	case <-s.exited:
		return nil
	case <-time.After(s.stopWait):
		return broken("was still there after %v%s", s.stopWait, s.says())
	}
}
