package rpc

import (
	"net"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
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
		c := p.worst(notAtAll, false)
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
	at := time.Now()
	p := newPlacesBy(patient(1000), func() time.Time { return at })
	at = at.Add(time.Minute)
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
		c := p.worst(notAtAll, false)
		p.mu.Unlock()
		if c != all[i] {
			t.Fatalf("at %d went another", i)
		}
		delete(p.conns, c)
	}
}

// A connection whose handshake the daemon has yet to compute has not said nothing, and its client has a moment for its next word. It doesn't go even where
// there is no other: who has come since would go in the same way.
func TestAHandshakeThatWaitsForItsTurnIsAWord(t *testing.T) {
	at := time.Now()
	p := newPlacesBy(patient(100), func() time.Time { return at })
	open := func() *conn {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		c := &conn{Conn: near, places: p, gone: make(chan struct{})}
		c.enter(fresh)
		p.conns[c] = struct{}{}
		at = at.Add(time.Microsecond)
		return c
	}
	shaking, idler, silent := open(), open(), open()
	idler.enter(idle)
	shaking.knock.has = true
	goes := func(want *conn, why string) {
		t.Helper()
		p.mu.Lock()
		defer p.mu.Unlock()
		if c := p.worst(notAtAll, false); c != want {
			t.Fatal(why)
		}
		delete(p.conns, want)
	}
	at = at.Add(time.Minute)
	goes(silent, "another goes before the one that has said nothing")
	goes(idler, "another goes before the one that is idle")
	second := open()
	second.knock.has = true
	goes(nil, "one that the daemon is busy with goes")
	at = at.Add(time.Minute)
	goes(nil, "one that the daemon is busy with goes after a while")
	for _, c := range []*conn{second, shaking} { // the one that came last has its turn first
		c.shake()
		c.knock.has = false
		at = at.Add(shakenTime / 4)
	}
	goes(nil, "one whose handshake was answered just now goes")
	at = at.Add(shakenTime / 2)
	goes(second, "not the one that has been silent longest since its handshake goes")
	goes(nil, "one whose handshake was answered just now goes")
	at = at.Add(shakenTime)
	goes(shaking, "who says nothing after the handshake stays")
	unread := open()
	unread.unheard.Store(true)
	at = at.Add(time.Minute)
	goes(nil, "one goes that the daemon has not begun to read")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = unread.Read(make([]byte, 1))
	}()
	testkit.Until(t, "it is read", func() bool { return !unread.unheard.Load() })
	goes(unread, "one that says nothing stays")
	_ = unread.Close()
	<-done
}

// A wait that is not known to be the owner's goes for the owner's program on this machine, and for anybody where waits have more than half of all places.
func TestWaitsOfOthersGoForTheOwner(t *testing.T) {
	at := time.Now()
	p := newPlacesBy(patient(100), func() time.Time { return at })
	open := func(ph phase, shown trust, local bool) *conn {
		near, far := net.Pipe()
		t.Cleanup(func() { _ = far.Close() })
		c := &conn{Conn: near, places: p, gone: make(chan struct{}), local: local}
		c.trust.Store(int32(shown))
		c.enter(ph)
		at = at.Add(time.Second)
		p.conns[c] = struct{}{}
		return c
	}
	open(staying, controls, false)
	open(staying, unknown, true)
	first, second, third := open(staying, reads, false), open(staying, unknown, false), open(staying, unknown, false)
	open(working, controls, false)
	goes := func(local bool, want *conn) {
		t.Helper()
		p.mu.Lock()
		defer p.mu.Unlock()
		if c := p.worst(notAtAll, local); c != want {
			t.Fatalf("local %v: another goes, of %d", local, len(p.conns))
		}
		delete(p.conns, want)
	}
	goes(false, nil)
	goes(true, first)
	goes(true, second)
	goes(true, third)
	goes(true, nil)
	for range 5 {
		open(staying, unknown, false)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.worst(notAtAll, false) == nil {
		t.Error("waits keep more than half of the places")
	}
}
