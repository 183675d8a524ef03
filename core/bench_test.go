package core

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/core/process"
	"github.com/hark-supervisor/hark/eventlistener"
)

// BenchmarkBoot starts and stops a thousand sleepers: b.N is the number of lives.
func BenchmarkBoot(b *testing.B) {
	system, err := child.New(child.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer system.Close()
	var groups []*config.Group
	for i := range 1000 {
		groups = append(groups, program(fmt.Sprintf("p%04d", i), "/bin/sleep 1000"))
	}
	for b.Loop() {
		s, err := New(Options{
			Config: &config.Config{Groups: groups}, System: system, Bus: eventlistener.NewBus(),
			Log: func(config.Level, string) {}, Environ: os.Environ(),
		})
		if err != nil {
			b.Fatal(err)
		}
		done := make(chan Mood)
		go func() { done <- s.Run(nil) }()
		for {
			all, err := s.AllProcessInfo(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			running := 0
			for _, p := range all {
				if p.State == process.Running {
					running++
				}
			}
			if running == len(groups) {
				break
			}
			timer := time.NewTimer(50 * time.Millisecond)
			<-timer.C
		}
		if err := s.Shutdown(context.Background()); err != nil {
			b.Fatal(err)
		}
		<-done
	}
}
