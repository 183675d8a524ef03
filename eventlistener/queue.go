package eventlistener

// entry is an event in a pool, under the pool's own serial for it.
type entry struct {
	event  *Event
	serial int64  // poolserial
	failed int    // deliveries that failed
	pos    uint64 // its position in the pool's spool; 0: the pool has no spool
}

// queue is a double-ended queue of entries: a ring that doubles when full. The
// zero value is empty.
type queue struct {
	ring  []entry // its length is 0 or a power of two
	first int     // index of the head
	n     int     // how many are in it
	bytes int     // about how many bytes their events occupy in memory
}

func (q *queue) pushBack(e entry) {
	q.grow()
	q.ring[(q.first+q.n)&(len(q.ring)-1)] = e
	q.n++
	q.bytes += e.event.size
}

func (q *queue) pushFront(e entry) {
	q.grow()
	q.first = (q.first - 1) & (len(q.ring) - 1)
	q.ring[q.first] = e
	q.n++
	q.bytes += e.event.size
}

// popFront removes and returns the head; the queue must not be empty.
func (q *queue) popFront() entry {
	e := q.ring[q.first]
	q.ring[q.first] = entry{} // let the event go
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
	q.bytes -= e.event.size
	return e
}

// popBack removes and returns the last entry; the queue must not be empty.
func (q *queue) popBack() entry {
	q.n--
	i := (q.first + q.n) & (len(q.ring) - 1)
	e := q.ring[i]
	q.ring[i] = entry{}
	q.bytes -= e.event.size
	return e
}

func (q *queue) front() entry { return q.ring[q.first] }

func (q *queue) grow() {
	if q.n < len(q.ring) {
		return
	}
	const smallest = 8
	ring := make([]entry, max(2*len(q.ring), smallest))
	for i := range q.n {
		ring[i] = q.ring[(q.first+i)&(len(q.ring)-1)]
	}
	q.ring, q.first = ring, 0
}
