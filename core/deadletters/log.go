// Package deadletters keeps the events and notifications that pools and notifiers gave up, shows them
// and sends them again. Of the loop it uses only the pools and notifiers that take events again.
package deadletters

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/logs"
	"github.com/hark-supervisor/hark/eventlistener"
)

const (
	// deadLetterBytes is the size at which a pool's dead-letter log is rotated. With
	// its one backup it takes twice as much of the disk at most.
	deadLetterBytes = 10 << 20
	// deadLetterPending bounds what waits for the disk, in bytes. What exceeds it
	// is dropped and counted.
	deadLetterPending = 4 << 20
	// deadLetterDrain is how long Flush waits for the disk.
	deadLetterDrain = 2 * time.Second
)

// Log writes events that were given up to childlogdir, one JSON object a
// line in one file a pool or notifier. The loop only queues them: a goroutine that lives while
// there are any opens the file, writes and closes it. file.go reads them.
type Log struct {
	dir  string
	log  func(config.Level, string)
	turn chan struct{} // held by whoever uses the files

	mu      sync.Mutex
	queue   []deadLetter
	bytes   int
	dropped int
	writing chan struct{} // closed when the goroutine has ended; nil: there is none
}

type deadLetter struct {
	pool string // or notifier
	line []byte
}

// NewLog returns the log in a directory, with the letters that are in its files.
func NewLog(dir string, log func(config.Level, string)) *Log {
	return &Log{dir: dir, log: log, turn: make(chan struct{}, 1)}
}

// Put queues the event of a DeadLetter outcome.
func (d *Log) Put(o eventlistener.Outcome, now time.Time) {
	d.PutLine(o.Pool, appendDeadLetter(nil, o, now))
}

// PutLine queues a line of the log of a pool or notifier. It may be called from any goroutine.
func (d *Log) PutLine(pool string, line []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.bytes+len(line) > deadLetterPending {
		d.dropped++
		return
	}
	d.queue = append(d.queue, deadLetter{pool, line})
	d.bytes += len(line)
	if d.writing == nil {
		d.writing = make(chan struct{})
		go d.write(d.writing)
	}
}

// appendDeadLetter is a line of the log.
func appendDeadLetter(dst []byte, o eventlistener.Outcome, now time.Time) []byte {
	dst = append(dst, `{"pool":`...)
	dst = eventlistener.AppendJSONString(dst, o.Pool)
	dst = append(now.UTC().AppendFormat(append(dst, `,"time":"`...), time.RFC3339Nano), '"')
	dst = append(dst, `,"listener":`...)
	dst = eventlistener.AppendJSONString(dst, o.Listener)
	dst = strconv.AppendInt(append(dst, `,"serial":`...), o.Serial, 10)
	dst = strconv.AppendInt(append(dst, `,"poolserial":`...), o.PoolSerial, 10)
	dst = strconv.AppendInt(append(dst, `,"failed":`...), int64(o.Failed), 10)
	if o.Result != nil {
		dst = append(dst, `,"result":`...)
		dst = eventlistener.AppendJSONString(dst, string(o.Result))
	}
	event, _ := o.Event.PayloadIn(eventlistener.JSONForm)
	dst = append(append(dst, `,"event":`...), event...)
	return append(dst, "}\n"...)
}

// deadLetterPath is a pool's dead-letter log.
func deadLetterPath(dir, pool string) string {
	return filepath.Join(dir, filepath.Base(pool)+lettersSuffix)
}

// lettersSuffix is what the name of a dead-letter log ends with, behind that of its pool or notifier.
const lettersSuffix = "-deadletters.jsonl"

func (d *Log) write(done chan struct{}) {
	defer close(done)
	var file *logs.File
	var open string
	closeFile := func() {
		if file != nil {
			d.trouble(open, file.Close())
			file = nil
		}
	}
	for {
		queue, dropped := d.take()
		if len(queue) == 0 {
			return
		}
		if dropped > 0 {
			d.log(config.ERRO, fmt.Sprintf("dropped %d dead letters that the disk was too slow for", dropped))
		}
		d.turn <- struct{}{}
		for _, l := range queue {
			if file == nil || open != l.pool {
				closeFile()
				var err error
				file, err = logs.Open(deadLetterPath(d.dir, l.pool), logs.Options{MaxBytes: deadLetterBytes, Backups: 1, Mode: 0o600})
				if err != nil {
					d.trouble(l.pool, err)
					file = nil
					continue
				}
				open = l.pool
			}
			_, err := file.Write(l.line)
			d.trouble(open, err)
		}
		closeFile()
		<-d.turn
	}
}

// take is what is to be written, and how much there was no room for. When it is nothing, the writing is over.
func (d *Log) take() (queue []deadLetter, dropped int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	queue, dropped = d.queue, d.dropped
	d.queue, d.bytes, d.dropped = nil, 0, 0
	if len(queue) == 0 {
		d.writing = nil
	}
	return queue, dropped
}

// written is closed when what was put is written; nil: it is already.
func (d *Log) written() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writing
}

func (d *Log) trouble(pool string, err error) {
	if err != nil {
		d.log(config.ERRO, fmt.Sprintf("cannot write the dead letters of %s: %v", pool, err))
	}
}

// Flush waits until the queued lines are written, but only for a limited time.
func (d *Log) Flush() {
	writing := d.written()
	if writing == nil {
		return
	}
	limit := time.NewTimer(deadLetterDrain)
	defer limit.Stop()
	select {
	case <-writing:
	case <-limit.C:
		d.log(config.ERRO, "cannot wait for the disk to take the dead letters")
	}
}
