package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// hosted is one life of a listener that we run as supervisord would.
type hosted struct {
	cmd    *exec.Cmd
	in     *os.File
	output chan []byte   // what it writes to its standard output; closed at the end of that
	sent   chan error    // how the writing of an event ended
	exited chan struct{} // closed when the process has ended
	done   chan struct{} // closed to end the goroutine that reads
}

// host starts a listener. Its standard error is ours.
func host(command, environment []string, stderr *os.File) (*hosted, error) {
	inR, inW, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		_, _ = inR.Close(), inW.Close()
		return nil, err
	}
	h := &hosted{in: inW, output: make(chan []byte), sent: make(chan error, 1), exited: make(chan struct{}), done: make(chan struct{})}
	h.cmd = exec.Command(command[0], command[1:]...)
	h.cmd.Stdin, h.cmd.Stdout, h.cmd.Stderr, h.cmd.Env = inR, outW, stderr, environment
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that what it starts can be ended with it
	err = h.cmd.Start()
	_, _ = inR.Close(), outW.Close()
	if err != nil {
		_, _ = inW.Close(), outR.Close()
		return nil, err
	}
	go h.read(outR)
	go func() {
		_ = h.cmd.Wait() // its status is in ProcessState
		close(h.exited)
	}()
	return h, nil
}

func (h *hosted) read(out *os.File) {
	defer out.Close() //nolint:errcheck // it is only read
	defer close(h.output)
	stop := make(chan struct{})
	defer close(stop)
	go func() { // a child of the listener may hold the pipe
		select {
		case <-h.done:
			_ = out.SetReadDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	for {
		buf := make([]byte, 4<<10)
		n, err := out.Read(buf)
		if n > 0 {
			select {
			case h.output <- buf[:n]:
			case <-h.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// send begins to write an event; the result is sent to sent. The pipe may be full: it continues while the listener's output is read.
func (h *hosted) send(event []byte) {
	go func() {
		_, err := h.in.Write(event)
		h.sent <- err
	}()
}

// end ends the process as supervisord does, SIGTERM first and SIGKILL after patience, with its group. Its standard input is closed.
func (h *hosted) end(patience time.Duration) {
	_ = h.in.Close()
	close(h.done)
	group := -h.cmd.Process.Pid
	select {
	case <-h.exited:
	default:
		_ = syscall.Kill(group, syscall.SIGTERM)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.exited:
	case <-timer.C:
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
	<-h.exited
	for range h.output { // until it is closed
	}
}

// ending reports how the process ended.
func (h *hosted) ending() string {
	select {
	case <-h.exited:
		return "ended (" + h.cmd.ProcessState.String() + ")"
	case <-time.After(time.Second): // closing its output, and ending, is not one act
		return "closed its standard output"
	}
}

var errSent = errors.New("cannot write to the listener")

// hostedEnvironment is a listener's environment: ours, without the variables for the bridge alone, and those that supervisord sets for a listener.
func hostedEnvironment(own []string, name string) []string {
	var env []string
	for _, v := range own {
		variable, _, _ := strings.Cut(v, "=")
		switch {
		case strings.HasPrefix(variable, "NATS_"):
		case variable == "SUPERVISOR_PROCESS_NAME", variable == "SUPERVISOR_GROUP_NAME", variable == "SUPERVISOR_EVENT_PROTOCOL":
		default:
			env = append(env, v)
		}
	}
	return append(env, "SUPERVISOR_ENABLED=1", "SUPERVISOR_PROCESS_NAME="+name, "SUPERVISOR_GROUP_NAME="+name,
		"SUPERVISOR_EVENT_PROTOCOL=3.0 bytes max_in_flight=1 payload=supervisor")
}
