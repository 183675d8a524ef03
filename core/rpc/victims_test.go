package rpc

import (
	"net"
	"testing"
	"time"
)

// Who goes first for others: nothing shown, then answered, then slow, then those who may only read, while they are answered; the owner only among his own.
func TestWhoHasShownLeastGoesFirst(t *testing.T) {
	p := newPlaces(patient(100))
	open := func(ph phase, shown trust, age time.Duration) *conn {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		c := &conn{Conn: near, places: p, gone: make(chan struct{}), began: p.now() - age}
		c.trust.Store(int32(shown))
		c.enter(ph)
		c.since.Add(-int64(age))
		p.conns[c] = struct{}{}
		return c
	}
	const hour = time.Hour
	named := map[*conn]string{}
	for _, want := range []struct {
		name string
		c    *conn
	}{
		{"a wrong password", open(refused, unknown, time.Minute)},
		{"nothing for long", open(fresh, unknown, 10*time.Second)},
		{"an idle reader", open(idle, reads, 0)},
		{"a slow reader", open(sending, reads, 2*time.Second)},
		{"a busy reader", open(working, reads, time.Second)},
		{"nothing for a moment", open(fresh, unknown, time.Second)},
		{"the idle owner", open(idle, controls, hour)},
		{"the owner who sends slowly", open(sending, controls, hour)},
	} {
		named[want.c] = want.name
	}
	silent := open(fresh, unknown, 0)
	young := open(working, reads, 0)
	follows := open(staying, reads, hour)
	answered := open(working, controls, hour)
	open(working, controls, hour)
	var got []string
	waited := false
	for range 20 {
		p.mu.Lock()
		c := p.worst()
		p.mu.Unlock()
		if c == nil && !waited { // two are there that can be done without soon
			waited = true
			if len(got) != 6 {
				t.Errorf("after %q the owner's would go, before others", got)
			}
			delete(p.conns, silent)
			delete(p.conns, young)
			continue
		}
		if c == nil {
			break
		}
		got = append(got, named[c])
		delete(p.conns, c)
	}
	want := []string{"a wrong password", "nothing for long", "an idle reader", "a slow reader", "a busy reader", "nothing for a moment", "the idle owner",
		"the owner who sends slowly"}
	if len(got) != len(want) {
		t.Fatalf("got %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %q, not %q", i, got[i], want[i])
		}
	}
	for _, c := range []*conn{answered, follows} {
		if _, there := p.conns[c]; !there {
			t.Error("one that is answered went")
		}
	}
}

// However many say nothing, the victims are those that have been there longest, and new ones come behind the old.
func TestTheOldestSilentConnectionsGoFirst(t *testing.T) {
	p := newPlaces(patient(1000))
	var all []*conn
	for i := range 500 {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		c := &conn{Conn: near, places: p, gone: make(chan struct{})}
		c.enter(fresh)
		c.since.Store(int64(i + 1))
		p.conns[c] = struct{}{}
		all = append(all, c)
	}
	for i := range 300 {
		p.mu.Lock()
		c := p.worst()
		p.mu.Unlock()
		if c != all[i] {
			t.Fatalf("at %d went another", i)
		}
		delete(p.conns, c)
	}
}

// A connection whose handshake the daemon has yet to compute has not said nothing.
func TestAHandshakeThatWaitsForItsTurnIsAWord(t *testing.T) {
	p := newPlaces(patient(100))
	open := func(since int64) *conn {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		c := &conn{Conn: near, places: p, gone: make(chan struct{})}
		c.enter(fresh)
		c.since.Store(since)
		p.conns[c] = struct{}{}
		return c
	}
	shaking, silent := open(1), open(2)
	shaking.knock.has = true
	for _, want := range []*conn{silent, shaking, nil} {
		p.mu.Lock()
		c := p.worst()
		p.mu.Unlock()
		if c != want {
			t.Fatal("the one that the daemon is busy with goes before the one that has said nothing, or not at all")
		}
		delete(p.conns, c)
	}
}
