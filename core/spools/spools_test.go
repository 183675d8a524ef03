package spools

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a log.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) log(level config.Level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprint(level)+" "+text)
}

func (l *lines) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

func (l *lines) hooks() Hooks {
	return Hooks{Report: func(*Spool, spool.Report) bool { return false }, Ready: func() {}, Log: l.log}
}

// pool is the group of a pool whose events wait on the disk.
func pool(name, dir string) *config.Group {
	return &config.Group{Name: name, Kind: config.ListenerGroup, Listener: &config.Listener{Overflow: eventlistener.SpoolEvents, Spool: config.Spool{SpoolDir: dir, SpoolMaxBytes: 1 << 20}}}
}

// TestWhichGroupsHaveASpool: pools with overflow=spool, in spool_dir or childlogdir.
func TestWhichGroupsHaveASpool(t *testing.T) {
	own, childlogs := t.TempDir(), t.TempDir()
	discarding := pool("a", own)
	discarding.Listener.Overflow = eventlistener.DiscardOldest
	program := pool("a", own)
	program.Kind = config.ProgramGroup
	for name, c := range map[string]struct {
		group *config.Group
		path  string
	}{
		"a group of programs":        {program, ""},
		"a pool that discards":       {discarding, ""},
		"a pool with a directory":    {pool("a", own), filepath.Join(own, "a.spool")},
		"a pool without a directory": {pool("a", ""), filepath.Join(childlogs, "a.spool")},
	} {
		t.Run(name, func(t *testing.T) {
			log := &lines{}
			s := Open(c.group, childlogs, log.hooks(), nil)
			defer s.Close(log.log)
			if (s != nil) != (c.path != "") {
				t.Fatalf("it has %+v", s)
			}
			if s == nil {
				return
			}
			if s.Path() != c.path {
				t.Errorf("its spool is %s", s.Path())
			}
			if _, err := os.Stat(c.path); err != nil || s.Queue == nil {
				t.Errorf("it was not opened: %v", err)
			}
		})
	}
}

