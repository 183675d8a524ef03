package main

import (
	"fmt"

	"github.com/hark-supervisor/hark/sdk/listener"
)

func runCrashsms(s surroundings, args []string) int {
	b := batch{
		name: "crashsms",
		help: `crashsms -t PHONE@GATEWAY -f ADDRESS [options]

Mails unexpected exits in few words, for gateways from mail to text messages.
Subscribe it to PROCESS_STATE_EXITED and the tick event.
`,
		line: func(s surroundings, e listener.Event) (string, error) {
			p, ok, err := unexpectedExit(e)
			if !ok {
				return "", err
			}
			return fmt.Sprintf("[%s:%s](%d) exited unexpectedly %s", p.Group, p.Name, p.Pid, at(s)), nil
		},
	}
	return b.run(s, args)
}
