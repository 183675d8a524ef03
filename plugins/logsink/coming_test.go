package logsink

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/delivery"
)

// That a plugin is starting is no trouble, and the log says nothing of it.
func TestAStartIsNoTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &sinkPlugin{}
		around := p.surroundings()
		around.Open = func(ctx context.Context) (delivery.LogStream, error) {
			if time.Since(time.Unix(946684800, 0)) < time.Minute { // the bubble's clock begins in 2000
				return nil, delivery.Coming(wire.ErrUnavailable)
			}
			return p.open(ctx)
		}
		k, err := New(Options{Name: "central", Stdout: true}, around)
		if err != nil {
			t.Fatal(err)
		}
		k.Source("web", "a", "stdout", nil)(7, time.Now(), []byte("x"))
		time.Sleep(20 * time.Minute)
		closeSink(t, k)
		if log := p.log.String(); log != "" || p.text("a") != "x" {
			t.Errorf("got %q, the log:\n%s", p.text("a"), log)
		}
	})
}
