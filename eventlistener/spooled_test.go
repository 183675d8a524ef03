package eventlistener

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/eventlistener/spool"
	"github.com/hark-supervisor/hark/internal/testkit"
)

// spooledPool is a pool with a real spool, and members that note what they are sent.
type spooledPool struct {
	*Pool
	t       testing.TB
	bus     *Bus
	spool   *spool.Spool
	ready   chan struct{}
	reports chan spool.Report
	stdins  []*stdin
	read    []int // how much of each stdin was looked at
	out     []Outcome
}

// openPool opens the spool p.spool in dir and a pool with it and so many members,
// all of them waiting for events.
func openPool(t testing.TB, dir string, c PoolConfig, o spool.Options, members int) *spooledPool {
	t.Helper()
	p := &spooledPool{t: t, bus: NewBus(), ready: make(chan struct{}, 1), reports: make(chan spool.Report, 1000)}
	o.Dir, o.Name = dir, "p"
	o.Ready = func() {
		select {
		case p.ready <- struct{}{}:
		default:
		}
	}
	o.Report = func(r spool.Report) { p.reports <- r }
	var err error
	if p.spool, err = spool.Open(o); err != nil {
		t.Fatal(err)
	}
	if last, ok := p.spool.Last(); ok {
		p.bus.Resume(last.Seq, last.Serial)
	}
	c.Name, c.Server, c.Overflow, c.Spool = "p", "supervisor", SpoolEvents, p.spool
	c.Emit = func(o Outcome) { p.out = append(p.out, o) }
	p.Pool = NewPool(p.bus, c)
	p.bus.Subscribe(p.Pool, []Type{AnyEvent})
	for i := range members {
		in := &stdin{}
		p.stdins, p.read = append(p.stdins, in), append(p.read, 0)
		m := startedMember(p.Pool, fmt.Sprintf("p_%02d", i), in)
		m.Feed([]byte(strings.Repeat(ReadyToken, max(c.MaxInFlight, 1))))
	}
	t.Cleanup(p.close)
	return p
}

// close is what the daemon does at its end: nothing more is acked.
func (p *spooledPool) close() {
	p.bus.Unsubscribe(p.Pool)
	if err := p.spool.Close(context.Background()); err != nil {
		p.t.Error(err)
	}
}

// until dispatches whenever the spool has something, until the condition holds.
func (p *spooledPool) until(what string, condition func() bool) {
	p.t.Helper()
	limit := time.NewTimer(testkit.Patience)
	defer limit.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		p.Dispatch()
		if condition() {
			return
		}
		select {
		case <-p.ready:
		case <-look.C:
		case <-limit.C:
			p.t.Fatalf("waited in vain until %s; %+v", what, p.Figures())
		}
	}
}

// sent is an event as a listener read it.
type sent struct {
	header  Header
	payload string
}

// next are the events that a member was sent since the last call.
func (p *spooledPool) next(member int) (all []sent) {
	in := p.stdins[member]
	for r := bufio.NewReader(bytes.NewReader(in.sent[p.read[member]:])); ; {
		h, payload, err := ReadEvent(r)
		if err != nil {
			p.read[member] = len(in.sent)
			return all
		}
		all = append(all, sent{h, string(payload)})
	}
}

// take waits for n events of the only member and answers each with OK.
func (p *spooledPool) take(n int) (all []sent) {
	p.t.Helper()
	for len(all) < n {
		var got []sent
		p.until("an event comes", func() bool {
			got = p.next(0)
			return len(got) > 0
		})
		all = append(all, got...)
		p.Members()[0].Feed(bytes.Repeat([]byte("RESULT 2\nOKREADY\n"), len(got)))
	}
	return all
}

func (p *spooledPool) publish(data ...string) {
	for _, d := range data {
		p.bus.Publish(NewRemoteCommunication("k", d))
	}
}

func (p *spooledPool) committed() {
	p.t.Helper()
	p.until("all is committed", func() bool {
		last, _ := p.spool.Last()
		return p.spool.Committed() == last.Pos
	})
}

