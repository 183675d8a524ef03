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

// Message is a function that the loop calls because of output, to publish an event or to log. bus is nil if the loop has ended.
type Message func(bus *eventlistener.Bus)

// Loop is the owner of the bus. Its methods may be called from any thread.
type Loop interface {
	// Take calls the messages, which stand for n bytes of output, or queues them. done reports whether they have been called;
	// if not, the slice must not be used again. Take may block while too much output is queued.
	Take(n int, messages []Message) (done bool)
	// Put queues a message. It does not block.
	Put(m Message)
	// Faulty has Retries.Set called on the loop.
	Faulty(c *Channel, every time.Duration)
}

// Around has what all channels share.
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

// Channel handles the output of one spawn of a process on one pipe (dispatchers.py,
// POutputDispatcher). Its methods run on the thread of the poller that reads the
// pipe, except those of Pair, and Do and Back (child.Work).
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
	copies   bool          // what the splitter returns is valid during the call only
	retrying time.Duration // how often the loop was asked to try the file again; 0: not at all
	paused   bool          // the pipe is left alone until file and sinks take bytes again
	lines    *syslog.Lines // nil: not to syslog
	taps     taps
	plainFn  func([]byte)
	commFn   func([]byte)
	batch    []Message // the messages of the present read
	size     int       // bytes of output they stand for
	after    func()    // called after they were passed to the loop; nil: nothing is
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
		// Its output goes to its log only (PEventListenerDispatcher).
		c.splitter = logs.NewSplitter(0, a.Settings.StripAnsi)
		c.plainFn, c.commFn = c.write, c.comm
		return c
	}
	c.splitter = logs.NewSplitter(c.conf.CaptureMaxBytes, a.Settings.StripAnsi)
	c.copies = c.conf.CaptureMaxBytes > 0 && a.Settings.StripAnsi
	if c.splitter != nil && (c.mainlog || c.conf.EventsEnabled) {
		// Supervisor's log events contain the text between the tags, too.
		c.splitter.Inside = c.tell
	}
	c.plainFn, c.commFn = c.plain, c.comm
	return c
}

// eager reports whether the output becomes events, so that reading it must not be delayed.
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

// ref returns the process that writes the output.
func (c *Channel) ref() eventlistener.Process {
	ref := c.process
	if ch := c.child.Load(); ch != nil {
		ref.Pid = ch.Pid()
	}
	return ref
}

// Output implements child.Reader.
func (c *Channel) Output(b []byte) child.Work {
	defer c.Guard.Caught("output of a process")
	if c.replies != nil {
		// The loop gets it first, so that the next event is sent before the log is written to the disk.
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

// work is what is to be done with the log. The result of the read for the loop follows when that is written, or hangs.
func (c *Channel) work() child.Work {
	if c.out != nil && c.out.Begin() {
		return c
	}
	c.tellLoop()
	return nil
}

// Do implements child.Work.
func (c *Channel) Do() {
	defer c.Guard.Caught("a log file")
	c.out.Do()
}

// Done implements child.Work.
func (c *Channel) Done() {
	defer c.Guard.Caught("a log file")
	c.wrote(c.out.Done())
	c.tellLoop()
}

// Away implements child.Work.
func (c *Channel) Away() {
	defer c.Guard.Caught("a log file")
	c.splitter.LetGo()
	c.wrote(c.out.Away())
	c.tellLoop()
}

// Back implements child.Work.
func (c *Channel) Back() {
	defer c.Guard.Caught("a log file")
	c.out.Back()
}

// forLoop keeps a message that stands for n bytes of output until tellLoop passes it to the loop.
func (c *Channel) forLoop(n int, m Message) {
	c.batch = append(c.batch, m)
	c.size += n
}

// tellLoop passes the messages of one read to the loop together: there may be hundreds of small communications.
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

// Closed implements child.Reader.
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

// plain handles output outside the capture tags.
func (c *Channel) plain(b []byte) {
	c.write(b)
	c.sink(b)
	c.tell(b)
}

// tell copies output to the activity log and publishes it as a PROCESS_LOG event, as far as each is wanted.
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

// write writes output to syslog and to the log file.
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

// comm publishes the text between capture tags as a PROCESS_COMMUNICATION event.
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

// debug has the loop log a line that stands for n bytes of output, so that it comes after the lines of what happened before.
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
