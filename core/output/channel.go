package output

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hark-supervisor/hark/core/activity"
	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/guard"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/core/syslog"
	"github.com/hark-supervisor/hark/core/tally"
	"github.com/hark-supervisor/hark/eventlistener"
)

// The names of a process's channels.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Message is something that came of output, for the loop. bus is nil where that has ended.
type Message func(bus *eventlistener.Bus)

// Loop is who owns the bus. Its methods may be called from any thread.
type Loop interface {
	// Take does messages that stand for n bytes of output. With true they are done, else they will be; that
	// may wait while too much output is on its way.
	Take(n int, messages []Message) (done bool)
	// Put adds a message. It does not wait.
	Put(m Message)
	// Faulty asks for Retries.Set.
	Faulty(c *Channel, every time.Duration)
}

// Around is what all channels share.
type Around struct {
	Loop     Loop
	System   *child.System
	Guard    *guard.Guard
	Lanes    *logs.Lanes
	Syslog   *syslog.Writer // nil: there is none
	Sinks    *Sinks
	Written  *tally.Logs
	Log      func(config.Level, string)
	Settings *config.Supervisord
}

// Channel takes what one spawn of a process writes on one pipe (dispatchers.py,
// POutputDispatcher). Its methods run on the thread of the poller that reads the
// pipe, but for those of Pair, and for Do and Back (child.Work).
type Channel struct {
	*Around
	process eventlistener.Process // without its pid
	name    string                // Stdout or Stderr
	conf    *config.Stream
	path    string                          // "" for none
	replies func(ch *child.Child, b []byte) // a listener's stdout: takes what it says, which is valid during the call only
	deaf    atomic.Bool                     // a listener's stdout: the listener is UNKNOWN, so nothing it says counts
	mainlog bool                            // loglevel debug or lower: output is copied to the activity log

	child    atomic.Pointer[child.Child]
	out      *logs.Writer  // nil: to no file
	episode  *logs.Episode // the process's
	splitter *logs.Splitter
	copies   bool          // what the splitter gives is valid during the call only
	retrying time.Duration // how often the loop was asked to try the file again; 0: not at all
	paused   bool          // the pipe is left alone until file and sinks take bytes again
	lines    *syslog.Lines // nil: not to syslog
	taps     taps
	plainFn  func([]byte)
	commFn   func([]byte)
	batch    []Message // what came of the read at hand
	size     int       // bytes of output they stand for
	after    func()    // what is to be done once they are handed over
}

func newChannel(a *Around, p *Process, name string) *Channel {
	c := &Channel{Around: a, process: p.Ref, name: name, conf: &p.Conf.Stdout, path: p.Logs.Stdout, episode: &p.stdout, mainlog: a.Settings.LogLevel <= config.DEBG}
	if name == Stdout {
		c.replies = p.Replies
	} else {
		c.conf, c.path, c.episode = &p.Conf.Stderr, p.Logs.Stderr, &p.stderr
	}
	if c.path != "" {
		c.openWriter()
	}
	if c.conf.Syslog && a.Syslog != nil {
		c.lines = syslog.NewLines(a.Syslog, c.process.Name)
	}
	if c.replies != nil {
		// To its log alone (PEventListenerDispatcher).
		c.splitter = logs.NewSplitter(0, a.Settings.StripAnsi)
		c.plainFn, c.commFn = c.write, c.comm
		return c
	}
	c.splitter = logs.NewSplitter(c.conf.CaptureMaxBytes, a.Settings.StripAnsi)
	c.copies = c.conf.CaptureMaxBytes > 0 && a.Settings.StripAnsi
	if c.mainlog || c.conf.EventsEnabled {
		// Supervisor's log events hold what stands between the tags, too.
		c.splitter.Inside = c.tell
	}
	c.plainFn, c.commFn = c.plain, c.comm
	return c
}

// eager reports whether what is read becomes events, so that nothing may delay it.
func (c *Channel) eager() bool {
	return c.replies != nil || c.conf.EventsEnabled || c.conf.CaptureMaxBytes > 0
}

// openWriter makes the writer of the log.
func (c *Channel) openWriter() {
	o := logs.Options{MaxBytes: c.conf.MaxBytes, Backups: c.conf.Backups, Episode: c.episode}
	if c.conf.Block {
		o.OnFull = logs.Block
	}
	c.out = logs.NewWriter(c.path, o, c.Lanes, func(r logs.Report) {
		c.post(func() child.Work {
			c.wrote(r)
			return nil
		})
	})
}

// post runs f on the thread that owns the channel's file.
func (c *Channel) post(f func() child.Work) {
	safely := func() (w child.Work) {
		c.Guard.Safely("a log file", func() { w = f() })
		return w
	}
	if c.replies != nil {
		c.System.PostListener(safely)
	} else {
		c.System.Post(safely)
	}
}

