package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// progressAfter is how long a call may take before progress is shown.
	progressAfter = time.Second
	progressEvery = 500 * time.Millisecond
)

// progress shows on a terminal that a call is in progress, in a line that is removed when the
// function returned is called. Elsewhere it does nothing.
func (r *run) progress(what string) (done func()) {
	terminal := terminalOf(r.out)
	if terminal == nil || os.Getenv("TERM") == "dumb" { // which cannot take a line away
		return func() {}
	}
	return showProgress(terminal, what, progressAfter, progressEvery)
}

func showProgress(to io.Writer, what string, after, every time.Duration) (done func()) {
	stop := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		begun := time.Now()
		timer := time.NewTimer(after)
		defer timer.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				if n > 0 {
					_, _ = io.WriteString(to, "\r\x1b[K")
				}
				return
			case now := <-timer.C:
				_, _ = fmt.Fprintf(to, "\r\x1b[K%s ... %d s", what, int(now.Sub(begun).Seconds()))
				timer.Reset(every)
			}
		}
	})
	return func() {
		close(stop)
		shown.Wait()
	}
}