// adds checks that no event is unaccounted for.
func (p *spooledPool) adds() {
	p.t.Helper()
	f := p.Figures()
	if f.Recovered+f.Accepted != f.Delivered+f.Discarded+f.DeadLetters+uint64(f.Queued+f.InFlight) {
		p.t.Fatalf("the counters do not add up: %+v", f)
	}
}

func data(all []sent) (d []string) {
	for _, s := range all {
		d = append(d, strings.TrimPrefix(s.payload, "type:k\n"))
	}
	return d
}

func TestASpooledPoolGoesOnWhereItEnded(t *testing.T) {
	dir := t.TempDir()
	p := openPool(t, dir, PoolConfig{}, spool.Options{}, 1)
	p.publish("a", "b", "c")
	if got := p.take(2); !slices.Equal(data(got), []string{"a", "b"}) || got[1].header.Serial != 1 || got[1].header.PoolSerial != 1 {
		t.Errorf("sent %+v", got)
	}
	p.publish("d")
	p.until("c is sent", func() bool { return p.InFlight() == 1 })
	p.committed()
	p.adds()
	p.close() // c is not answered, d was not sent

	p = openPool(t, dir, PoolConfig{Payload: JSONForm}, spool.Options{}, 1)
	p.publish("e")
	got := p.take(3)
	for i, want := range []string{"c", "d", "e"} {
		h := got[i].header
		if h.Serial != int64(2+i) || h.PoolSerial != int64(2+i) || !strings.Contains(got[i].payload, fmt.Sprintf(`"data":"%s"`, want)) ||
			!strings.Contains(got[i].payload, fmt.Sprintf(`"seq":%d`, 3+i)) {
			t.Errorf("event %d is %+v", i, got[i])
		}
	}
	if f := p.Figures(); f.Recovered != 2 || f.Accepted != 1 || f.Delivered != 3 || f.Queued != 0 || f.InFlight != 0 {
		t.Errorf("%+v", f)
	}
	p.adds()
	p.close()
	p = openPool(t, dir, PoolConfig{}, spool.Options{}, 1)
	if f := p.Figures(); f.Recovered != 0 {
		t.Errorf("%d events come again", f.Recovered)
	}
}

func TestASpooledEventThatFailedComesFirst(t *testing.T) {
	dir := t.TempDir()
	p := openPool(t, dir, PoolConfig{MaxDeliveries: 4}, spool.Options{}, 1)
	m := p.Members()[0]
	p.publish("a", "b")
	one := func() sent {
		t.Helper()
		var got []sent
		p.until("an event comes", func() bool { got = p.next(0); return len(got) == 1 })
		p.adds()
		return got[0]
	}
	first := one()
	m.Feed([]byte("RESULT 4\nFAILREADY\n")) // rejected
	if again := one(); again != first {
		t.Errorf("after FAIL %+v", again)
	}
	m.Exited() // killed
	in := &stdin{}
	p.stdins[0], p.read[0] = in, 0
	m.Started()
	m.Running(in)
	m.Feed([]byte(ReadyToken))
	if again := one(); again != first {
		t.Errorf("after a death %+v", again)
	}
	m.Feed([]byte("RESULT 4\nFAILREADY\n"))
	if again := one(); again != first {
		t.Errorf("at last %+v", again)
	}
	m.Feed([]byte("RESULT 4\nFAILREADY\n"))
	if !slices.ContainsFunc(p.out, func(o Outcome) bool { return o.Kind == DeadLetter && o.Failed == 4 }) || p.Figures().DeadLetters != 1 {
		t.Errorf("%+v", p.Figures())
	}
	if next := one(); next.payload != "type:k\nb" {
		t.Errorf("then %+v", next)
	}
	p.close()
	p = openPool(t, dir, PoolConfig{}, spool.Options{}, 1)
	if got := data(p.take(1)); !slices.Equal(got, []string{"b"}) || p.Figures().Recovered != 1 {
		t.Errorf("%q are left", got)
	}
}

