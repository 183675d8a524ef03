package spool

// queue is a ring of records in order of position that knows how much memory
// they take. The zero value is empty.
type queue struct {
	ring  []Record // its length is 0 or a power of two
	first int
	n     int
	bytes int64
}

func (q *queue) push(r Record) {
	if q.n == len(q.ring) {
		const smallest = 16
		ring := make([]Record, max(2*len(q.ring), smallest))
		for i := range q.n {
			ring[i] = *q.at(i)
		}
		q.ring, q.first = ring, 0
	}
	q.n++
	q.bytes += r.memory()
	*q.at(q.n - 1) = r
}

func (q *queue) pop() Record {
	p := q.at(0)
	r := *p
	*p = Record{} // let the data go
	q.first = (q.first + 1) & (len(q.ring) - 1)
	q.n--
	q.bytes -= r.memory()
	if q.n == 0 && len(q.ring) > 1024 {
		q.ring, q.first = nil, 0 // a burst's memory is given back
	}
	return r
}

// at is the i-th record, 0 being the oldest.
func (q *queue) at(i int) *Record { return &q.ring[(q.first+i)&(len(q.ring)-1)] }
