// Command supervisor-plugins is the plugins that come with Hark, in one program. supervisord starts it, as its configuration says
// (plugin = slack); by hand it tells what it has:
//
//	supervisor-plugins list                 the names
//	supervisor-plugins slack --describe     the keys that a plugin takes
//	supervisor-plugins receive              take webhooks on this host and print them, to try it out
//
// A link of a plugin's name to it is that plugin.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/hark-supervisor/hark/plugins/cache"
	"github.com/hark-supervisor/hark/plugins/email"
	"github.com/hark-supervisor/hark/plugins/exec"
	"github.com/hark-supervisor/hark/plugins/filejson"
	"github.com/hark-supervisor/hark/plugins/journald"
	"github.com/hark-supervisor/hark/plugins/loki"
	"github.com/hark-supervisor/hark/plugins/nats"
	"github.com/hark-supervisor/hark/plugins/otlp"
	"github.com/hark-supervisor/hark/plugins/procstat"
	"github.com/hark-supervisor/hark/plugins/shoutrrr"
	"github.com/hark-supervisor/hark/plugins/slack"
	"github.com/hark-supervisor/hark/plugins/syslog"
	"github.com/hark-supervisor/hark/plugins/webhook"
	"github.com/hark-supervisor/hark/sdk"
)

// bundled are the plugins, in the order in which they are listed.
func bundled() []sdk.Plugin {
	return []sdk.Plugin{slack.Plugin(), email.Plugin(), webhook.Plugin(), syslog.Plugin(), exec.Plugin(), filejson.Plugin(),
		loki.Plugin(), shoutrrr.Plugin(), journald.Plugin(), otlp.Plugin(), cache.Plugin(), procstat.Plugin(),
		nats.Plugin()}
}

func main() {
	args := os.Args
	if len(args) > 1 {
		switch args[1] {
		case "receive":
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			status := receive(ctx, args[2:], os.Stdout, os.Stderr)
			stop()
			os.Exit(status)
		case "list":
			args = []string{args[0], "--list"}
		}
	}
	go settle()
	sdk.ServeOneOf(bundled(), args)
}
