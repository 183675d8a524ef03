package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
)

func (verbs) Fg() Action {
	return Action{
		Name: "fg",
		Help: "fg <process>\tConnect to a process in foreground mode\n" +
			"\t\tCtrl-C to exit",
		Complete: completeProcesses, JSON: textOnly(),
		Endless: true, OneServer: true,
		Run: foreground,
	}
}

// foreground shows both of a process's streams and sends it what is typed, until
// Ctrl-C, the end of input or the end of the process; the process is left alone.
func foreground(r *run, arg string) (answer, error) {
	if err := r.up(); err != nil {
		return answer{}, err
	}
	words := strings.Fields(arg)
	switch {
	case len(words) == 0:
		return answer{}, r.misuse(exitGeneric, "ERROR: no process name supplied")
	case len(words) > 1:
		return answer{}, refuseText("ERROR: too many process names supplied")
	}
	name := words[0]
	running, err := r.isRunning(name)
	switch fault := asFault(err); {
	case fault != nil && fault.Code == faultBadName:
		return answer{}, refuseText("ERROR: bad process name supplied")
	case fault != nil:
		return answer{}, refuse(failed(exitSuccess, "ERROR: "+r.faultText(fault)))
	case err != nil:
		return answer{}, err
	case !running:
		return answer{}, refuseText("ERROR: process not running")
	}
	r.println(followNotice)

	ctx, cancel := context.WithCancel(r.ctx)
	out, errs := r.out, r.err
	r.out, r.err = &lockedWriter{to: out}, &lockedWriter{to: errs}
	var streams sync.WaitGroup
	for _, channel := range []string{"stdout", "stderr"} {
		streams.Go(func() { _ = r.pour(ctx, "/logtail/"+name+"/"+channel, r.out) })
	}
	defer func() {
		cancel()
		streams.Wait()
		r.out, r.err = out, errs
	}()
	return answer{printed: true}, r.relay(name)
}

// relay sends lines to a process until there are no more or it is gone.
func (r *run) relay(name string) error {
	for {
		said, err := r.relayLine(name)
		switch {
		case errors.Is(err, errInterrupted) || errors.Is(err, errEndOfInput):
		case err != nil:
			return err
		case said == "":
			continue
		default:
			r.println(said)
		}
		r.println("Exiting foreground")
		return nil
	}
}

// relayLine sends one line. The text that it returns with an error says why no more
// can be sent, "" if more can.
func (r *run) relayLine(name string) (string, error) {
	line, err := r.ctl.in.readLine(r.ctx)
	if err != nil {
		return "", err
	}
	_, err = r.call("sendProcessStdin", name, line+"\n")
	switch fault := asFault(err); {
	case fault != nil && fault.Code == faultNotRunning:
		return "Process got killed", nil
	case fault != nil:
		return "ERROR: " + r.faultText(fault), nil
	case err != nil:
		return "", err
	}
	running, err := r.isRunning(name)
	if err != nil || running {
		return "", err
	}
	return "Process got killed", nil
}

func (r *run) isRunning(name string) (bool, error) {
	p, err := asked[processInfo](r.call("getProcessInfo", name))
	return p.StateCode == stateRunning, err
}

// lockedWriter lets the streams and the messages share an output.
type lockedWriter struct {
	mu sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(p)
}
