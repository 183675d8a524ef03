package eventlistener

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/eventlistener/spool"
)

// accounted is a spooled pool under a random run: whatever happens to listeners and
// to the process, each event that was committed is answered OK in the end.
type accounted struct {
	*spooledPool
	rng       *rand.Rand
	config    PoolConfig
	options   spool.Options
	members   int
	published int            // events are numbered
	bySerial  map[int64]int  // poolserial to number, as delivered
	committed map[int64]bool // poolserials that a crash found committed and not answered
	done      map[int64]bool // poolserials answered OK
	newest    int64          // of those delivered
	again     int
	gaps      []gap // serials that a crash made doubtful, so that they were left out
}

// gap is a range of poolserials, both ends included.
type gap struct{ first, last int64 }

func (a *accounted) open(dir string) {
	a.spooledPool = openPool(a.t, dir, a.config, a.options, a.members)
}

// receive looks at what members were sent since the last look.
func (a *accounted) receive() {
	a.t.Helper()
	for i := range a.stdins {
		for _, s := range a.next(i) {
			n, seen := a.bySerial[s.header.PoolSerial]
			var number int
			if _, err := fmt.Sscanf(s.payload, "type:k\n%d", &number); err != nil {
				a.t.Fatal(err)
			}
			if seen && n != number {
				a.t.Fatalf("poolserial %d is event %d and %d", s.header.PoolSerial, n, number)
			}
			if seen {
				a.again++
			} else if a.members == 1 {
				if s.header.PoolSerial <= a.newest {
					a.t.Fatalf("poolserial %d came after %d", s.header.PoolSerial, a.newest)
				}
				a.newest = s.header.PoolSerial
			}
			a.bySerial[s.header.PoolSerial] = number
		}
	}
}

// answer has a member answer its oldest event, and be ready for one more.
func (a *accounted) answer(m *Member, ok bool) {
	if m.flight.n == 0 || m.State() == Unknown {
		return
	}
	if ok {
		a.done[m.flight.front().serial] = true
		m.Feed([]byte("RESULT 2\nOKREADY\n"))
	} else {
		m.Feed([]byte("RESULT 4\nFAILREADY\n"))
	}
}

func (a *accounted) revive(i int) {
	m := a.Members()[i]
	m.Exited()
	in := &stdin{}
	a.stdins[i], a.read[i] = in, 0
	m.Started()
	m.Running(in)
	m.Feed([]byte(strings.Repeat(ReadyToken, max(a.config.MaxInFlight, 1))))
}

// crash goes on with a copy of the files as they are at this moment, whatever the
// spool's goroutine is writing: what kill -9 leaves.
func (a *accounted) crash() {
	a.t.Helper()
	durable := int64(a.spool.Committed()) // positions are poolserials plus one here
	newest, _ := a.spool.Last()
	for serial := range durable {
		left := slices.ContainsFunc(a.gaps, func(g gap) bool { return g.first <= serial && serial <= g.last })
		if !a.done[serial] && !left {
			a.committed[serial] = true
		}
	}
	to := a.t.TempDir()
	files := func(dir string) string { return filepath.Join(dir, spool.DirName("p")) }
	if err := os.Mkdir(files(to), 0o700); err != nil {
		a.t.Fatal(err)
	}
	copyFile := func(name string) {
		b, err := os.ReadFile(name)
		if os.IsNotExist(err) {
			return // done with, or not there yet
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(files(to), filepath.Base(name)), b, 0o600)
		}
		if err != nil {
			a.t.Fatal(err)
		}
	}
	// The cursor first: what it knows of must be there.
	copyFile(filepath.Join(files(a.options.Dir), "cursor"))
	segments, err := filepath.Glob(filepath.Join(files(a.options.Dir), "*.seg"))
	if err != nil {
		a.t.Fatal(err)
	}
	for _, name := range segments {
		copyFile(name)
	}
	copyFile(filepath.Join(files(a.options.Dir), "numbers"))
	a.close()
	a.options.Dir = to
	a.open(to)
	if last, ok := a.spool.Last(); ok && last.PoolSerial > newest.PoolSerial { // a segment was copied while it was written
		a.gaps = append(a.gaps, gap{durable, last.PoolSerial})
	}
}

func TestSpooledEventsAreAccountedForWhateverHappens(t *testing.T) {
	seeds := 8
	if os.Getenv("HARK_SOAK") != "" {
		seeds = 200
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(uint64(seed), 7))
			a := &accounted{
				rng: rng, members: 1 + rng.IntN(3), newest: -1,
				config:   PoolConfig{MaxInFlight: []int{1, 1, 4, 64}[rng.IntN(4)]},
				options:  spool.Options{Dir: t.TempDir(), SegmentBytes: 2048},
				bySerial: map[int64]int{}, committed: map[int64]bool{}, done: map[int64]bool{},
			}
			a.spooledPool = &spooledPool{t: t}
			a.open(a.options.Dir)
			crashes := 0
			for range 400 {
				switch m := a.Members()[rng.IntN(a.members)]; rng.IntN(24) {
				case 0, 1, 2, 3, 4, 5:
					for range 1 + rng.IntN(20) {
						a.publish(fmt.Sprint(a.published))
						a.published++
					}
				case 6, 7, 8, 9, 10, 11, 12, 13, 14, 15:
					a.answer(m, true)
				case 16:
					a.answer(m, false)
				case 17:
					m.Exited() // and may be revived
				case 18, 19:
					a.revive(rng.IntN(a.members))
				case 20:
					m.Feed([]byte("nonsense\n"))
				case 21:
					if rng.IntN(4) == 0 {
						a.crash()
						crashes++
					}
				case 22:
					if rng.IntN(8) == 0 { // an orderly restart
						a.close()
						a.open(a.options.Dir)
					}
				case 23:
					a.spooledPool.committed()
				}
				a.Dispatch()
				a.receive()
				a.adds()
			}
			for i := range a.members {
				a.revive(i)
			}
			a.until("all is answered", func() bool {
				for a.receive(); a.InFlight() > 0; a.receive() {
					for _, m := range a.Members() {
						a.answer(m, true)
					}
					a.Dispatch()
				}
				return a.Figures().Queued == 0
			})
			a.adds()
			for serial := range a.committed {
				if !a.done[serial] {
					t.Errorf("the event of poolserial %d was committed when the process crashed, and never answered", serial)
				}
			}
			last, _ := a.spool.Last()
			want := last.PoolSerial + 1
			for _, g := range a.gaps {
				want -= g.last - g.first + 1
			}
			if len(a.bySerial) < int(want) {
				t.Errorf("%d of %d events were delivered", len(a.bySerial), want)
			}
			t.Logf("%d events published, %d delivered, %d of them again, %d crashes", a.published, len(a.bySerial), a.again, crashes)
		})
	}
}
