package main

import (
	"fmt"

	"github.com/hark-supervisor/hark/sdk/listener"
)

func runCrashmailBatch(s surroundings, args []string) int {
	b := batch{
		name:    "crashmailbatch",
		subject: "Crash alert from supervisord",
		help: `crashmailbatch -t ADDRESSES -f ADDRESS [options]

Mails the unexpected exits of each minute together. Subscribe it to
PROCESS_STATE_EXITED and TICK_60.
`,
		line: func(s surroundings, e listener.Event) (string, error) {
			p, ok, err := unexpectedExit(e)
			if !ok {
				return "", err
			}
			return fmt.Sprintf("%s -- Process %s:%s (pid %d) died unexpectedly", at(s), p.Group, p.Name, p.Pid), nil
		},
	}
	return b.run(s, args)
}
