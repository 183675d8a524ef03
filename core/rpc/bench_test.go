package rpc

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
)

func benchServer(b *testing.B) *harness {
	h := serve(b, defaultLimits(), func(o *Options) { o.Level = config.INFO })
	h.sup.procs = nil
	for i := range 1000 {
		name := fmt.Sprintf("program_%04d", i)
		h.sup.procs = append(h.sup.procs, &core.ProcessInfo{Name: name, Group: name, State: process.Running, Pid: 4000 + i,
			Start: time.Now().Add(-time.Hour), Now: time.Now(), StdoutLog: "/var/log/supervisor/" + name + ".log", StderrLog: "/var/log/supervisor/" + name + ".err"})
	}
	return h
}

// caller makes the same call again and again on one connection.
func caller(b *testing.B, h *harness, request string) func() error {
	c := dial(b, h)
	_ = c.SetDeadline(time.Time{})
	r := bufio.NewReaderSize(c, 64<<10)
	return func() error {
		if _, err := io.WriteString(c, request); err != nil {
			return err
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
}

func BenchmarkGetState(b *testing.B) {
	call := caller(b, benchServer(b), post(callXML(b, "supervisor.getState")))
	b.ReportAllocs()
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetStateEightClients(b *testing.B) {
	h := benchServer(b)
	request := post(callXML(b, "supervisor.getState"))
	const clients = 8
	calls := make([]func() error, clients)
	for i := range calls {
		calls[i] = caller(b, h, request)
	}
	b.ResetTimer()
	var all sync.WaitGroup
	for i, call := range calls {
		all.Go(func() {
			for n := i; n < b.N; n += clients {
				if err := call(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func BenchmarkGetAllProcessInfo(b *testing.B) {
	call := caller(b, benchServer(b), post(callXML(b, "supervisor.getAllProcessInfo")))
	b.ReportAllocs()
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
	}
}
