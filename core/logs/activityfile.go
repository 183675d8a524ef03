package logs

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// item is a step of an activityFile's queue: lines, a mark for lines dropped here, or
// something to do with the file.
type item struct {
	buf    []byte
	ends   []int // where each line ends in buf
	lost   int   // lines dropped at this point
	op     func(*File)
	urgent bool // op does not wait for lines that cannot be written
}

// activityFile is one file of an Activity with its queue and its goroutine.
type activityFile struct {
	file    *File
	path    string
	limit   int
	retry   time.Duration
	trouble func(error)
	wake    chan struct{} // of one slot: there is something to do
	hurried chan struct{} // of one slot: there is something urgent
	done    chan struct{} // closed by the goroutine at its end

	mu      sync.Mutex
	items   []item
	pending int // bytes queued or being written
	lost    int64
	closing bool

	// Of the goroutine alone, until done is closed.
	taken    []item
	closeErr error
}

func newActivityFile(f *File, o ActivityOptions) *activityFile {
	f.o.OnFull = Block // lines wait in the queue, where what is dropped is counted in lines
	out := &activityFile{
		file:    f,
		path:    f.path,
		limit:   o.MaxPending,
		retry:   o.RetryEvery,
		trouble: o.Trouble,
		wake:    make(chan struct{}, 1),
		hurried: make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	go out.run()
	return out
}

// line queues a copy of b, or counts it as dropped because there is no room.
func (o *activityFile) line(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return
	}
	last := len(o.items) - 1
	if o.pending+len(b) > o.limit {
		o.lost++
		if last < 0 || o.items[last].lost == 0 {
			o.items = append(o.items, item{})
			last++
		}
		o.items[last].lost++
		return
	}
	const ordinary = 64 << 10 // lines gather in buffers of about this size
	if last < 0 || o.items[last].buf == nil || len(o.items[last].buf) >= ordinary {
		o.items = append(o.items, item{})
		last++
	}
	it := &o.items[last]
	it.buf = append(it.buf, b...)
	it.ends = append(it.ends, len(it.buf))
	o.pending += len(b)
	signal(o.wake)
}

// post queues a step; false where the file is closed and it will not be done.
func (o *activityFile) post(it item) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing {
		return false
	}
	o.items = append(o.items, it)
	signal(o.wake)
	if it.urgent {
		signal(o.hurried)
	}
	return true
}

func (o *activityFile) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closing = true
	signal(o.wake)
	signal(o.hurried)
}

// abandoned returns the Trouble for a file that is not closed in time.
func (o *activityFile) abandoned() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return &Trouble{Kind: Abandoned, Path: o.path, Err: ErrHangs, Dropped: int64(o.pending)}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (o *activityFile) droppedLines() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lost
}

func (o *activityFile) run() {
	defer close(o.done)
	for {
		closing := o.take()
		switch {
		case len(o.taken) > 0:
			for len(o.taken) > 0 {
				it := o.taken[0]
				o.taken = o.taken[1:]
				o.perform(it)
			}
		case closing:
			o.closeErr = o.file.Close()
			return
		case o.file.Unsettled():
			// Lines the file keeps are retried though no more of them come.
			o.sleep(o.wake)
			o.tell(o.file.Retry())
		default:
			<-o.wake
		}
	}
}

// take takes what is queued, and reports whether the file is closing.
func (o *activityFile) take() (closing bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken, o.items = o.items, nil
	return o.closing
}

func (o *activityFile) isClosing() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.closing
}

// written notes that so many bytes are not queued any more.
func (o *activityFile) written(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.pending -= n
}

// perform does a step when the file can take it.
func (o *activityFile) perform(it item) {
	switch {
	case it.op != nil:
		if !it.urgent {
			o.await()
		}
		it.op(o.file)
	case it.lost > 0:
		o.await()
		text := fmt.Sprintf("%d lines of this log were dropped here because it could not be written", it.lost)
		o.write(AppendLine(nil, time.Now(), 30, text))
	default:
		for start, i := 0, 0; i < len(it.ends); {
			// As many lines as go before a rotation, but never part of one.
			room := o.file.Room()
			for i++; i < len(it.ends) && int64(it.ends[i-1]-start) < room; i++ {
			}
			o.await()
			o.write(it.buf[start:it.ends[i-1]])
			start = it.ends[i-1]
		}
		o.written(len(it.buf))
	}
}

func (o *activityFile) write(b []byte) {
	_, err := o.file.Write(b)
	o.tell(err)
}

func (o *activityFile) tell(err error) {
	if err != nil {
		o.trouble(err)
	}
}

// await returns when the file takes lines again, or when all of this is to end.
func (o *activityFile) await() {
	for o.file.Full() {
		o.tell(o.file.Retry())
		if !o.file.Full() {
			return
		}
		if o.isClosing() {
			return
		}
		o.sleep(o.hurried)
		o.hurry()
	}
}

// sleep waits for the next try, or for a signal.
func (o *activityFile) sleep(sooner chan struct{}) {
	t := time.NewTimer(o.retry)
	defer t.Stop()
	select {
	case <-t.C:
	case <-sooner:
	}
}

// hurry does the urgent steps at once: a log that cannot be written can still be
// reopened elsewhere, or cleared.
func (o *activityFile) hurry() {
	for _, it := range o.takeUrgent() {
		it.op(o.file)
	}
}

func (o *activityFile) takeUrgent() (urgent []item) {
	pick := func(items []item) []item {
		return slices.DeleteFunc(items, func(it item) bool {
			if it.urgent {
				urgent = append(urgent, it)
			}
			return it.urgent
		})
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken, o.items = pick(o.taken), pick(o.items)
	return urgent
}
