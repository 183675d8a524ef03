package logs

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Report is the result of the work of a Writer.
type Report struct {
	Bytes     int // that were to be written
	Dropped   int // of them
	Rotations int
	Errs      []error // to be announced, each once: *Trouble and others
}

// Writer is a File whose caller, a thread that many others wait for, is not blocked for long by a disk that does not
// answer. The caller first states what is to be done (Write, Retry, Reopen, Clear, Close), which never blocks; then, if
// Begin says so, it calls Do, which may, and Done. If Do takes too long, another thread replaces the caller and calls
// Away, and the thread of Do calls Back when that returns. Until then, and until what was queued meanwhile has
// been written, the file belongs to that thread: work is queued, within Options.Keep. These are the methods of
// child.Work.
type Writer struct {
	path  string
	o     Options
	lanes *Lanes
	late  func(Report) // called with what was done meanwhile, on the other thread; must not block

	opening Opening

	// The caller's.
	noted  []task
	closed bool // Close was called

	// Of whoever works on the file: the caller, or the thread that it was left to.
	doing  []task
	file   *File
	found  site // where the file is
	result Report

	at site // found, as the caller knows it: it changes when the work is over

	// Under the lock of Lanes.
	lane     *lane
	queued   bool // in the lane's queue
	tasks    []task
	waiting  int // bytes in tasks, and of those that are being done
	busy     bool
	dropping bool // nothing more is queued until all that is queued is written
}

// task is bytes to write, or something else to do.
type task struct {
	b  []byte
	do func(*File) error
}

// NewWriter makes the Writer of the log at path, which Open opens. late is called with what was done on another thread
// after Away, and with an empty Report when the file has come back to its caller; it must not block.
func NewWriter(path string, o Options, lanes *Lanes, late func(Report)) *Writer {
	o.complete()
	w := &Writer{path: path, o: o, lanes: lanes, late: late}
	w.at = site{alone: w}
	w.found = w.at
	return w
}

// Open opens the file as the function Open does, if it is not open yet. It blocks, and must have returned before the
// Writer is used in another way. The error is also ErrHangs, at once, for a file system that is known not to answer.
func (w *Writer) Open() error {
	if w.file != nil {
		return nil
	}
	err := w.open()
	w.at = w.found
	return err
}

func (w *Writer) open() error {
	if err := w.opening.begin(w.lanes, w.path); err != nil {
		return err
	}
	defer w.opening.end()
	f, err := Open(w.path, w.o)
	if err != nil {
		return err
	}
	w.take(f)
	return nil
}

// Late is called by whoever no longer waits for Open: from then on others take the file system for one that does not answer.
// It may block as Open does.
func (w *Writer) Late() { w.opening.Late(w.lanes) }

func (w *Writer) take(f *File) {
	w.file = f
	w.locate()
}

// locate finds out where the file is.
func (w *Writer) locate() {
	w.found = site{alone: w}
	var st unix.Stat_t
	if w.file.d.fd >= 0 && w.file.d.kind == regular && unix.Fstat(w.file.d.fd, &st) == nil {
		w.found = site{device: uint64(st.Dev)} //nolint:unconvert,gosec // another type elsewhere
	}
}

// Write has b written, as File.Write does. b must stay as it is until Done or Back; the Report reports what is known at once.
func (w *Writer) Write(b []byte) Report { return w.ask(task{b: b}) }

// Retry is File.Retry. It does nothing while the file system does not answer.
func (w *Writer) Retry() {
	if !w.Aside() && w.file != nil {
		w.ask(task{do: (*File).Retry})
	}
}

// Reopen has the file reopened, as File.Reopen does.
func (w *Writer) Reopen() { w.ask(task{do: (*File).Reopen}) }

// Clear is File.Clear. done gets its error, on any thread, and must not block; it gets ErrHangs at once, with nothing done,
// while the file system does not answer.
func (w *Writer) Clear(done func(error)) {
	if w.closed || w.Aside() {
		done(ErrHangs)
		return
	}
	w.ask(task{do: func(f *File) error {
		done(f.Clear())
		return nil
	}})
}

// Close is File.Close, and the end of the Writer.
func (w *Writer) Close() {
	w.ask(task{do: (*File).Close})
	w.closed = true
}

// Closed reports whether Close was called.
func (w *Writer) Closed() bool { return w.closed }

// Full is File.Full.
func (w *Writer) Full() bool {
	if w.Aside() {
		return w.o.OnFull == Block
	}
	return w.file != nil && w.file.Full()
}

// Unsettled is File.Unsettled, false while the file system does not answer: then there is nothing to be tried.
func (w *Writer) Unsettled() bool {
	return !w.Aside() && w.file != nil && w.file.Unsettled()
}

// Begin reports whether there is something to Do.
func (w *Writer) Begin() bool {
	if len(w.noted) == 0 {
		return false
	}
	w.doing, w.noted = w.noted, w.doing[:0]
	return true
}

// ask notes a task for Do, or queues it where the file is not the caller's at the moment.
func (w *Writer) ask(t task) Report {
	switch {
	case w.closed:
		return Report{Bytes: len(t.b), Dropped: len(t.b)}
	case w.lanes.hung.Load() > 0 && w.enqueue(&t):
		return w.enqueued(t)
	}
	w.noted = append(w.noted, t)
	return Report{}
}

