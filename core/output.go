package core

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/syslog"
	"github.com/hark-supervisor/hark/eventlistener"
)

// The names of a process's channels.
const (
	stdoutChannel = "stdout"
	stderrChannel = "stderr"
)

// channel takes what one spawn of a process writes on one pipe (dispatchers.py,
// POutputDispatcher). Its methods run on the thread of the poller that reads the
// pipe, but for open (the spawner's, before there is a pipe), Do and Back (child.Work) and eager.
type channel struct {
	s       *surroundings
	member  *member
	name    string // stdoutChannel or stderrChannel
	conf    *config.Stream
	path    string      // "" for none
	replies bool        // a listener's stdout: what it says goes to the loop
	deaf    atomic.Bool // a listener's stdout: the listener is UNKNOWN, so nothing it says counts
	mainlog bool        // loglevel debug or lower: output is copied to the activity log

	child    atomic.Pointer[child.Child]
	out      *logs.Writer  // nil: to no file
	episode  *logs.Episode // the member's
	splitter *logs.Splitter
	copies   bool          // what the splitter gives is valid during the call only
	retrying time.Duration // how often the loop was asked to try the file again; 0: not at all
	paused   bool          // the pipe is left alone until file and sinks take bytes again
	lines    *syslog.Lines // nil: not to syslog
	taps     taps
	plainFn  func([]byte)
	commFn   func([]byte)
	batch    []func(l *loop) // for the loop, or with nil once that has ended: what came of the read at hand
	size     int             // bytes of output they stand for
}

func (s *surroundings) newChannel(m *member, conf *config.Stream, name string) *channel {
	c := &channel{
		s: s, member: m, name: name, conf: conf, path: m.logs.Stdout, episode: &m.stdoutEpisode,
		replies: m.group.pool != nil && name == stdoutChannel,
		mainlog: s.opts.Config.Supervisord.LogLevel <= config.DEBG,
	}
	if name == stderrChannel {
		c.path, c.episode = m.logs.Stderr, &m.stderrEpisode
	}
	if c.path != "" {
		c.openWriter()
	}
	if conf.Syslog && s.opts.Syslog != nil {
		c.lines = syslog.NewLines(s.opts.Syslog, m.conf.Name)
	}
	if c.replies {
		// To its log alone (PEventListenerDispatcher).
		c.splitter = logs.NewSplitter(0, s.opts.Config.Supervisord.StripAnsi)
		c.plainFn, c.commFn = c.write, c.comm
		return c
	}
	c.splitter = logs.NewSplitter(conf.CaptureMaxBytes, s.opts.Config.Supervisord.StripAnsi)
	c.copies = conf.CaptureMaxBytes > 0 && s.opts.Config.Supervisord.StripAnsi
	if c.mainlog || conf.EventsEnabled {
		// Supervisor's log events hold what stands between the tags, too.
		c.splitter.Inside = c.tell
	}
	c.plainFn, c.commFn = c.plain, c.comm
	return c
}

// eager reports whether what is read becomes events, so that nothing may delay it.
func (c *channel) eager() bool {
	return c.replies || c.conf.EventsEnabled || c.conf.CaptureMaxBytes > 0
}

// openWriter makes the writer of the log.
func (c *channel) openWriter() {
	o := logs.Options{MaxBytes: c.conf.MaxBytes, Backups: c.conf.Backups, Episode: c.episode}
	if c.conf.Block {
		o.OnFull = logs.Block
	}
	c.out = logs.NewWriter(c.path, o, c.s.lanes, func(r logs.Report) {
		c.s.post(c, func() child.Work {
			c.wrote(r)
			return nil
		})
	})
}

// open opens the log file, as Supervisor does at each spawn.
func (c *channel) open() error {
	if c.out == nil {
		return nil
	}
	err := c.out.Open()
	if errors.Is(err, logs.ErrHangs) {
		return &child.Later{Err: fmt.Errorf("cannot open log file %q: %w", c.path, err)}
	}
	return err
}

// late has others know of a file system that does not answer, if it is the opening of this log that takes so long.
func (c *channel) late() {
	if c.out != nil {
		c.out.Late()
	}
}

// unprepared closes what was opened for a spawn that was taken back meanwhile.
func (c *channel) unprepared() {
	c.s.post(c, func() child.Work { return c.Closed(0) })
}

func (c *channel) started(ch *child.Child) { c.child.Store(ch) }

// ref is the process this output is of.
func (c *channel) ref() eventlistener.Process {
	pid := 0
	if ch := c.child.Load(); ch != nil {
		pid = ch.Pid()
	}
	return c.member.ref(pid)
}

// spawnFailed writes Supervisor's lines to the log that the child's standard
// error would have gone to, and closes the files: there will be no pipes. Then it has the loop do f.
func (c *channel) spawnFailed(stderr *channel, e *child.SpawnError, f func(*loop)) {
	to := c
	if stderr != nil {
		to = stderr
		c.s.post(c, func() child.Work { return c.Closed(0) })
	}
	c.s.post(to, func() child.Work {
		if e.Lines != "" {
			to.splitter.Feed([]byte(e.Lines), to.plainFn, to.commFn)
		}
		to.forLoop(0, func(l *loop) {
			if l != nil {
				f(l)
			}
		})
		return to.Closed(0)
	})
}

