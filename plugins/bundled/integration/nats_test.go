//go:build integration

package integration

import (
	"context"
	"testing"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/nats/stream"
	"github.com/hark-supervisor/hark/sdk/daemontest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// jet is a server of NATS with JetStream, as Debian has it.
type jet struct {
	program
	address string
}

func (j *jet) lines(t *testing.T, name string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Patience)
	defer cancel()
	conn, err := nats.Connect("nats://" + j.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := js.OrderedConsumer(ctx, "HARK", jetstream.OrderedConsumerConfig{FilterSubjects: []string{"hark.logs.*." + name + "." + name + ".stdout"}})
	if err != nil {
		return nil // there is no stream yet
	}
	info, err := consumer.Info(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for uint64(len(all)) < info.NumPending {
		batch, err := consumer.Fetch(1000, jetstream.FetchMaxWait(time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			if got := m.Headers().Get(stream.HeaderProcess); got != name {
				t.Fatalf("a line of %q is among those of %q", got, name)
			}
			all = append(all, string(m.Data()))
		}
	}
	return all
}

func TestNATS(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	j := &jet{address: "127.0.0.1:" + port}
	j.argv = []string{find(t, "nats-server", "deb/usr/sbin", "deb/usr/bin"), "-js", "-a", "127.0.0.1", "-p", port, "-sd", t.TempDir()}
	j.ready = func() bool { return listens(j.address) }
	j.start(t)
	asBytes := func(line string) (string, bool) { // NATS takes any
		if line[max(0, len(line)-1):] == "\r" {
			line = line[:len(line)-1]
		}
		return line, true
	}
	startTalker(t, "plugin=nats\ncreate_stream=true\nservers=nats://"+j.address).hears(j, asBytes)
}