func TestSpooledEventsMayBeUnansweredTogether(t *testing.T) {
	dir := t.TempDir()
	p := openPool(t, dir, PoolConfig{MaxInFlight: 3}, spool.Options{}, 2)
	for i := range 20 {
		p.publish(fmt.Sprint(i))
	}
	p.until("all credits are used", func() bool { return p.InFlight() == 6 })
	p.adds()
	if n := p.Pool.queue.n; n != 0 {
		t.Errorf("%d events wait in memory", n)
	}
	// One dies, the other answers: what the dead one had goes out first, in order.
	had := data(p.next(0))
	p.Members()[0].Exited()
	p.adds()
	p.next(1)
	p.Members()[1].Feed([]byte(strings.Repeat("RESULT 2\nOKREADY\n", 3)))
	p.until("they are sent to the other", func() bool { return p.Members()[1].Unanswered() == 3 })
	if got := data(p.next(1)); !slices.Equal(got, had) {
		t.Errorf("sent %q, the dead one had %q", got, had)
	}
	p.adds()
	p.committed()
	p.close()
	p = openPool(t, dir, PoolConfig{MaxInFlight: 3}, spool.Options{}, 1)
	if got := p.take(17); len(got) != 17 || !slices.IsSortedFunc(got, func(a, b sent) int { return int(a.header.PoolSerial - b.header.PoolSerial) }) {
		t.Errorf("%d events %q", len(got), data(got))
	}
}

// A listener whose stdin takes nothing keeps an event in the buffer, no more.
func TestASpooledEventThatCannotBeSentWaits(t *testing.T) {
	for _, ahead := range []int{1, 4} {
		p := openPool(t, t.TempDir(), PoolConfig{MaxInFlight: ahead, BufferSize: 1}, spool.Options{}, 1)
		p.stdins[0].err = errors.New("full")
		p.publish("a", "b", "c", "d", "e", "f")
		p.until("a write failed", func() bool {
			return slices.ContainsFunc(p.out, func(o Outcome) bool { return o.Kind == Unsent })
		})
		p.adds()
		if p.Queued() != 6 || p.Pool.queue.n > ahead {
			t.Errorf("%d queued, %d of them in memory", p.Queued(), p.Pool.queue.n)
		}
		p.stdins[0].err = nil
		if got := data(p.take(6)); !slices.Equal(got, []string{"a", "b", "c", "d", "e", "f"}) {
			t.Errorf("sent %q", got)
		}
	}
}

func TestAFullSpoolGivesUpTheOldest(t *testing.T) {
	dir := t.TempDir()
	p := openPool(t, dir, PoolConfig{}, spool.Options{MaxBytes: 8192}, 0)
	const n = 400
	for i := range n {
		p.publish(fmt.Sprintf("%d %s", i, strings.Repeat("x", 50)))
	}
	p.committed()
	f := p.Figures()
	if f.Discarded == 0 || f.Accepted != n || f.Queued != n-int(f.Discarded) || f.Spool.Bytes > 8192 {
		t.Errorf("%+v %+v", f, f.Spool)
	}
	p.adds()
	told := uint64(0)
	for told < f.Discarded {
		select {
		case r := <-p.reports:
			told += r.Records
		case <-time.After(testkit.Patience):
			t.Fatalf("%d of %d were reported", told, f.Discarded)
		}
	}
	// One too large for it is given up alone.
	p.publish(strings.Repeat("y", 5000), "last")
	if o := p.out[len(p.out)-1]; o.Kind != Lost || !errors.Is(o.Err, spool.ErrTooLarge) || o.Event == nil {
		t.Errorf("%+v", o)
	}
	p.adds()
	p.committed()
	p.close()
	p = openPool(t, dir, PoolConfig{}, spool.Options{MaxBytes: 8192}, 1)
	left := int(p.Figures().Recovered)
	got := p.take(left)
	for i, s := range got[:left-1] {
		if want := fmt.Sprintf("type:k\n%d ", n-left+1+i); !strings.HasPrefix(s.payload, want) {
			t.Fatalf("event %d is %.40q, want %q", i, s.payload, want)
		}
	}
	if got[left-1].payload != "type:k\nlast" {
		t.Errorf("the last is %q", got[left-1].payload)
	}
}

