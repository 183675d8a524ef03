//go:build integration

package integration

import (
	"context"
	"testing"

	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// teller is a daemon with a program that ails, and a notifier.
type teller struct {
	*daemontest.Daemon
	t      *testing.T
	client *client.Client
}

// startNotifier starts one with the notifier's own keys; the program's first end is told at once.
func startNotifier(t *testing.T, notifier string) *teller {
	t.Helper()
	d := daemontest.Start(t, ailing+notifier+"\n")
	c, err := client.New("unix://" + d.Dir + "/s.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &teller{d, t, c}
}

// again has the program end once more.
func (d *teller) again() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	if err := d.client.StartProcess(ctx, "ailing", false); err != nil {
		d.t.Fatal(err)
	}
}

// notifier is a figure of the notifier.
func (d *teller) notifier(name string) any {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	var all []map[string]any
	if err := d.client.Call(ctx, "hark.getEventListeners", &all); err != nil || len(all) != 1 {
		d.t.Fatalf("%v, %v", all, err)
	}
	return all[0][name]
}
