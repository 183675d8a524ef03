//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/sdk/daemontest"
)

// collector is an OpenTelemetry Collector: the official receiver of OTLP.
type collector struct {
	program
	grpc, http, refusals string
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{grpc: "127.0.0.1:" + freePort(t), http: "127.0.0.1:" + freePort(t), refusals: filepath.Join(t.TempDir(), "refusals")}
	c.argv = []string{find(t, "collector"), c.grpc, c.http, c.refusals}
	c.ready = func() bool { return listens(c.grpc) && listens(c.http) }
	c.start(t)
	return c
}

func (c *collector) lines(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	last := int64(0)
	for line := range strings.Lines(c.out.String()) {
		var r struct {
			Process, Body string
			Time          int64
		}
		if !strings.HasPrefix(line, "{") || !strings.HasSuffix(line, "\n") {
			continue // of the collector's own, or under way
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%v in %.300s", err, line)
		}
		if r.Process != name {
			continue
		}
		if r.Time <= last {
			t.Fatalf("a line of %s is not later than the one before it: %.100q", name, r.Body)
		}
		last = r.Time
		all = append(all, r.Body)
	}
	return all
}

func TestCollector(t *testing.T) {
	find(t, "collector")
	for _, protocol := range []string{"http", "grpc"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			c := startCollector(t)
			address := map[string]string{"http": c.http, "grpc": c.grpc}[protocol]
			d := startTalker(t, "plugin=otlp\nprotocol="+protocol+"\nurl=http://"+address)
			// what it does not take for now comes again
			write(t, c.refusals, "for now")
			d.say("away")
			daemontest.Until(t, "the refusal", func() bool { return strings.Contains(fmt.Sprint(d.sink("last_error")), "now") })
			if err := os.Remove(c.refusals); err != nil {
				t.Fatal(err)
			}
			d.arrives(c, "away", counted("away", awayLines), notEmpty)
			// what it never takes is lost, counted and told
			write(t, c.refusals, "final")
			d.say("burst")
			daemontest.Until(t, "the loss to be counted", func() bool {
				return fmt.Sprint(d.sink("dropped")) != "0" && fmt.Sprint(d.sink("queued")) == "0"
			})
			if err := os.Remove(c.refusals); err != nil {
				t.Fatal(err)
			}
			if got := c.lines(t, "burst"); len(got) != 0 {
				t.Errorf("%d lines have arrived, which were refused", len(got))
			}
			c2 := startCollector(t)
			address = map[string]string{"http": c2.http, "grpc": c2.grpc}[protocol]
			startTalker(t, "plugin=otlp\nprotocol="+protocol+"\nurl=http://"+address).hears(c2, notEmpty)
		})
	}
}
