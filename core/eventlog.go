package core

import (
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// eventLogEvents and eventLogBytes are what may wait for a slow disk. Beyond that
	// the oldest is discarded, counted and announced.
	eventLogEvents = 10000
	eventLogBytes  = 16 << 20
	// eventLogPiece is how much is written at a time, in bytes; the log is rotated
	// between two pieces.
	eventLogPiece = 64 << 10
	// eventLogDrain is how long the end of the loop waits for the disk.
	eventLogDrain = 2 * time.Second
	// eventLogName is how the event log is called among the subscribers.
	eventLogName = "event_log"
)

// eventLog writes events to a file, one JSON object a line. It is a stream like any
// other, read by a goroutine that owns the file.
type eventLog struct {
	stream *eventlistener.Stream
	types  []eventlistener.Type
	file   *logs.File
	log    func(config.Level, string)
	reopen chan struct{}
	done   chan struct{}
}

// openEventLog subscribes the event log, if there is to be one. Its file may have been opened a while ago: should it have been moved away since, it
// is opened again.
func (s *Supervisor) openEventLog(file *logs.File) {
	if file == nil {
		return
	}
	set := &s.opts.Config.Supervisord
	l := &eventLog{
		stream: eventlistener.NewStream(eventlistener.StreamConfig{
			MaxEvents: eventLogEvents, MaxBytes: eventLogBytes, Lost: func() { s.lost(eventLogName, 1, nil) },
		}),
		types: eventlistener.Distinct(set.EventLogEvents), file: file, log: s.log,
		reopen: make(chan struct{}, 1), done: make(chan struct{}),
	}
	s.eventLog = l
	s.bus.Subscribe(l.stream, l.types)
	l.reopenSoon()
	go l.run()
}

// closeEventLog ends the event log once what waits is written, or the disk has had
// its time.
func (s *Supervisor) closeEventLog() {
	l := s.eventLog
	if l == nil {
		return
	}
	s.eventLog = nil
	s.bus.Unsubscribe(l.stream)
	l.stream.Close()
	limit := time.NewTimer(eventLogDrain)
	defer limit.Stop()
	select {
	case <-l.done:
	case <-limit.C:
		s.log(config.ERRO, "cannot wait for the disk to take the event log")
	}
}

func (l *eventLog) run() {
	defer close(l.done)
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	defer retry.Stop()
	for {
		select {
		case <-l.stream.Ready():
			events, end := l.stream.Take()
			l.write(events)
			if end != nil {
				l.trouble(l.file.Close())
				return
			}
		case <-l.reopen:
			l.trouble(l.file.Reopen())
		case <-retry.C:
			l.trouble(l.file.Retry())
		}
		if l.file.Unsettled() {
			retry.Reset(retryDisk)
		}
	}
}

func (l *eventLog) write(events []*eventlistener.Event) {
	var buf []byte
	for i, e := range events {
		line, _ := e.PayloadIn(eventlistener.JSONForm)
		buf = append(append(buf, line...), '\n')
		if len(buf) >= eventLogPiece || i == len(events)-1 {
			_, err := l.file.Write(buf)
			l.trouble(err)
			buf = buf[:0]
		}
	}
}

func (l *eventLog) trouble(err error) {
	if err != nil {
		l.log(config.ERRO, "event log: "+err.Error())
	}
}

// reopenSoon has the file opened again. It does not wait.
func (l *eventLog) reopenSoon() {
	select {
	case l.reopen <- struct{}{}:
	default:
	}
}

func (l *eventLog) subscriber(now time.Time) SubscriberInfo {
	return streamInfo(SubscriberInfo{
		Name: eventLogName, Kind: LogSubscriber, BufferSize: eventLogEvents,
		Overflow: eventlistener.DiscardOldest.String(), Payload: eventlistener.JSONForm.String(),
	}, l.stream, l.types, now)
}
