package logs

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrHangs is the cause of an episode in which a log's file system, or whatever else the log is on, does not answer.
var ErrHangs = errors.New("its file system does not answer")

// Lanes are the file systems that do not answer: frozen ones, those whose server is gone, and those that are merely
// far too busy. A thread that hangs in one makes it a lane. Further work there is queued meanwhile, so that
// no thread hangs for each log, and is done by that thread when it returns. The zero value is ready.
type Lanes struct {
	hung atomic.Int32 // how many there are

	mu  sync.Mutex
	all map[site]*lane
}

// site is where a log is: a file system, or for what is not a regular file the Writer alone.
type site struct {
	device uint64
	alone  *Writer
}

// lane is a site that does not answer. Under the lock of Lanes.
type lane struct {
	lanes   *Lanes
	site    site
	threads int                  // that are in it, hanging or at work
	members map[*Writer]struct{} // those whose files belong to the lane
	queue   []*Writer            // of them, those with something to do that no thread works on
}

// enter counts a thread that hangs at a site. It must leave by work. Under the lock.
func (l *Lanes) enter(at site) *lane {
	ln := l.all[at]
	if ln == nil {
		if l.all == nil {
			l.all = map[site]*lane{}
		}
		ln = &lane{lanes: l, site: at, members: map[*Writer]struct{}{}}
		l.all[at] = ln
		l.hung.Add(1)
	}
	ln.threads++
	return ln
}

// work does what is queued, on a thread that has entered and no longer hangs. When the last thread leaves the lane, the lane is
// removed, and its files belong to their callers again.
func (ln *lane) work() {
	left := false
	defer func() {
		if !left { // a panic: the rest must not wait forever
			go ln.work()
		}
	}()
	for {
		w, tasks, freed := ln.next()
		if w == nil {
			left = true
			for _, w := range freed {
				w.late(Report{})
			}
			return
		}
		ln.serve(w, tasks)
	}
}

// next is the next Writer with something to do. If there is none the thread leaves, and with the last one the Writers
// of the lane are freed.
func (ln *lane) next() (w *Writer, tasks []task, freed []*Writer) {
	l := ln.lanes
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ln.queue) > 0 {
		w, ln.queue = ln.queue[0], ln.queue[1:]
		tasks = w.tasks
		w.tasks, w.busy, w.queued = nil, true, false
		return w, tasks, nil
	}
	if ln.threads--; ln.threads > 0 {
		return nil, nil, nil
	}
	delete(l.all, ln.site)
	for w := range ln.members {
		w.lane = nil
		w.settle()
		freed = append(freed, w)
	}
	l.hung.Add(-1) // a caller that sees it finds the files as they are now
	return nil, nil, freed
}

// serve does what a Writer has to do.
func (ln *lane) serve(w *Writer, tasks []task) {
	var r Report
	defer func() {
		ln.served(w, tasks)
		w.late(r)
	}()
	r = w.perform(tasks)
}

func (ln *lane) served(w *Writer, tasks []task) {
	ln.lanes.mu.Lock()
	defer ln.lanes.mu.Unlock()
	for _, t := range tasks {
		w.waiting -= len(t.b)
	}
	ln.idle(w)
}

// idle records that no thread works on w's file any longer. Under the lock.
func (ln *lane) idle(w *Writer) {
	w.busy, w.at = false, w.found
	if len(w.tasks) == 0 {
		w.dropping = false
	}
	ln.enqueue(w)
}

// enqueue puts w into the queue if it has something to do. Under the lock.
func (ln *lane) enqueue(w *Writer) {
	if len(w.tasks) > 0 && !w.queued {
		w.queued = true
		ln.queue = append(ln.queue, w)
	}
}

// Abandon waits until no file system hangs, for limit at most, and returns what is lost of each log that is still
// waited for: it will not be written.
func (l *Lanes) Abandon(limit time.Duration) (lost []*Trouble) {
	const look = 10 * time.Millisecond
	for end := time.Now().Add(limit); l.hung.Load() > 0 && time.Now().Before(end); {
		time.Sleep(look)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ln := range l.all {
		for w := range ln.members {
			if w.waiting > 0 {
				lost = append(lost, &Trouble{Kind: Abandoned, Path: w.path, Err: ErrHangs, Dropped: int64(w.waiting)})
			}
		}
	}
	return lost
}

// Opening is the opening of a log on a thread that others wait for, which may hang. The zero value is ready for one.
type Opening struct {
	mu   sync.Mutex
	path string // "" : none is under way
	lane *lane
}

// hangLimit is how long something off the poller's thread may take before its file system is taken for one that does not answer.
const hangLimit = time.Second

// Run does f, which opens or changes the log at path, on a goroutine of its own, and returns its error, or that of ctx
// when that ends first: then f continues. If the file system is known not to answer it returns ErrHangs at once. After a second
// of f others assume that for its file system.
func (l *Lanes) Run(ctx context.Context, path string, f func() error) error {
	var o Opening
	if err := o.begin(l, path); err != nil {
		return err
	}
	done := make(chan error, 1)
	late := time.AfterFunc(hangLimit, func() { o.Late(l) })
	go func() {
		err := f()
		late.Stop()
		o.end()
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin notes that a log is about to be opened. The error is ErrHangs if it is on a file system that is known not to answer.
func (o *Opening) begin(l *Lanes, path string) error {
	if l.hung.Load() > 0 {
		if at, ok := siteOf(path); ok && l.hangs(at) {
			return ErrHangs
		}
	}
	o.swap(path)
	return nil
}

// end notes that it is open, or could not be opened. If it was Late, what was queued meanwhile is done first.
func (o *Opening) end() {
	if _, ln := o.swap(""); ln != nil {
		ln.work()
	}
}

// swap sets what is being opened, and returns what was.
func (o *Opening) swap(path string) (before string, ln *lane) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, ln = o.path, o.lane
	o.path, o.lane = path, nil
	return before, ln
}

func (o *Opening) underWay() (path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.path
}

// Late has others treat the log's file system as one that does not answer, if the opening is still under way. It may
// block as the opening does.
func (o *Opening) Late(l *Lanes) {
	path := o.underWay()
	if path == "" {
		return
	}
	at, ok := siteOf(path)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.path != path || o.lane != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	o.lane = l.enter(at)
}

func (l *Lanes) hangs(at site) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[at] != nil
}

// siteOf is the site of a log that is not open: that of its directory.
func siteOf(path string) (site, bool) {
	var st unix.Stat_t
	if unix.Stat(filepath.Dir(path), &st) != nil {
		return site{}, false
	}
	return site{device: uint64(st.Dev)}, true //nolint:unconvert,gosec // another type elsewhere
}
