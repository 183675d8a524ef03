// Command supervisor-plugins is the plugins that come with Hark, in one program. supervisord starts it, as its configuration says
// (plugin = slack); by hand it reports what it has:
//
//	supervisor-plugins list                 the names
//	supervisor-plugins slack --describe     the keys that a plugin takes
//	supervisor-plugins receive              take webhooks on this host and print them, to try it out
//
// A link of a plugin's name to it is that plugin.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/internal/settle"
	"github.com/hark-supervisor/hark/plugins/bundled/cache"
	"github.com/hark-supervisor/hark/plugins/bundled/email"
	"github.com/hark-supervisor/hark/plugins/bundled/exec"
	filejson "github.com/hark-supervisor/hark/plugins/bundled/file-json"
	"github.com/hark-supervisor/hark/plugins/bundled/journald"
	"github.com/hark-supervisor/hark/plugins/bundled/loki"
	"github.com/hark-supervisor/hark/plugins/bundled/nats"
	"github.com/hark-supervisor/hark/plugins/bundled/otlp"
	"github.com/hark-supervisor/hark/plugins/bundled/procstat"
	"github.com/hark-supervisor/hark/plugins/bundled/shoutrrr"
	"github.com/hark-supervisor/hark/plugins/bundled/slack"
	"github.com/hark-supervisor/hark/plugins/bundled/syslog"
	"github.com/hark-supervisor/hark/plugins/bundled/twiddler"
	"github.com/hark-supervisor/hark/plugins/bundled/webhook"
	"github.com/hark-supervisor/hark/sdk"
)

// bundled are the plugins, in the order of their names, which are those of their folders.
func bundled() []sdk.Plugin {
	return []sdk.Plugin{cache.Plugin(), email.Plugin(), exec.Plugin(), filejson.Plugin(), journald.Plugin(), loki.Plugin(), nats.Plugin(),
		otlp.Plugin(), procstat.Plugin(), shoutrrr.Plugin(), slack.Plugin(), syslog.Plugin(), twiddler.Plugin(), webhook.Plugin()}
}

// settleAfter is how long after its start a plugin releases the memory that only the start needed: by then its sections are configured.
const settleAfter = 2 * time.Second

const help = `supervisor-plugins -- the plugins that come with Hark, in one program.

Usage: supervisor-plugins [list | receive [options] | NAME --describe]

supervisord starts it as configured (plugin = slack). It can also be run by hand:

    supervisor-plugins list                 the names
    supervisor-plugins slack --describe     the keys of a plugin
    supervisor-plugins receive              receive webhooks on this host and print them, for trying it out

A link to it with the name of a plugin runs that plugin. supervisord plugin list and info show the installed plugins.

Options:
--list -- the names, with a line on each
-h/--help -- this text
`

func main() {
	args := os.Args
	if len(args) > 1 {
		switch args[1] {
		case "receive":
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			status := receive(ctx, args[2:], os.Stdout, os.Stderr)
			stop()
			os.Exit(status)
		case "-h", "--help", "help":
			_, _ = io.WriteString(os.Stdout, help)
			os.Exit(0)
		case "list":
			args = []string{args[0], "--list"}
		}
	}
	settle.Start(settleAfter)
	sdk.ServeOneOf(bundled(), args)
}
