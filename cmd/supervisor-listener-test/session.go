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
	// settle is how long to wait for what must not come, if nothing shows that
	// it would have come by now.
	settle = 30 * time.Millisecond
	// pace is how long a piece of an event is held back once the one before has been
	// read.
	pace = 2 * time.Millisecond
	// shortRead is how long where the listener may take what it has for the whole; one
	// that starts a process to read with needs some time to say so.
	shortRead = 100 * time.Millisecond
	// afterEnd is how long to wait for what a buffer returns at the end of input.
	afterEnd = 2 * time.Second
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
	stopped    bool     // it was asked to end: what it omits is not a breach
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
	s.cmd.Env = environment(t.settings, protocol, t.locale)
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
// own and without its locale, what a daemon would set, and what --env says.
func environment(s settings, protocol string, locale []string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SUPERVISOR_") && !isLocale(v) {
			env = append(env, v)
		}
	}
	env = append(env, "SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME="+poolName, "SUPERVISOR_GROUP_NAME="+poolName,
		"SUPERVISOR_SERVER_URL=unix:///nonexistent/supervisor.sock")
	if protocol != "" {
		env = append(env, "SUPERVISOR_EVENT_PROTOCOL="+protocol)
	}
	env = append(env, locale...)
	return append(env, s.env...) // of two with one name the last counts
}

// isLocale reports whether a variable decides about the locale of text.
func isLocale(v string) bool {
	return strings.HasPrefix(v, "LANG=") || strings.HasPrefix(v, "LANGUAGE=") || strings.HasPrefix(v, "LC_")
}

// locales are those in which it matters how a text is read: none, and what a daemon
// without one gives (docs/languages.md). One that --env names is the only one.
func (s settings) locales() [][]string {
	if slices.ContainsFunc(s.env, isLocale) {
		return [][]string{nil}
	}
	return [][]string{nil, {"LC_CTYPE=C.UTF-8"}}
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
			return m, s.unfinished(rest)
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

// unfinished is the breach of a message that does not continue.
func (s *session) unfinished(b begun) error {
	upon := ""
	if !b.last {
		upon = s.uponEnd("write the rest", func(message) bool { return true })
	}
	if strings.HasPrefix(b.text, "RES") {
		return breaks("R3", "wrote %q and then nothing more: fewer bytes than announced, or not flushed%s", excerpt([]byte(b.text)), upon)
	}
	return breaks("R1", "wrote %q and then nothing more, where READY is six bytes%s", excerpt([]byte(b.text)), upon)
}

// uponEnd closes the listener's input, for what it did not do may wait in a buffer,
// and reports whether it did it then. The dialogue is over.
func (s *session) uponEnd(what string, is func(message) bool) string {
	_ = s.in.Close()
	s.stopped = true
	timer := time.NewTimer(min(s.timeout, afterEnd))
	defer timer.Stop()
	for expired := false; ; {
		m, whole, rest, err := s.out.take()
		switch {
		case whole && is(m):
			return "; it did " + what + " once its standard input was closed: a buffer had held back what it read, or what it wrote"
		case whole:
			continue
		case err != nil || rest.last || expired:
			return "; it did not " + what + " when its standard input was closed either"
		}
		select {
		case <-s.out.changed:
		case <-timer.C:
			expired = true
		}
	}
}

// count applies a message to the dialogue. A listener that was asked to end may repeat
// itself: some runtimes write their buffer once more.
func (s *session) count(m message) error {
	if !m.ready {
		if s.unanswered == 0 {
			if s.stopped {
				return nil
			}
			return breaks("R5", "answered %s where no event was unanswered", m.result)
		}
		s.unanswered--
		s.answers = append(s.answers, m.result)
		return nil
	}
	s.credits++
	if s.stopped {
		return nil
	}
	if s.credits+s.unanswered <= s.limit {
		return s.countUnread()
	}
	if s.limit > 1 {
		return breaks("R21", "said READY with %d credits and %d unanswered events, though max_in_flight is %d", s.credits-1, s.unanswered, s.limit)
	}
	if s.unanswered > 0 {
		return breaks("R5", "said READY before it had answered")
	}
	return breaks("R5", "said READY twice")
}

// countUnread looks at READY for what the listener has left of the event before: it
// would take that for the next header. With credits it may be the next event.
func (s *session) countUnread() error {
	if s.limit > 1 {
		return nil
	}
	if n := unread(s.in); n > 0 {
		return broken("said READY and had not read the last %d bytes of the event", n)
	}
	return nil
}

// sayReady is what a listener ought to do, as until words it.
const sayReady = "say READY"

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
			ready := what == sayReady
			return broken("did not %s within %v%s%s", what, s.timeout, s.uponEnd(what, func(m message) bool { return m.ready == ready }), s.says())
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

// rejects reports whether it has rejected so many.
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
	return s.until(sayReady, func() bool { return s.credits > 0 })
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

// ending reports how the process ended, or that it only closed its output.
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
		return broken("ended within a message: %q", excerpt([]byte(rest)))
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
