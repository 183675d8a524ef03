package spool

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"github.com/hark-supervisor/hark/internal/testkit"
)

// writeForever is the process that is killed. It says on stdout what it has acked
// before it does so, and what is committed.
func writeForever(dir string) {
	o := options(dir)
	o.SegmentBytes, o.MaxBytes = 128<<10, 1<<30
	s, err := Open(o)
	if err != nil {
		fmt.Println("E", err)
		return
	}
	c, acking := s.Cursor(), os.Getenv("SPOOL_TEST_ACK") != ""
	n, _ := s.Last()
	for i := n.Pos + 1; ; i++ {
		if _, err := s.Append(sample(i)); err != nil {
			fmt.Println("E", err)
			return
		}
		if r, ok := c.Next(); ok && acking {
			fmt.Println("A", r.Pos)
			c.Ack(r.Pos)
		}
		for s.Committed()+5000 < i || i%97 == 0 {
			fmt.Println("C", s.Committed())
			if s.Committed()+5000 >= i {
				break
			}
		}
	}
}

func TestWhatIsCommittedSurvivesKill(t *testing.T) {
	for _, acking := range []string{"", "yes"} {
		t.Run("acking:"+acking, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, uint64(len(acking))))
			dir := t.TempDir()
			var acked, done uint64
			rounds := soak(8)
			for round := range rounds {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), "SPOOL_TEST_WRITER="+dir, "SPOOL_TEST_ACK="+acking)
				out, err := cmd.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				lines := 1 + rng.IntN(200)
				in := bufio.NewScanner(out)
				for n := 0; in.Scan(); n++ {
					if n >= lines && (done > 0 || round < rounds-1) { // the last one is killed once something is committed
						_ = cmd.Process.Kill() // and read on: what was said counts
					}
					var kind string
					var pos uint64
					if _, err := fmt.Sscan(in.Text(), &kind, &pos); err != nil {
						continue // cut by the kill, or E
					}
					switch kind {
					case "A":
						acked = max(acked, pos)
					case "C":
						done = max(done, pos)
					}
				}
				_ = cmd.Wait()
				before := acked
				var l log
				o := options(dir)
				o.Report = l.add
				s, err := Open(o)
				if err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
				if n, _ := s.Last(); n.Pos < done || n.Pos < acked || n.Pos > 0 && (n.Serial != int64(n.Pos)-1 || n.Seq != 10*n.Pos) {
					t.Fatalf("round %d: last is %+v, committed were %d, acked %d\n%s", round, n, done, acked, &l)
				}
				var got []uint64
				c := s.Cursor()
				testkit.Until(t, "all of them", func() bool {
					for r, ok := c.Next(); ok; r, ok = c.Next() {
						if err := wrong(r); err != nil {
							t.Fatal(err)
						}
						got = append(got, r.Pos)
					}
					return s.Stats().Queued == 0
				})
				last, _ := s.Last()
				for _, pos := range got { // the spool stays small
					if pos+100 < last.Pos {
						c.Ack(pos)
						acked = max(acked, pos)
					}
				}
				closed(t, s)
				if done > before {
					if len(got) == 0 || got[0] > before+1 || got[len(got)-1] < done {
						t.Fatalf("round %d: got %d records, committed are %d, acked %d\n%s", round, len(got), done, acked, &l)
					}
					equal(t, "positions", got, count(got[0], got[len(got)-1]))
				}
				if _, lost := l.of(Damaged); lost > 0 {
					t.Fatal(&l)
				}
				if n, _ := l.of(Missing); n > 0 {
					t.Fatal(&l)
				}
			}
			if done == 0 {
				t.Fatal("nothing was ever committed")
			}
		})
	}
}
