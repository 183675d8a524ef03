package spool

import (
	"testing"
	"time"
)

var payload = make([]byte, 200)

// The caller's side: what Append costs the supervisor's loop.
func BenchmarkAppend(b *testing.B) {
	s := mustOpen(b, options(b.TempDir()))
	r := Record{Kind: "PROCESS_LOG_STDOUT", Time: time.Unix(1, 0), Data: payload}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Append(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
	b.ReportMetric(float64(s.Stats().Discarded)/float64(b.N), "discarded/op")
}

// From Append over the commit to Ack, as a pool does it: nothing is discarded.
func BenchmarkThrough(b *testing.B) {
	for name, fsync := range map[string]bool{"Sync=false": false, "Sync=true": true} {
		b.Run(name, func(b *testing.B) {
			ready := make(chan struct{}, 1)
			o := options(b.TempDir())
			o.Sync = fsync
			o.Ready = func() {
				select {
				case ready <- struct{}{}:
				default:
				}
			}
			s := mustOpen(b, o)
			c := s.Cursor()
			r := Record{Kind: "PROCESS_LOG_STDOUT", Time: time.Unix(1, 0), Data: payload}
			b.ReportAllocs()
			const window = 4096 // records on their way
			for sent, acked := 0, 0; acked < b.N; {
				for ; sent < b.N && sent-acked < window; sent++ {
					if _, err := s.Append(r); err != nil {
						b.Fatal(err)
					}
				}
				got, ok := c.Next()
				if !ok {
					<-ready
					continue
				}
				c.Ack(got.Pos)
				acked++
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// One event at a time: the time from Append until it can be handed out.
func BenchmarkLatency(b *testing.B) {
	ready := make(chan struct{}, 1)
	o := options(b.TempDir())
	o.Ready = func() { ready <- struct{}{} }
	s := mustOpen(b, o)
	c := s.Cursor()
	for b.Loop() {
		if _, ok := c.Next(); ok {
			b.Fatal("something out of nothing")
		}
		if _, err := s.Append(Record{Kind: "TICK_5", Data: payload}); err != nil {
			b.Fatal(err)
		}
		<-ready
		r, _ := c.Next()
		c.Ack(r.Pos)
	}
}