// Output is child.Reader's.
func (c *channel) Output(b []byte) child.Work {
	defer c.s.guard.Caught("output of a process")
	if c.replies {
		// To the loop first: the next event is on its way before the disk has its log.
		switch {
		case !c.deaf.Load():
			if !c.s.turns.AtOnce(func(l *loop) { c.said(l, b) }) {
				kept := append([]byte(nil), b...)
				c.s.turns.PutOutput(len(b), func(l *loop) { c.said(l, kept) })
			}
		case c.mainlog:
			c.s.log(config.DEBG, activity.Reply(c.member.conf.Name, c.name, b))
		}
	}
	c.splitter.Feed(b, c.plainFn, c.commFn)
	return c.work()
}

// work is what was noted for the log. What came of the read for the loop follows when that is written, or hangs.
func (c *channel) work() child.Work {
	if c.out != nil && c.out.Begin() {
		return c
	}
	c.tellLoop()
	return nil
}

// Do is child.Work's.
func (c *channel) Do() {
	defer c.s.guard.Caught("a log file")
	c.out.Do()
}

// Done is child.Work's.
func (c *channel) Done() {
	defer c.s.guard.Caught("a log file")
	c.wrote(c.out.Done())
	c.tellLoop()
}

// Away is child.Work's.
func (c *channel) Away() {
	defer c.s.guard.Caught("a log file")
	c.splitter.LetGo()
	c.wrote(c.out.Away())
	c.tellLoop()
}

// Back is child.Work's.
func (c *channel) Back() {
	defer c.s.guard.Caught("a log file")
	c.out.Back()
}

// said takes what a listener wrote, on the loop.
func (c *channel) said(l *loop, b []byte) {
	if c.mainlog { // here, so that it stands between what was sent and what came of it
		c.s.log(config.DEBG, activity.Reply(c.member.conf.Name, c.name, b))
	}
	l.listenerSaid(c.member, c.child.Load(), b)
}

// forLoop keeps a message to the loop that stands for n bytes of output until tellLoop.
func (c *channel) forLoop(n int, f func(l *loop)) {
	c.batch = append(c.batch, f)
	c.size += n
}

// tellLoop has the loop take what one read brought: hundreds of small
// communications make one message.
func (c *channel) tellLoop() {
	if len(c.batch) == 0 {
		return
	}
	batch, size := c.batch, c.size
	c.size = 0
	all := func(l *loop) {
		for _, f := range batch {
			f(l)
		}
	}
	if c.s.turns.AtOnce(all) {
		clear(batch)
		c.batch = batch[:0]
		return
	}
	c.batch = nil
	if !c.s.turns.PutOutput(size, all) {
		all(nil)
	}
}

// Closed is child.Reader's.
func (c *channel) Closed(left int) child.Work {
	defer c.s.guard.Caught("the end of a process's output")
	c.splitter.Flush(c.plainFn, c.commFn)
	if c.lines != nil {
		c.lines.Flush()
	}
	if left > 0 {
		ref := c.ref()
		c.forLoop(0, func(l *loop) {
			if l == nil {
				return
			}
			l.log(config.WARN, activity.LeftBehind(ref.Name, c.name, left))
			l.bus.Publish(eventlistener.NewLogDropped(ref, c.name, int64(left)))
		})
	}
	if c.out != nil {
		c.out.Close()
	}
	return c.work()
}

// plain takes bytes that are no communication.
func (c *channel) plain(b []byte) {
	c.write(b)
	c.sink(b)
	c.tell(b)
}

// tell passes bytes on to those who follow what a process says.
func (c *channel) tell(b []byte) {
	if !c.mainlog && !c.conf.EventsEnabled {
		return
	}
	data := append([]byte(nil), b...)
	if c.mainlog {
		c.debug(len(data), func() string { return activity.Output(c.member.conf.Name, c.name, data) })
	}
	if c.conf.EventsEnabled {
		kind := eventlistener.ProcessLogStdout
		if c.name == stderrChannel {
			kind = eventlistener.ProcessLogStderr
		}
		c.publish(kind, data, eventlistener.NewProcessLog)
	}
}

// write has bytes put into the log.
func (c *channel) write(b []byte) {
	if c.lines != nil {
		c.lines.Write(b)
	}
	if c.out == nil {
		return
	}
	if c.copies {
		b = append([]byte(nil), b...)
	}
	if r := c.out.Write(b); r.Bytes > 0 || len(r.Errs) > 0 {
		c.wrote(r)
	}
}

// comm takes what stood between the capture tags.
func (c *channel) comm(b []byte) {
	kind := eventlistener.ProcessCommunicationStdout
	if c.name == stderrChannel {
		kind = eventlistener.ProcessCommunicationStderr
	}
	c.publish(kind, append([]byte(nil), b...), eventlistener.NewProcessCommunication)
	if c.mainlog {
		c.debug(0, func() string { return activity.CommEvent(c.member.conf.Name, c.name) })
	}
}

// debug writes a line that stands for n bytes of output, by way of the loop, so
// that it follows the lines of what was before it.
func (c *channel) debug(n int, text func() string) {
	c.forLoop(n, func(*loop) { c.s.log(config.DEBG, text()) })
}

func (c *channel) publish(kind eventlistener.Type, data []byte, event func(eventlistener.Type, eventlistener.Process, []byte) *eventlistener.Event) {
	ref := c.ref()
	c.forLoop(len(data), func(l *loop) {
		if l != nil && l.bus.Wants(kind) {
			l.bus.Publish(event(kind, ref, data))
		}
	})
}