// Aside reports whether the file belongs to another thread, or is where one hangs.
func (w *Writer) Aside() bool {
	if w.lanes.hung.Load() == 0 {
		return false
	}
	w.lanes.mu.Lock()
	defer w.lanes.mu.Unlock()
	return w.join()
}

// join makes the Writer one of its lane, if there is one. Under the lock.
func (w *Writer) join() bool {
	if w.lane == nil && w.file != nil {
		if ln := w.lanes.all[w.at]; ln != nil {
			ln.members[w] = struct{}{}
			w.lane = ln
		}
	}
	return w.lane != nil
}

// enqueue queues a task, or as much of it as there is room for; what there is none for is left in t. False where the
// file is the caller's.
func (w *Writer) enqueue(t *task) bool {
	w.lanes.mu.Lock()
	defer w.lanes.mu.Unlock()
	if len(w.noted) > 0 || !w.join() {
		return false // what was noted before goes first
	}
	if t.do == nil {
		n := w.room(t.b)
		w.dropping = n < len(t.b)
		w.put(t.b[:n])
		t.b = t.b[n:]
	} else {
		w.tasks = append(w.tasks, *t)
	}
	if !w.busy {
		w.lane.enqueue(w)
	}
	return true
}

// room is how much of b is queued: whole lines where not all fits, nothing behind a gap.
func (w *Writer) room(b []byte) int {
	if w.dropping {
		return 0
	}
	room := w.o.Keep - w.waiting
	if len(b) <= room {
		return len(b)
	}
	room = max(room, 0)
	if end := bytes.LastIndexByte(b[:room], '\n'); end >= 0 || w.waiting > 0 {
		return end + 1
	}
	return room
}

// put queues a copy of b, together with what is queued before it.
func (w *Writer) put(b []byte) {
	if len(b) == 0 {
		return
	}
	w.waiting += len(b)
	const ordinary = 64 << 10 // bytes gather in buffers of about this size
	if last := len(w.tasks) - 1; last >= 0 && w.tasks[last].do == nil && len(w.tasks[last].b) < ordinary {
		w.tasks[last].b = append(w.tasks[last].b, b...)
		return
	}
	w.tasks = append(w.tasks, task{b: bytes.Clone(b)})
}

// enqueued returns the result: the rest of t was dropped.
func (w *Writer) enqueued(t task) (r Report) {
	if t.do != nil {
		return Report{}
	}
	r.Bytes, r.Dropped = len(t.b), len(t.b)
	if t := w.o.Episode.failed(w.path, ErrHangs, int64(len(t.b)), w.queuedBytes()); t != nil {
		r.Errs = append(r.Errs, t)
	}
	return r
}

func (w *Writer) queuedBytes() int64 {
	w.lanes.mu.Lock()
	defer w.lanes.mu.Unlock()
	return int64(w.waiting)
}

// Do does the work that was requested. It may block on the disk for any time.
func (w *Writer) Do() { w.result = w.perform(w.doing) }

// Done ends Do, on the caller's thread.
func (w *Writer) Done() Report {
	clear(w.doing)
	w.at = w.found
	return w.result
}

// Away leaves the file to the thread of Do, which hangs. It is called for the caller, on the thread that replaces it.
func (w *Writer) Away() (r Report) {
	w.leave()
	if t := w.o.Episode.failed(w.path, ErrHangs, 0, 0); t != nil {
		r.Errs = append(r.Errs, t)
	}
	return r
}

func (w *Writer) leave() {
	w.lanes.mu.Lock()
	defer w.lanes.mu.Unlock()
	w.lane = w.lanes.enter(w.at)
	w.lane.members[w] = struct{}{}
	w.busy = true
}

// Back does, on the thread of Do, what was queued while that hung, and returns the file.
func (w *Writer) Back() {
	w.late(w.result)
	w.giveBack().work()
}

func (w *Writer) giveBack() *lane {
	w.lanes.mu.Lock()
	defer w.lanes.mu.Unlock()
	w.doing = nil
	w.lane.idle(w)
	return w.lane
}

// perform does tasks, on the thread that the file belongs to.
func (w *Writer) perform(tasks []task) (r Report) {
	if w.file == nil { // it is opened for what is to be written, and for nothing else
		for _, t := range tasks {
			r.Bytes += len(t.b)
		}
		if r.Bytes == 0 {
			return r
		}
		if err := w.open(); err != nil {
			r.Dropped = r.Bytes
			if errors.Is(err, ErrHangs) {
				err = fmt.Errorf("cannot write log file %q: %w", w.path, err)
			}
			r.Errs = append(r.Errs, err)
			return r
		}
		r.Bytes = 0
	}
	rotations := w.file.Rotations()
	for _, t := range tasks {
		var err error
		if t.do == nil {
			var dropped int
			dropped, err = w.file.Write(t.b)
			r.Bytes, r.Dropped = r.Bytes+len(t.b), r.Dropped+dropped
		} else {
			err = t.do(w.file)
			w.locate()
		}
		if err != nil {
			r.Errs = append(r.Errs, err)
		}
	}
	r.Rotations = w.file.Rotations() - rotations
	return r
}

// settle notes that the file is its caller's again. Under the lock.
func (w *Writer) settle() {
	if w.file != nil && !w.file.failing {
		w.o.Episode.written()
	}
}
