package main

import (
	"fmt"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/listener"
)

func runFatalmailBatch(s surroundings, args []string) int {
	b := batch{
		name:    "fatalmailbatch",
		subject: "Fatal start alert from supervisord",
		help: `fatalmailbatch -t ADDRESSES -f ADDRESS [options]

Mails the processes of each minute that could not be started together. Subscribe it
to PROCESS_STATE_FATAL and TICK_60.
`,
		line: func(s surroundings, e listener.Event) (string, error) {
			if !e.Is(eventlistener.ProcessStateFatal) {
				return "", nil
			}
			p, err := e.ProcessState()
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%s -- Process %s:%s failed to start too many times", at(s), p.Group, p.Name), nil
		},
	}
	return b.run(s, args)
}