func TestWithoutItsSpoolAPoolKeepsMuchInMemory(t *testing.T) {
	b := NewBus()
	var lost []int64
	p := NewPool(b, PoolConfig{Name: "p", BufferSize: 1, Overflow: SpoolEvents, Emit: func(o Outcome) {
		if o.Kind == Overflowed {
			lost = append(lost, o.PoolSerial)
		}
	}})
	b.Subscribe(p, []Type{AnyEvent})
	big := strings.Repeat("x", 1<<20)
	for range 20 {
		b.Publish(NewRemoteCommunication("k", big))
	}
	if len(lost) != 5 || lost[0] != 0 || lost[4] != 4 || p.Queued() != 15 || p.Counters.Discarded != 5 {
		t.Errorf("lost %v, %d queued, %+v", lost, p.Queued(), p.Counters)
	}
	in := &stdin{}
	m := startedMember(p, "p_00", in)
	m.Feed([]byte(ReadyToken))
	p.Dispatch()
	m.Exited()
	if p.Queued() != 15 || p.Figures().Spool != nil {
		t.Errorf("%d queued", p.Queued())
	}
}

// spoolFiles are the files of the spool that a pool left in dir.
func spoolFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	names, err := filepath.Glob(filepath.Join(dir, spool.DirName("p"), "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// damagedSpool is a spool of these files, one of them changed.
func damagedSpool(t *testing.T, files map[string][]byte, name string, change func([]byte) []byte) string {
	t.Helper()
	dir := t.TempDir()
	sub := filepath.Join(dir, spool.DirName("p"))
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	for n, b := range files {
		if n == name {
			b = change(bytes.Clone(b))
		}
		if err := os.WriteFile(filepath.Join(sub, n), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// However a spool is cut, and whatever bit of it is flipped, a pool starts with it,
// sends no wrong event and none out of order, loses none before the damage, and
// goes on with higher numbers.
func TestADamagedSpoolCostsNoMoreThanWhatIsDamaged(t *testing.T) {
	const events = 12
	dir := t.TempDir()
	p := openPool(t, dir, PoolConfig{}, spool.Options{}, 0)
	for i := range events {
		p.publish(fmt.Sprintf("event %d", i))
	}
	p.committed()
	p.close()
	files := spoolFiles(t, dir)
	segment := ""
	for name := range files {
		if strings.HasSuffix(name, ".seg") {
			segment = name
		}
	}
	size := len(files[segment])
	var ends []int // of the records
	for at := 48; at < size; {
		at += 8 + int(binary.LittleEndian.Uint32(files[segment][at:]))
		ends = append(ends, at)
	}
	if len(ends) != events {
		t.Fatalf("%d records", len(ends))
	}
	check := func(name string, from int, change func([]byte) []byte) {
		t.Helper()
		dir := damagedSpool(t, files, name, change)
		p := openPool(t, dir, PoolConfig{}, spool.Options{}, 1)
		p.publish("new")
		whole := events
		if name == segment {
			whole = sort.SearchInts(ends, from+1) // records that lie before the damage
		}
		var got []sent
		for len(got) == 0 || got[len(got)-1].payload != "type:k\nnew" {
			got = append(got, p.take(1)...)
		}
		next := 0
		for _, s := range got[:len(got)-1] {
			n := int(s.header.PoolSerial)
			if n < next || n >= events || s.payload != fmt.Sprintf("type:k\nevent %d", n) || s.header.Serial != int64(n) {
				t.Fatalf("%s from %d: sent %+v", name, from, s)
			}
			if n < whole && n != next {
				t.Fatalf("%s from %d: event %d is missing", name, from, next)
			}
			next = n + 1
		}
		if len(got)-1 < whole {
			t.Fatalf("%s from %d: %d events, %d lie before the damage", name, from, len(got)-1, whole)
		}
		if last := got[len(got)-1].header; last.PoolSerial < int64(next) || last.Serial < int64(next) {
			t.Fatalf("%s from %d: numbers are given twice: %+v", name, from, last)
		}
		if len(got)-1 < events && len(p.reports) == 0 {
			t.Fatalf("%s from %d: the loss is not reported", name, from)
		}
		p.close()
	}
	step := 1
	if os.Getenv("HARK_SOAK") == "" {
		step = 17
	}
	for cut := 0; cut < size; cut += step {
		check(segment, cut, func(b []byte) []byte { return b[:cut] })
	}
	for cut := 0; cut < len(files["cursor"]); cut += 40 * step {
		check("cursor", cut, func(b []byte) []byte { return b[:cut] })
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 2000 / step {
		bit := rng.IntN(8 * size)
		check(segment, bit/8, func(b []byte) []byte { b[bit/8] ^= 1 << (bit % 8); return b })
		bit = rng.IntN(8 * 128)
		check("cursor", bit/8, func(b []byte) []byte { b[bit/8] ^= 1 << (bit % 8); return b })
	}
}

// The files are cut and flipped while the pool works with them.
func TestASpoolDamagedInUseIsSurvived(t *testing.T) {
	dir := t.TempDir()
	p := openPool(t, dir, PoolConfig{}, spool.Options{MaxBytes: 1 << 20, SegmentBytes: 4096}, 1)
	rng := rand.New(rand.NewPCG(5, 6))
	seen := make(map[int64]bool)
	published := 0
	for range 60 {
		for range 40 {
			p.publish(fmt.Sprint(published))
			published++
		}
		names, _ := filepath.Glob(filepath.Join(dir, spool.DirName("p"), "*.seg"))
		if len(names) > 0 {
			name := names[rng.IntN(len(names))]
			switch b, err := os.ReadFile(name); {
			case err != nil || len(b) == 0: // it was done with
			case rng.IntN(2) == 0:
				_ = os.Truncate(name, int64(rng.IntN(len(b))))
			default:
				bit := rng.IntN(8 * len(b))
				b[bit/8] ^= 1 << (bit % 8)
				_ = os.WriteFile(name, b, 0o600)
			}
		}
		for range rng.IntN(60) {
			f := p.Figures()
			if f.Queued+f.InFlight == 0 {
				break
			}
			p.until("an event comes, or is lost", func() bool {
				f := p.Figures()
				return f.InFlight > 0 || f.Queued == 0
			})
			for _, s := range p.next(0) {
				n := s.header.PoolSerial
				if s.payload != fmt.Sprintf("type:k\n%d", n) || s.header.Serial != n || seen[n] {
					t.Fatalf("sent %+v; seen before: %v", s, seen[n])
				}
				seen[n] = true
				p.Members()[0].Feed([]byte("RESULT 2\nOKREADY\n"))
			}
			p.adds()
		}
		for len(p.reports) > 0 {
			<-p.reports
		}
	}
	if len(seen) == 0 {
		t.Error("nothing came through")
	}
}

// BenchmarkSpooledPool is an event's whole way through a spool, with 64 credits:
// made, published, encoded, committed, decoded, sent, answered.
func BenchmarkSpooledPool(b *testing.B) {
	p := openPool(b, b.TempDir(), PoolConfig{MaxInFlight: 64}, spool.Options{}, 1)
	p.config.Emit = nil
	m := p.Members()[0]
	m.Running(nowhere{})
	who := Process{"web_00", "web", 4711}
	text := []byte(strings.Repeat("x", 100))
	turn := func() {
		p.Dispatch()
		m.Feed(bytes.Repeat([]byte("RESULT 2\nOKREADY\n"), m.Unanswered()))
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		p.bus.Publish(NewProcessCommunication(ProcessCommunicationStdout, who, text))
		if n++; n%16 == 0 {
			turn()
		}
	}
	for p.Counters.Delivered < p.Counters.Accepted && p.Figures().Discarded == 0 {
		turn()
	}
	b.ReportMetric(float64(p.Figures().Discarded), "discarded")
}