// TestEventsOutliveTheSpool: what was committed is there again, and the numbers of the bus go on behind it.
func TestEventsOutliveTheSpool(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	s := Open(pool("a", dir), "", log.hooks(), nil)
	if _, err := s.Queue.Append(spool.Record{Seq: 41, Serial: 7, Kind: "k", Data: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	bus := eventlistener.NewBus()
	s.Resume(bus, log.log)
	s.Close(log.log)
	s.Left(0, log.log)
	if said := log.take(); len(said) > 0 {
		t.Errorf("a new spool says %q", said)
	}
	s = Open(pool("a", dir), "", log.hooks(), nil)
	s.Resume(bus, log.log)
	s.Left(1, log.log)
	s.Close(log.log)
	want := []string{
		fmt.Sprint(config.INFO) + " pool a has 1 events of earlier in its spool " + s.Path(),
		fmt.Sprint(config.WARN) + " pool a was removed with 1 unprocessed events: they stay in " + s.Path() + " for a pool of that name",
	}
	if said := log.take(); !slices.Equal(said, want) {
		t.Errorf("it says %q instead of %q", said, want)
	}
	if bus.Seq() != 41 || bus.NextSerial() != 8 {
		t.Errorf("the bus is at %d", bus.Seq())
	}
}

// TestADiskKeepsNoPoolFromWorking: without its directory a pool works from memory, and says so.
func TestADiskKeepsNoPoolFromWorking(t *testing.T) {
	missing, log := filepath.Join(t.TempDir(), "none"), &lines{}
	s := Open(pool("a", missing), "", log.hooks(), nil)
	s.Resume(eventlistener.NewBus(), log.log)
	s.Close(log.log)
	said := log.take()
	if s.Queue != nil || len(said) != 1 || !strings.HasPrefix(said[0], fmt.Sprint(config.ERRO)+" pool a keeps its events in memory: ") ||
		!strings.HasSuffix(said[0], ": fix that, then restart supervisord, or remove and add the group") {
		t.Errorf("it says %q", said)
	}
	if i := s.Info(&eventlistener.Figures{}); i.Fault == "" || i.Path != filepath.Join(missing, "a.spool") || i.MaxBytes != 1<<20 {
		t.Errorf("clients see %+v", i)
	}
}

// TestASpoolInUse: another daemon has it. This one says whose fault that may be.
func TestASpoolInUse(t *testing.T) {
	dir, log := t.TempDir(), &lines{}
	first := Open(pool("a", dir), "", log.hooks(), nil)
	second := Open(pool("a", dir), "", log.hooks(), nil)
	if !errors.Is(second.err, spool.ErrLocked) {
		t.Fatalf("the second has %v", second.err)
	}
	second.Resume(eventlistener.NewBus(), log.log)
	if said := log.take(); len(said) != 1 || !strings.HasSuffix(said[0], "is there another supervisord with a pool of that name? give one of them another spool_dir") {
		t.Errorf("it says %q", said)
	}
	first.Close(log.log)
}

// TestAnEarlierOneIsWaitedFor: the spool of the same directory that this daemon is still closing.
func TestAnEarlierOneIsWaitedFor(t *testing.T) {
	log, closed := &lines{}, make(chan struct{})
	var over atomic.Bool
	go func() {
		for range 5 {
			testkit.Pause()
		}
		over.Store(true)
		close(closed)
	}()
	s := Open(pool("a", t.TempDir()), "", log.hooks(), closed)
	defer s.Close(log.log)
	if s.Queue == nil || !over.Load() {
		t.Errorf("it was opened %v, before the earlier one was closed: %v", s.Queue != nil, !over.Load())
	}
}

// TestAllAtOnce: of two groups with one name the first counts, and other groups have none.
func TestAllAtOnce(t *testing.T) {
	a, b, log := t.TempDir(), t.TempDir(), &lines{}
	program := pool("c", a)
	program.Kind = config.ProgramGroup
	all := OpenAll([]*config.Group{pool("a", a), pool("b", a), program, pool("a", b)}, "", log.hooks())
	for _, s := range all {
		defer s.Close(log.log)
	}
	if len(all) != 2 || all["a"].Path() != filepath.Join(a, "a.spool") || all["b"].Path() != filepath.Join(a, "b.spool") {
		t.Errorf("there are %v", all)
	}
}

// TestWhatIsReported: what is lost is counted for the pool, what may come many times a second is left to the count to say, and the fault
// that clients see lasts from a failure of the disk to its end.
func TestWhatIsReported(t *testing.T) {
	erro, info := fmt.Sprint(config.ERRO)+" ", fmt.Sprint(config.INFO)+" "
	failed := spool.Report{Kind: spool.DiskFailed, Err: syscall.ENOSPC}
	for name, c := range map[string]struct {
		report spool.Report
		log    []string // without what say writes
		lost   int64
		say    string
		fault  string
	}{
		"a full spool":                {spool.Report{Kind: spool.Discarded, Records: 3}, nil, 3, erro + "pool a discarded its 3 oldest events: its spool is full (spool_maxbytes)", "before"},
		"a slow disk":                 {spool.Report{Kind: spool.Overflowed, Records: 2}, nil, 2, erro + "pool a discarded its 2 oldest events: the disk does not take them in time", "before"},
		"a disk that fails":           {failed, []string{erro + "spool of pool a: " + failed.String()}, 0, "", failed.String()},
		"a disk that works again":     {spool.Report{Kind: spool.DiskRecovered}, []string{info + "spool of pool a: writing works again"}, 0, "", ""},
		"damage with losses":          {spool.Report{Kind: spool.Missing, Records: 5}, []string{erro + "spool of pool a: " + spool.Report{Kind: spool.Missing, Records: 5}.String()}, 5, "", "before"},
		"damage that costs no events": {spool.Report{Kind: spool.NumbersDamaged}, []string{erro + "spool of pool a: " + spool.Report{Kind: spool.NumbersDamaged}.String()}, 0, "", "before"},
	} {
		t.Run(name, func(t *testing.T) {
			s, log := &Spool{pool: "a", fault: "before"}, &lines{}
			var lost int64
			s.Reported(c.report, log.log, func(name string, n int64, say func(int64)) {
				lost += n
				if name != "a" || (say != nil) != (c.say != "") {
					t.Errorf("lost of %s, with a line of its own: %v", name, say != nil)
				}
				if say != nil {
					say(n)
				}
			})
			want := c.log
			if c.say != "" {
				want = append(want, c.say)
			}
			if said := log.take(); !slices.Equal(said, want) {
				t.Errorf("it says %q instead of %q", said, want)
			}
			if lost != c.lost || s.Info(&eventlistener.Figures{}).Fault != c.fault {
				t.Errorf("%d are lost, the fault is %q", lost, s.fault)
			}
		})
	}
}

// TestReportsReachTheLoopOrTheLog: while there is a loop they are for it, and afterwards for the log alone.
func TestReportsReachTheLoopOrTheLog(t *testing.T) {
	for _, taken := range []bool{true, false} {
		log, heard := &lines{}, make(chan spool.Report, 100)
		h := log.hooks()
		h.Report = func(_ *Spool, r spool.Report) bool { heard <- r; return taken }
		g := pool("a", t.TempDir())
		g.Listener.SpoolMaxBytes = 64 << 10
		s := Open(g, "", h, nil)
		for range 40 { // until the oldest go
			if _, err := s.Queue.Append(spool.Record{Kind: "k", Data: make([]byte, 8<<10)}); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case r := <-heard:
			if r.Kind != spool.Discarded && r.Kind != spool.Overflowed {
				t.Errorf("the report is %v", r)
			}
		case <-testkit.Soon(t).Done():
			t.Fatal("nothing was reported")
		}
		s.Close(log.log)
		if said := log.take(); (len(said) > 0) == taken {
			t.Errorf("taken by the loop %v: the log says %q", taken, said)
		}
	}
}
