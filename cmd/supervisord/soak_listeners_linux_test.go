package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// ledgerPy is a listener that writes serial, poolserial and number of each event
// to OUT, in one write, before it answers. It uses as many credits as it may.
const ledgerPy = `import os, sys
OUT = sys.argv[1]
log = os.open(OUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
with open(OUT + '.pid.new', 'w') as f:
    f.write(str(os.getpid()))
os.rename(OUT + '.pid.new', OUT + '.pid')
words = os.environ['SUPERVISOR_EVENT_PROTOCOL'].split()
ahead = [int(w[14:]) for w in words if w.startswith('max_in_flight=')][0]
inp, out = sys.stdin.buffer, os.fdopen(1, 'wb', 0)
out.write(b'READY\n' * ahead)
while True:
    line = inp.readline()
    if not line:
        break
    h = dict(t.split(b':', 1) for t in line.split())
    payload = inp.read(int(h[b'len']))
    os.write(log, b'%s %s %s\n' % (h[b'serial'], h[b'poolserial'], payload.split(b'\n')[1]))
    out.write(b'RESULT 2\nOKREADY\n')
`

// running reports whether there is a process whose command line, with NUL between
// arguments, has part in it.
func running(part string) bool {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		if line, err := os.ReadFile(name); err == nil && strings.Contains(string(line), part) {
			return true
		}
	}
	return false
}

// soakBatch is how many events one call makes.
const soakBatch = 100

// ledger keeps account of events, which are numbered from 0, sent by one client.
type ledger struct {
	t     *testing.T
	in    *instance
	mu    sync.Mutex
	sent  int           // calls were made for so many events
	open  map[int]bool  // batches whose call was cut off: nobody knows whether supervisord has read them
	again chan struct{} // after a call was cut off: that there is a supervisord again
	done  chan struct{}
}

// send sends n events as fast as it can, from its own goroutine.
func (l *ledger) send(n int) {
	defer close(l.done)
	for l.sent < n {
		var calls []any
		for i := l.sent; i < min(l.sent+soakBatch, n); i++ {
			calls = append(calls, xmlrpc.Struct{
				{Name: "methodName", Value: "supervisor.sendRemoteCommEvent"},
				{Name: "params", Value: []any{"n", strconv.Itoa(i)}},
			})
		}
		l.mu.Lock()
		in := l.in
		l.mu.Unlock()
		_, err := in.call("system.multicall", calls)
		l.mu.Lock()
		if err != nil {
			l.open[l.sent/soakBatch] = true
		}
		l.sent += len(calls)
		l.mu.Unlock()
		if err != nil {
			<-l.again
		}
	}
}

func (l *ledger) progress() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// accounted is a line of a listener's account.
type accounted struct{ serial, poolSerial, number int }

// account reads what a listener wrote.
func (in *instance) account(name string) (all []accounted) {
	in.t.Helper()
	f, err := os.Open(filepath.Join(in.dir, name))
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // it is read
	for scan := bufio.NewScanner(f); scan.Scan(); {
		var d accounted
		if _, err := fmt.Sscan(scan.Text(), &d.serial, &d.poolSerial, &d.number); err != nil {
			in.t.Fatalf("%q: %v", scan.Text(), err)
		}
		all = append(all, d)
	}
	return all
}

// tally counts the lines of a file that grows.
type tally struct {
	path string
	read int64
	n    int
}

// lines is how many there are by now.
func (c *tally) lines(t *testing.T) int {
	t.Helper()
	f, err := os.Open(c.path)
	if err != nil {
		return 0
	}
	defer f.Close() //nolint:errcheck // it is read
	more, err := io.ReadAll(io.NewSectionReader(f, c.read, math.MaxInt64-c.read))
	if err != nil {
		t.Fatal(err)
	}
	c.read += int64(len(more))
	c.n += bytes.Count(more, []byte{'\n'})
	return c.n
}

// killListener is kill -9 of the listener that lives now; false while there is none.
func (in *instance) killListener(name string) bool {
	pid, err := strconv.Atoi(in.file(name + ".pid"))
	if err != nil || os.Remove(filepath.Join(in.dir, name+".pid")) != nil {
		return false
	}
	return syscall.Kill(pid, syscall.SIGKILL) == nil
}

