package rpc

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// Turns are few, fewer under pressure, and are had in order; who has gone meanwhile has none.
func TestTurnsAreHadInOrder(t *testing.T) {
	var pressed atomic.Bool
	of := newTurnstile(pressed.Load)
	some := of.most()
	pressed.Store(true)
	if few := of.most(); few < 1 || few >= some {
		t.Errorf("%d turns, under pressure %d", some, few)
	}
	pressed.Store(false)
	make1 := func() *turn {
		u := &turn{of: of, gone: make(chan struct{})}
		u.begin()
		return u
	}
	var have []*turn
	for range some {
		u := make1()
		if !u.work() {
			t.Fatal("no turn where there are some")
		}
		have = append(have, u)
	}
	waiting := func() int {
		of.mu.Lock()
		defer of.mu.Unlock()
		return len(of.queue)
	}
	got := make(chan int, 3)
	var wait []*turn
	leave := make(chan struct{})
	for i := range 3 {
		u := make1()
		if i == 1 {
			u.gone = leave
		}
		wait = append(wait, u)
		go func() {
			if u.work() {
				got <- i
			} else {
				got <- -i
			}
		}()
		testkit.Until(t, "the condition holds", func() bool { return waiting() == i+1 })
	}
	close(leave)
	if i := <-got; i != -1 {
		t.Errorf("%d came first, not the one that has gone", i)
	}
	for _, want := range []int{0, 2} {
		if !have[0].rest() {
			t.Error("there was no turn to give up")
		}
		have = have[1:]
		if i := <-got; i != want {
			t.Errorf("%d had its turn, not %d", i, want)
		}
	}
	for _, u := range append(have, wait...) {
		u.end()
		if u.work(); u.has {
			t.Error("a turn for a request that has ended")
		}
	}
	if of.taken != 0 || waiting() != 0 {
		t.Errorf("%d turns are taken, %d wait", of.taken, waiting())
	}
}

// However many requests of readers compute, the owner's is answered beside them, and who waits for a turn leaves with its client.
func TestTheOwnerNeedsNoTurn(t *testing.T) {
	letGo := make(chan struct{})
	var begun atomic.Int32
	h := guarded(t, patient(100), func(o *Options) {
		o.Namespaces = []Namespace{{Name: "test", Methods: []Method{{Name: "compute", ReadOnly: true, Call: func(context.Context, []any) (any, error) {
			begun.Add(1)
			<-letGo
			return true, nil
		}}}}}
	})
	request := post(callXML(t, "test.compute"), basic("reader", "r"))
	most := h.turns.most()
	var clients []net.Conn
	for range most + 10 {
		c := dialTCP(t, h)
		if _, err := c.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
	}
	queued := func() int {
		h.turns.mu.Lock()
		defer h.turns.mu.Unlock()
		return len(h.turns.queue)
	}
	testkit.Until(t, "the condition holds", func() bool { return queued() == 10 })
	if n := int(begun.Load()); n != most {
		t.Errorf("%d compute, not %d", n, most)
	}
	if resp, body := exchange(t, dialTCP(t, h), post(callXML(t, "supervisor.getState"), basic("owner", "o"))); resp.StatusCode != 200 {
		t.Errorf("the owner got %d %s", resp.StatusCode, body)
	}
	close(letGo)
	for _, c := range clients {
		_ = c.SetReadDeadline(time.Now().Add(testkit.Patience))
		if n, err := c.Read(make([]byte, 1)); n != 1 {
			t.Errorf("a reader was not answered: %v", err)
		}
	}
	testkit.Until(t, "the condition holds", func() bool {
		h.turns.mu.Lock()
		defer h.turns.mu.Unlock()
		return h.turns.taken == 0 && len(h.turns.queue) == 0
	})
}
