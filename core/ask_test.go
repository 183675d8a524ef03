package core

import (
	"context"
	"errors"
	"testing"
	"time"
)

// What f tells its caller is the caller's once ask has returned, though the client has gone away in the meantime.
func TestACallerThatGivesUpSharesNothingWithTheLoop(t *testing.T) {
	r := run(t, program("cat", "/bin/cat", off))
	ctx, giveUp := context.WithCancel(context.Background())
	begun, goOn := make(chan struct{}), make(chan struct{})
	answered := make(chan error)
	told := ""
	go func() {
		err := r.turns.Ask(ctx, func(l *loop) {
			close(begun)
			<-goOn
			told = "by the loop"
		})
		told += ", and by the caller"
		answered <- err
	}()
	<-begun
	giveUp()
	select {
	case err := <-answered:
		t.Errorf("ask returned while the loop was at it: %v", err)
		close(goOn)
		return
	case <-time.After(50 * time.Millisecond): // it would have returned at once
	}
	close(goOn)
	if err := <-answered; err != nil || told != "by the loop, and by the caller" {
		t.Errorf("%v, %q", err, told)
	}
	if err := r.turns.Ask(ctx, func(l *loop) { t.Error("it was run") }); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that was gone before: %v", err)
	}
}