func ledgerConf(name, more string) string {
	return fmt.Sprintf("[eventlistener:%s]\ncommand=/usr/bin/python3 DIR/ledger.py DIR/%s\nevents=REMOTE_COMMUNICATION\nstartsecs=0\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=DIR/%s.err\n%s\n", name, name, name, more)
}

func startLedger(t *testing.T, conf string, n int) *ledger {
	in := ready(t, strings.Replace(baseConf, "loglevel=debug", "loglevel=info", 1)+conf)
	in.script("ledger.py", ledgerPy)
	in.launch()
	in.waitServing()
	l := &ledger{t: t, in: in, open: make(map[int]bool), again: make(chan struct{}), done: make(chan struct{})}
	go l.send(n)
	return l
}

// check goes through a listener's account: every event has always the same
// numbers, no two share one, none is made up, and apart from repetitions they came in
// order. It gives the events that were delivered, by number and by poolserial.
func (l *ledger) check(name string, n int) (numbers map[int]bool, poolSerials map[int]int, repeated int) {
	l.t.Helper()
	numbers, poolSerials = make(map[int]bool), make(map[int]int)
	serials := make(map[int]accounted)
	newest := -1
	for _, d := range l.in.account(name) {
		if first, again := serials[d.serial]; again {
			if first != d {
				l.t.Fatalf("%s: %+v has the numbers of %+v", name, d, first)
			}
			repeated++
			continue
		}
		if _, taken := poolSerials[d.poolSerial]; taken || numbers[d.number] || d.number < 0 || d.number >= n {
			l.t.Fatalf("%s: %+v is not right", name, d)
		}
		if d.poolSerial <= newest || d.number < 0 {
			l.t.Fatalf("%s: %+v came after poolserial %d", name, d, newest)
		}
		newest = d.poolSerial
		serials[d.serial], numbers[d.number], poolSerials[d.poolSerial] = d, true, d.number
	}
	return numbers, poolSerials, repeated
}

// Whatever is killed of the listeners, no event is lost, none comes out of order, and
// the counters know of each.
func TestSoakEventsOfListenersThatAreKilled(t *testing.T) {
	n := soak(1_000_000)
	pools := map[string]string{
		"classic": fmt.Sprintf("buffer_size=%d", n), "ahead": fmt.Sprintf("buffer_size=%d\nmax_in_flight=64", n),
		"disk": "overflow=spool\nspool_maxbytes=1GB\nmax_in_flight=64",
	}
	conf := ""
	for name, more := range pools {
		conf += ledgerConf(name, more)
	}
	l := startLedger(t, conf, n)
	in := l.in
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	kills, noted := map[string]int{}, map[string]*tally{}
	for name := range pools {
		noted[name] = &tally{path: filepath.Join(in.dir, name)}
	}
	turns := max(2, soak(40))
	for range turns {
		for name := range pools {
			from := noted[name].lines(t) + rng.IntN(n/turns/2)
			testkit.Until(t, "it has gone on for a while", func() bool { return noted[name].lines(t) > min(from, n-1) })
			if in.killListener(name) {
				kills[name]++
			}
		}
	}
	<-l.done
	for name := range pools {
		in.waitListener(name, "delivered", n)
		in.adds(name)
		got, _, repeated := l.check(name, n)
		if len(got) != n {
			t.Errorf("%s: %d of %d events arrived", name, len(got), n)
		}
		for member, want := range map[string]int{"accepted": n, "discarded": 0, "queued": 0, "in_flight": 0, "rejected": 0} {
			if v := in.listener(name, member); v != want {
				t.Errorf("%s: %s is %v, want %d", name, member, v, want)
			}
		}
		t.Logf("%s: %d events, %d kills of the listener, %d events returned, %d delivered again", name, n, kills[name], in.listener(name, "returned"), repeated)
	}
}

