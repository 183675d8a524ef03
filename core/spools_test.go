package core

import (
	"context"
	"sync"
	"testing"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
)

func spooledGroup(name, command string) *config.Group {
	return listenerGroup(name, command, func(l *config.Listener) {
		l.Overflow, l.SpoolMaxBytes = eventlistener.SpoolEvents, 1<<20
	}, eventlistener.RemoteCommunication)
}

// over shuts down and waits until the spools are closed.
func (r *running) over() {
	r.t.Helper()
	if err := r.Shutdown(context.Background()); err != nil {
		r.t.Error(err)
	}
	<-r.mood
}

func TestNumbersGoOnBehindThoseInAnySpool(t *testing.T) {
	ctx := context.Background()
	a, b := spooledGroup("a", "cat"), spooledGroup("b", "sh -c 'echo READY; sleep 1000'")
	a.Processes[0].AutoStart = false
	dir := t.TempDir()
	for _, g := range []*config.Group{a, b} {
		g.Listener.SpoolDir = dir
	}
	for name, record := range map[string]spool.Record{
		"a": {Seq: 1000, Serial: 7, PoolSerial: 40, Kind: "TICK_5"},
		"b": {Seq: 50, Serial: 900, PoolSerial: 3, Kind: "OF_ANOTHER_VERSION"},
	} {
		s, err := spool.Open(spool.Options{Dir: dir, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Append(record); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(ctx); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, a, b)
	if err := r.SendRemoteComm(ctx, "k", "d"); err != nil {
		t.Fatal(err)
	}
	r.events.mu.Lock()
	for _, e := range r.events.events {
		if e.Seq() <= 1000 {
			t.Errorf("%s is number %d", e.Type(), e.Seq())
		}
		if serial, ok := e.Serial(); ok && serial != 901 {
			t.Errorf("%s has serial %d", e.Type(), serial)
		}
	}
	r.events.mu.Unlock()
	// What makes no sense is given up, and told.
	r.until("an event is given up", func() bool { return r.logged("pool b discards event 900: cannot read its record in the spool") })
	r.until("that is announced", func() bool {
		all := r.events.payloads(eventlistener.EventsDiscarded)
		return len(all) == 1 && all[0] == "subscriber:b discarded:1"
	})
	all, err := r.Subscribers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if i := all[0]; i.Spool == nil || i.Spool.Fault != "" || i.Counters.Recovered != 1 || i.Queued != 2 || i.Spool.Last != 2 {
		t.Errorf("%+v", i)
	}
	if i := all[1]; i.Counters.Recovered != 1 || i.Counters.Discarded != 1 {
		t.Errorf("%+v", i)
	}
	r.over()
}

// Of calls that add one group at a time all but one are refused, and what they opened is
// closed again.
func TestAnAddedPoolHasItsSpool(t *testing.T) {
	ctx := context.Background()
	g := spooledGroup("l", "cat")
	r := run(t)
	r.reread = func() (*config.Config, error) { return &config.Config{Groups: []*config.Group{g}}, nil }
	if _, err := r.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	failed := make([]error, 3)
	for i := range failed {
		wg.Go(func() { failed[i] = r.AddGroup(ctx, "l") })
	}
	wg.Wait()
	added := 0
	for _, err := range failed {
		if err == nil {
			added++
		} else if kindOf(err) != AlreadyAdded {
			t.Error(err)
		}
	}
	all, err := r.Subscribers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if added != 1 || len(all) != 1 || all[0].Spool.Fault != "" || r.logged("in memory") {
		t.Errorf("added %d times: %+v", added, all)
	}
	// A group that is added again at once waits for its spool to be closed.
	for range 20 {
		if err := r.StopProcess(ctx, "l", "l", true); err != nil {
			t.Fatal(err)
		}
		if err := r.RemoveGroup(ctx, "l"); err != nil {
			t.Fatal(err)
		}
		if err := r.AddGroup(ctx, "l"); err != nil {
			t.Fatal(err)
		}
	}
	if r.logged("in memory") {
		t.Error("a spool was found locked")
	}
	r.until("the closing of spools is forgotten", func() bool {
		n := -1
		_ = r.turns.Ask(ctx, func(l *loop) { n = len(l.closing) })
		return n == 0
	})
	r.over()
	if err := r.AddGroup(ctx, "l"); err == nil {
		t.Error("a group is added to a supervisor that has ended")
	}
	s, err := spool.Open(spool.Options{Dir: r.dir, Name: "l"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Error(err)
	}
}
