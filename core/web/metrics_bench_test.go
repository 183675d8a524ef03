package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// BenchmarkMetricsOfAThousandProcesses scrapes a daemon as Prometheus does, from the request to the last byte, over its socket.
func BenchmarkMetricsOfAThousandProcesses(b *testing.B) {
	const n = 1000
	d := daemontest.Start(b, fmt.Sprintf("[program:w]\ncommand=/bin/sleep 1000\nprocess_name=%%(program_name)s_%%(process_num)04d\nnumprocs=%d\nstartsecs=0\n"+
		"stdout_logfile=NONE\nstderr_logfile=NONE\n", n))
	s := over(b, d, "unix", d.Dir+"/s.sock")
	daemontest.Until(b, "all run", func() bool {
		return strings.Contains(s.get("/metrics").body, fmt.Sprintf("hark_processes{group=\"w\",state=\"RUNNING\"} %d\n", n))
	})
	for _, how := range []struct{ name, encoding string }{{"plain", "identity"}, {"gzip", "gzip"}} {
		b.Run(how.name, func(b *testing.B) {
			var took []time.Duration
			size := 0
			for b.Loop() {
				begun := time.Now()
				a := s.get("/metrics", "Accept-Encoding", how.encoding)
				took = append(took, time.Since(begun))
				size = len(a.body)
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "ms-p95")
			b.ReportMetric(float64(size), "bytes")
			b.ReportMetric(0, "ns/op")
		})
	}
}