// open opens the log file, as Supervisor does at each spawn.
func (c *Channel) open() error {
	if c.out == nil {
		return nil
	}
	err := c.out.Open()
	if errors.Is(err, logs.ErrHangs) {
		return &child.Later{Err: fmt.Errorf("cannot open log file %q: %w", c.path, err)}
	}
	return err
}

// ref is the process this output is of.
func (c *Channel) ref() eventlistener.Process {
	ref := c.process
	if ch := c.child.Load(); ch != nil {
		ref.Pid = ch.Pid()
	}
	return ref
}

// Output is child.Reader's.
func (c *Channel) Output(b []byte) child.Work {
	defer c.Guard.Caught("output of a process")
	if c.replies != nil {
		// To the loop first: the next event is on its way before the disk has its log.
		switch {
		case !c.deaf.Load():
			c.replies(c.child.Load(), b)
		case c.mainlog:
			c.Log(config.DEBG, activity.Reply(c.process.Name, c.name, b))
		}
	}
	c.splitter.Feed(b, c.plainFn, c.commFn)
	return c.work()
}

// work is what was noted for the log. What came of the read for the loop follows when that is written, or hangs.
func (c *Channel) work() child.Work {
	if c.out != nil && c.out.Begin() {
		return c
	}
	c.tellLoop()
	return nil
}

// Do is child.Work's.
func (c *Channel) Do() {
	defer c.Guard.Caught("a log file")
	c.out.Do()
}

// Done is child.Work's.
func (c *Channel) Done() {
	defer c.Guard.Caught("a log file")
	c.wrote(c.out.Done())
	c.tellLoop()
}

// Away is child.Work's.
func (c *Channel) Away() {
	defer c.Guard.Caught("a log file")
	c.splitter.LetGo()
	c.wrote(c.out.Away())
	c.tellLoop()
}

// Back is child.Work's.
func (c *Channel) Back() {
	defer c.Guard.Caught("a log file")
	c.out.Back()
}

// forLoop keeps a message to the loop that stands for n bytes of output until tellLoop.
func (c *Channel) forLoop(n int, m Message) {
	c.batch = append(c.batch, m)
	c.size += n
}

// tellLoop has the loop take what one read brought: hundreds of small
// communications make one message.
func (c *Channel) tellLoop() {
	if len(c.batch) > 0 {
		batch, size := c.batch, c.size
		c.batch, c.size = nil, 0
		if c.Loop.Take(size, batch) {
			clear(batch)
			c.batch = batch[:0]
		}
	}
	if after := c.after; after != nil {
		c.after = nil
		after()
	}
}

// Closed is child.Reader's.
func (c *Channel) Closed(left int) child.Work {
	defer c.Guard.Caught("the end of a process's output")
	c.splitter.Flush(c.plainFn, c.commFn)
	if c.lines != nil {
		c.lines.Flush()
	}
	if left > 0 {
		ref := c.ref()
		c.forLoop(0, func(bus *eventlistener.Bus) {
			if bus == nil {
				return
			}
			c.Log(config.WARN, activity.LeftBehind(ref.Name, c.name, left))
			bus.Publish(eventlistener.NewLogDropped(ref, c.name, int64(left)))
		})
	}
	if c.out != nil {
		c.out.Close()
	}
	return c.work()
}

// plain takes bytes that are no communication.
func (c *Channel) plain(b []byte) {
	c.write(b)
	c.sink(b)
	c.tell(b)
}

// tell passes bytes on to those who follow what a process says.
func (c *Channel) tell(b []byte) {
	if !c.mainlog && !c.conf.EventsEnabled {
		return
	}
	data := append([]byte(nil), b...)
	if c.mainlog {
		c.debug(len(data), func() string { return activity.Output(c.process.Name, c.name, data) })
	}
	if c.conf.EventsEnabled {
		kind := eventlistener.ProcessLogStdout
		if c.name == Stderr {
			kind = eventlistener.ProcessLogStderr
		}
		c.publish(kind, data, eventlistener.NewProcessLog)
	}
}

// write has bytes put into the log.
func (c *Channel) write(b []byte) {
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
func (c *Channel) comm(b []byte) {
	kind := eventlistener.ProcessCommunicationStdout
	if c.name == Stderr {
		kind = eventlistener.ProcessCommunicationStderr
	}
	c.publish(kind, append([]byte(nil), b...), eventlistener.NewProcessCommunication)
	if c.mainlog {
		c.debug(0, func() string { return activity.CommEvent(c.process.Name, c.name) })
	}
}

// debug writes a line that stands for n bytes of output, by way of the loop, so
// that it follows the lines of what was before it.
func (c *Channel) debug(n int, text func() string) {
	c.forLoop(n, func(*eventlistener.Bus) { c.Log(config.DEBG, text()) })
}

func (c *Channel) publish(kind eventlistener.Type, data []byte, event func(eventlistener.Type, eventlistener.Process, []byte) *eventlistener.Event) {
	ref := c.ref()
	c.forLoop(len(data), func(bus *eventlistener.Bus) {
		if bus != nil && bus.Wants(kind) {
			bus.Publish(event(kind, ref, data))
		}
	})
}
