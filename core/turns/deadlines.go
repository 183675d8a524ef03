package turns

import (
	"container/heap"
	"time"
)

// Deadlines orders values by their deadlines. It belongs to one goroutine.
type Deadlines[T any] struct{ heap entries[T] }

// Entry is the place of a value in Deadlines; the zero Entry is not in any.
type Entry[T any] struct {
	Of    T
	due   time.Time
	place int // from 1; 0: not there
}

// entries implements heap.Interface.
type entries[T any] []*Entry[T]

func (e entries[T]) Len() int           { return len(e) }
func (e entries[T]) Less(i, j int) bool { return e[i].due.Before(e[j].due) }
func (e entries[T]) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i+1, j+1
}

// Push implements heap.Interface.
func (e *entries[T]) Push(x any) {
	one := x.(*Entry[T])
	*e = append(*e, one)
	one.place = len(*e)
}

// Pop implements heap.Interface.
func (e *entries[T]) Pop() any {
	old := *e
	one := old[len(old)-1]
	old[len(old)-1] = nil
	*e = old[:len(old)-1]
	one.place = 0
	return one
}

// Set moves e to the place of the deadline due; if wanted is false, it removes e.
func (d *Deadlines[T]) Set(e *Entry[T], due time.Time, wanted bool) {
	switch {
	case !wanted:
		d.Forget(e)
	case e.place > 0:
		e.due = due
		heap.Fix(&d.heap, e.place-1)
	default:
		e.due = due
		heap.Push(&d.heap, e)
	}
}

// Forget removes e; it does nothing if e is not in d.
func (d *Deadlines[T]) Forget(e *Entry[T]) {
	if e.place > 0 {
		heap.Remove(&d.heap, e.place-1)
	}
}

// Len returns the number of entries.
func (d *Deadlines[T]) Len() int { return len(d.heap) }

// Next returns the earliest deadline; false if there are no entries.
func (d *Deadlines[T]) Next(time.Time) (time.Time, bool) {
	if len(d.heap) == 0 {
		return time.Time{}, false
	}
	return d.heap[0].due, true
}

// Due returns the entry with the earliest deadline, nil if that is later than now. It does not remove the entry.
func (d *Deadlines[T]) Due(now time.Time) *Entry[T] {
	if len(d.heap) == 0 || d.heap[0].due.After(now) {
		return nil
	}
	return d.heap[0]
}
