package core

import (
	"container/heap"
	"time"
)

// deadlines orders the members by when their machines must be stepped next.
type deadlines []*member

func (d deadlines) Len() int           { return len(d) }
func (d deadlines) Less(i, j int) bool { return d[i].due.Before(d[j].due) }
func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].slot, d[j].slot = i, j
}

// Push is heap.Interface's.
func (d *deadlines) Push(x any) {
	m := x.(*member)
	m.slot = len(*d)
	*d = append(*d, m)
}

// Pop is heap.Interface's.
func (d *deadlines) Pop() any {
	old := *d
	m := old[len(old)-1]
	old[len(old)-1] = nil
	*d = old[:len(old)-1]
	m.slot = -1
	return m
}

// schedule puts m where its machine's deadline belongs, or takes it out.
func (d *deadlines) schedule(m *member) {
	due, ok := m.machine.Deadline()
	switch {
	case !ok && m.slot >= 0:
		heap.Remove(d, m.slot)
	case ok && m.slot >= 0:
		m.due = due
		heap.Fix(d, m.slot)
	case ok:
		m.due = due
		heap.Push(d, m)
	}
}

// forget takes m out, whose group or which itself is no more.
func (d *deadlines) forget(m *member) {
	if m.slot >= 0 {
		heap.Remove(d, m.slot)
	}
}

// next is the earliest deadline.
func (d *deadlines) next(time.Time) (time.Time, bool) {
	if len(*d) == 0 {
		return time.Time{}, false
	}
	return (*d)[0].due, true
}
