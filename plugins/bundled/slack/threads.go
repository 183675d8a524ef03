package slack

import (
	"container/list"
	"time"
)

// maxThreads bounds how many programs' threads are remembered; that longest unused is forgotten first, and its
// program's next message begins a new one.
const maxThreads = 1000

// threads remembers the first message of each program's thread.
type threads struct {
	age    time.Duration
	max    int
	by     map[string]*list.Element
	recent *list.List // of thread, last used first
}

type thread struct {
	namespec, ts string
	begun        time.Time
}

func newThreads(age time.Duration, most int) *threads {
	return &threads{age: age, max: most, by: map[string]*list.Element{}, recent: list.New()}
}

// of is the thread of a program, "" for none.
func (t *threads) of(namespec string, now time.Time) string {
	e := t.by[namespec]
	if e == nil {
		return ""
	}
	th := e.Value.(thread) //nolint:forcetypeassert // recent has nothing else
	if t.age > 0 && now.Sub(th.begun) > t.age {
		t.forget(namespec)
		return ""
	}
	t.recent.MoveToFront(e)
	return th.ts
}

func (t *threads) begin(namespec, ts string, now time.Time) {
	t.forget(namespec)
	t.by[namespec] = t.recent.PushFront(thread{namespec, ts, now})
	if t.recent.Len() > t.max {
		t.forget(t.recent.Back().Value.(thread).namespec) //nolint:forcetypeassert // as above
	}
}

func (t *threads) forget(namespec string) {
	if e := t.by[namespec]; e != nil {
		t.recent.Remove(e)
		delete(t.by, namespec)
	}
}
