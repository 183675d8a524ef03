package lines

// keepQueue is the largest buffer that an empty Queue keeps, in bytes: one that was large once is not kept forever.
const keepQueue = 1 << 20

// Queue is a sequence of rendered records to send, for a Backend that sends bytes.
type Queue struct {
	buf  []byte
	ends []int
}

// Add appends a record, which it copies.
func (q *Queue) Add(record []byte) {
	q.buf = append(q.buf, record...)
	q.ends = append(q.ends, len(q.buf))
}

// Len is how many records there are.
func (q *Queue) Len() int { return len(q.ends) }

// Record is the i-th, from 0.
func (q *Queue) Record(i int) []byte {
	start := 0
	if i > 0 {
		start = q.ends[i-1]
	}
	return q.buf[start:q.ends[i]]
}

// Drop takes the first n away.
func (q *Queue) Drop(n int) {
	switch n {
	case 0:
		return
	case len(q.ends):
		q.Clear()
		return
	}
	size := q.ends[n-1]
	q.buf = append(q.buf[:0], q.buf[size:]...)
	q.ends = append(q.ends[:0], q.ends[n:]...)
	for i := range q.ends {
		q.ends[i] -= size
	}
}

// Clear takes all away.
func (q *Queue) Clear() {
	if cap(q.buf) > keepQueue {
		q.buf, q.ends = nil, nil
		return
	}
	q.buf, q.ends = q.buf[:0], q.ends[:0]
}
