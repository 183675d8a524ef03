package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// recordedChunk is how much is read and recorded at a time, in bytes: a pipe's
// capacity on Linux.
const recordedChunk = 64 << 10

// lastWords is how long the output of a listener that has ended is waited for: a
// child of it may hold its pipe forever.
const lastWords = time.Second

// recorder appends rows to a file. A file that cannot be written to is reported once;
// the traffic continues.
type recorder struct {
	mu     sync.Mutex
	file   *os.File
	begun  time.Time
	pid    int
	stderr io.Writer
	failed bool
}

// put appends a row in one write, so that the processes of a pool may share a file.
func (r *recorder) put(kind string, text []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := appendRow(nil, row{r.pid, time.Since(r.begun), kind, text})
	if _, err := r.file.Write(line); err != nil && !r.failed {
		r.failed = true
		_, _ = fmt.Fprintf(r.stderr, "supervisor-listener-test: cannot record any longer, the listener continues: %v\n", err)
	}
}

// runRecord is the verb record. It ends as the listener does.
func runRecord(args []string, stdin, stdout *os.File, stderr io.Writer) int {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help" || args[0] == "-help") {
		_, _ = io.WriteString(stdout, usageText)
		return exitKept
	}
	if len(args) > 1 && args[1] == "--" {
		args = append(args[:1:1], args[2:]...)
	}
	if len(args) < 2 {
		return usage(stderr, errors.New("record needs a file and a command"))
	}
	name := strings.ReplaceAll(args[0], "%p", strconv.Itoa(os.Getpid()))
	// 0600: payloads may hold secrets.
	file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return usage(stderr, fmt.Errorf("cannot record: %w", err))
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() == 0 {
		_, _ = file.WriteString(recordingHead)
	}
	r := &recorder{file: file, begun: time.Now(), stderr: stderr}
	status, err := r.pass(args[1:], stdin, stdout)
	if err != nil {
		return usage(stderr, err)
	}
	return status
}

// pass runs the listener between stdin and stdout.
func (r *recorder) pass(command []string, stdin, stdout *os.File) (status int, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, outW, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer out.Close()
	cmd.Stdout = outW
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	err = cmd.Start()
	_ = outW.Close()
	if err != nil {
		return 0, fmt.Errorf("cannot run the listener: %w", err)
	}
	r.pid = cmd.Process.Pid
	r.put(lineStart, []byte(os.Getenv("SUPERVISOR_EVENT_PROTOCOL")))

	wrote := make(chan struct{})
	go func() { // until the listener closes its output or supervisord does
		defer close(wrote)
		r.copy(stdout, out, lineWrote, lineNoOut)
		_ = stdout.Close()
		_ = out.Close()
	}()
	go func() { // ends with the process at the latest
		r.copy(in, stdin, lineSent, lineNoIn)
		_ = in.Close()
	}()
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its status is in ProcessState
		close(ended)
	}()
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s)
			continue
		case <-ended:
		}
		break
	}
	select {
	case <-wrote:
	case <-time.After(lastWords):
	}
	r.put(lineEnd, []byte(cmd.ProcessState.String()))
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// copy passes bytes on as they come, and records them before.
func (r *recorder) copy(to io.Writer, from io.Reader, kind, end string) {
	buf := make([]byte, recordedChunk)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			r.put(kind, buf[:n])
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			r.put(end, nil)
			return
		}
	}
}
