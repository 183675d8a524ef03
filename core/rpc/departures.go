package rpc

import (
	"net"
	"sync"
	"time"
)

// departures notices that clients have gone while they wait for an answer, from the kernel's state of their connections: net/http
// notices only when there is something to write, or nothing left to read. A client that has shut down its sending side, as some do after their
// request, still waits; over TCP it can't be distinguished from one that is gone, and has halfClosed.
type departures struct {
	halfClosed time.Duration
	kernel     notices

	mu      sync.Mutex
	watched map[uint64]*departure
	last    uint64
}

// departure is a connection that is watched.
type departure struct {
	conn  net.Conn // the kernel's
	gone  func()
	grace *time.Timer // running once the client has shut its side
}

// hangup is what the kernel says of a connection.
type hangup int

const (
	halfShut hangup = iota // the client sends no more
	hungUp                 // it reads no more either
)

func newDepartures(halfClosed time.Duration) (*departures, error) {
	d := &departures{halfClosed: halfClosed, watched: map[uint64]*departure{}}
	return d, d.kernel.open(d)
}

func (d *departures) add(w *departure) (id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.last++
	d.watched[d.last] = w
	return d.last
}

// watch has gone called, once, when the client of a connection is no longer there, until stop is called.
func (d *departures) watch(c *conn, gone func()) (stop func(), err error) {
	w := &departure{conn: c.Conn, gone: gone}
	id := d.add(w)
	err = d.kernel.begin(id, w.conn)
	if err != nil {
		d.take(id)
		return nil, err
	}
	return func() {
		if d.take(id) != nil {
			d.kernel.end(w.conn)
		}
	}, nil
}

// take ends the watch of a connection, nil if it has ended.
func (d *departures) take(id uint64) *departure {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.watched[id]
	if w != nil {
		delete(d.watched, id)
		if w.grace != nil {
			w.grace.Stop()
		}
	}
	return w
}

// notice is what the kernel has to say of a connection.
func (d *departures) notice(id uint64, h hangup) {
	if h == hungUp {
		d.left(id)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.watched[id]
	if w == nil || w.grace != nil || !w.halfShutMeansGone() {
		return
	}
	w.grace = time.AfterFunc(d.halfClosed, func() { d.left(id) })
}

func (d *departures) left(id uint64) {
	if w := d.take(id); w != nil {
		d.kernel.end(w.conn)
		w.gone()
	}
}

func (d *departures) close() {
	d.kernel.close()
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, w := range d.watched {
		if w.grace != nil {
			w.grace.Stop()
		}
		delete(d.watched, id)
	}
}