// onDisk are the poolserials of the events that a spool holds while nobody has it
// open, and how far it goes.
func onDisk(t *testing.T, dir, name string) (held []int, newest int) {
	t.Helper()
	s, err := spool.Open(spool.Options{Dir: dir, Name: name, MaxBytes: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	if last, ok := s.Last(); ok {
		newest = int(last.PoolSerial)
	} else {
		newest = -1
	}
	left := int(s.Stats().Recovered)
	if st := s.Stats(); st.LostBefore > 0 || st.Discarded > 0 {
		t.Errorf("%+v after a kill", st)
	}
	testkit.Until(t, "the spool was read", func() bool {
		for {
			r, ok := s.Cursor().Next()
			if !ok {
				return len(held) == left
			}
			held = append(held, int(r.PoolSerial))
		}
	})
	if err := s.Close(context.Background()); err != nil { // nothing was acked
		t.Fatal(err)
	}
	return held, newest
}

// Whenever supervisord is killed, and its listener besides, every event that was
// committed is delivered, in order, with numbers of its own. What supervisord had read and
// not yet committed is lost, and counted here.
func TestSoakEventsOfASupervisordThatIsKilled(t *testing.T) {
	n := soak(1_000_000)
	kills := max(5, soak(40))
	l := startLedger(t, ledgerConf("disk", "overflow=spool\nspool_maxbytes=1GB\nmax_in_flight=64"), n)
	rng := rand.New(rand.NewPCG(rand.Uint64(), 2))
	type kill struct {
		held   []int // poolserials of the committed events, not acked
		newest int   // poolserial
		sent   int   // events for which calls had been made
	}
	var history []kill
	listenerKills := 0
	for i := range kills {
		goal := n*i/kills + rng.IntN(n/kills/2)
		testkit.Until(t, "some more events were sent", func() bool { return l.progress() >= goal })
		if rng.IntN(2) == 0 && l.in.killListener("disk") {
			listenerKills++
		}
		l.in.killed()
		killed := l.in
		testkit.Until(t, "no listener of its is left", func() bool { return !running("ledger.py\x00" + killed.dir) })
		k := kill{sent: 0}
		k.held, k.newest = onDisk(t, killed.dir, "disk")
		next := killed.relaunched()
		l.mu.Lock()
		l.in = next
		l.mu.Unlock()
		select {
		case l.again <- struct{}{}: // its call was cut off
			k.sent = l.progress()
		case <-l.done:
			k.sent = n
		}
		if got := next.listener("disk", "recovered"); got != len(k.held) {
			t.Errorf("kill %d: %v events recovered, the spool had %d", i, got, len(k.held))
		}
		history = append(history, k)
	}
	<-l.done
	in := l.in
	testkit.Until(t, "all is delivered", func() bool {
		return in.spooled("disk", "last") == in.spooled("disk", "committed") && in.listener("disk", "queued") == 0 && in.listener("disk", "in_flight") == 0
	})
	in.adds("disk")
	if in.listener("disk", "discarded") != 0 || in.spooled("disk", "damaged") != 0 || in.spooled("disk", "damaged_before") != 0 {
		t.Errorf("%v", in.must("hark.getEventListeners"))
	}
	delivered, byPoolSerial, repeated := l.check("disk", n)
	from, lostAll := 0, 0
	for i, k := range history {
		for _, poolSerial := range k.held {
			if _, ok := byPoolSerial[poolSerial]; !ok {
				t.Fatalf("kill %d: the committed event of poolserial %d was never delivered", i, poolSerial)
			}
		}
		// What supervisord has read, in the life that this kill ended, and is not
		// delivered, is the end of it.
		last, lost := from-1, 0
		for number := from; number < k.sent; number++ {
			if delivered[number] {
				last = number
			}
		}
		for number := from; number < k.sent; number++ {
			switch {
			case delivered[number]:
			case number < last:
				t.Fatalf("kill %d: event %d is lost, later ones up to %d are not", i, number, last)
			case !l.open[number/soakBatch]:
				lost++
			}
		}
		if last >= from && k.newest >= 0 {
			if number, ok := byPoolSerial[k.newest]; ok && number != last {
				t.Errorf("kill %d: the newest committed event is %d, the last delivered %d", i, number, last)
			}
		}
		t.Logf("kill %d: %d events sent by then, %d held by the spool, %d had been read and were not yet committed", i, k.sent, len(k.held), lost)
		lostAll += lost
		from = k.sent
	}
	for number := from; number < n; number++ {
		if !delivered[number] {
			t.Fatalf("event %d was never delivered, and supervisord was not killed after it", number)
		}
	}
	t.Logf("%d events, %d kills of supervisord and %d of the listener alone: %d delivered, %d of them again; %d read and not committed, %d in calls that were cut off",
		n, kills, listenerKills, len(delivered), repeated, lostAll, n-len(delivered)-lostAll)
}
