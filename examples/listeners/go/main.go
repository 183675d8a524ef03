// Command crashlog is an example of a listener in Go: for each process that exits
// unexpectedly or cannot be started it writes a line with the end of its stderr
// log, which it asks supervisord for. crashlog.conf configures it.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/listener"
)

// lastBytes is how much of the stderr log is shown.
const lastBytes = 200

func main() {
	supervisord, err := client.FromEnvironment(client.WithTimeout(10 * time.Second))
	if err != nil {
		log.Fatal(err)
	}
	out := io.Writer(os.Stderr) // stdout is the protocol's
	if len(os.Args) > 1 {
		f, err := os.OpenFile(os.Args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			log.Fatal(err)
		}
		defer f.Close() //nolint:errcheck // each line is written at once
		out = f
	}
	err = listener.Serve(context.Background(), func(ctx context.Context, e listener.Event) error {
		return report(ctx, supervisord, out, e)
	})
	if err != nil {
		log.Fatal(err)
	}
}

// report handles one event. An error makes supervisord send it again.
func report(ctx context.Context, supervisord *client.Client, out io.Writer, e listener.Event) error {
	if !e.Is(eventlistener.ProcessStateExited) && !e.Is(eventlistener.ProcessStateFatal) {
		return nil
	}
	p, err := e.ProcessState()
	if err != nil || p.Expected {
		return err
	}
	last, err := supervisord.TailProcessStderrLog(ctx, p.Namespec(), 0, lastBytes)
	switch {
	case client.IsFault(err, client.BadName):
		// It was removed from the configuration meanwhile.
	case err != nil:
		return err
	}
	_, err = fmt.Fprintf(out, "%s %s %s, stderr: %q\n", time.Now().Format(time.RFC3339), p.Namespec(), strings.ToLower(p.State), last.Text)
	return err
}
