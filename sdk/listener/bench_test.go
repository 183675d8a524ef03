package listener

import (
	"context"
	"fmt"
	"testing"

	"github.com/hark-supervisor/hark/eventlistener"
)

// BenchmarkPipes has a supervisord of a few lines at the other end of two pipes:
// it sends as many events as it has credits for in one write.
func BenchmarkPipes(b *testing.B) {
	for _, credits := range []int{1, 8, 64, 256} {
		for _, workers := range []int{1, 4} {
			if workers > credits {
				continue
			}
			b.Run(fmt.Sprintf("credits=%d/workers=%d", credits, workers), func(b *testing.B) {
				s := supervise(b, fmt.Sprintf("3.0 bytes max_in_flight=%d", credits),
					func(context.Context, Event) error { return nil }, Workers(workers))
				_, _ = s.in.SetWriteDeadline(noDeadline), s.outEnd.SetReadDeadline(noDeadline)
				one := envelope(12345, eventlistener.ProcessCommunicationStdout.String(), "processname:cat groupname:cat pid:12345\n0123456789abcdef0123456789abcdef", true)
				burst := make([]byte, 0, credits*len(one))
				ready, sent, answered := 0, 0, 0
				b.ReportAllocs()
				b.ResetTimer()
				for answered < b.N {
					switch got := s.heard(); got {
					case "READY":
						ready++
					case "OK":
						answered++
					default:
						b.Fatal(got)
					}
					if s.out.Buffered() > 0 {
						continue
					}
					burst = burst[:0]
					for ; ready > 0 && sent < b.N; ready-- {
						burst = append(burst, one...)
						sent++
					}
					s.raw(burst)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			})
		}
	}
}
