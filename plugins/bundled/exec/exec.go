// Package exec is the plugin that runs a command for each event, or for those that come together. README.md has the keys and what the
// command finds.
package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/document"
	"github.com/hark-supervisor/hark/plugins/bundled/internal/remote"
	"github.com/hark-supervisor/hark/sdk"
)

const (
	// version is the plugin's own.
	version = "1.0.0"
	// outputWait is how long to wait for output after the command has ended: a child of it may hold the pipe.
	outputWait = 2 * time.Second
)

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "exec", Version: version, Doc: "Runs a command for each event, with the event on its standard input and in its environment.",
		Kinds: []sdk.Kind{sdk.NotifierOf(defaults(), func(_ context.Context, c config, i sdk.Instance) (sdk.Notifier, error) {
			return newNotifier(c, i)
		})},
	}
}

type notifier struct {
	c       config
	i       sdk.Instance
	program string

	// of the notification that is tried, "" for none: how many of its events are done
	id   string
	done int
}

func newNotifier(c config, i sdk.Instance) (*notifier, error) {
	program, err := lookPath(c.argv[0], c.Path)
	if err != nil {
		return nil, &sdk.ConfigError{Key: "command", Text: fmt.Sprintf("cannot be run: %v", err)}
	}
	if info, err := os.Stat(c.Directory); err != nil || !info.IsDir() {
		return nil, &sdk.ConfigError{Key: "directory", Text: "there is no such directory"}
	}
	return &notifier{c: c, i: i, program: program}, nil
}

// lookPath finds a program in the PATH that the command gets: this process has none.
func lookPath(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			return "", errors.New("the program must be an absolute path or a name in path")
		}
		return name, usable(name)
	}
	for _, dir := range filepath.SplitList(path) {
		if file := filepath.Join(dir, name); filepath.IsAbs(dir) && usable(file) == nil {
			return file, nil
		}
	}
	return "", errors.New("there is no such program in path")
}

func usable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such program")
	case err != nil:
		return errors.New("the program cannot be looked at")
	case info.IsDir() || info.Mode()&0o111 == 0:
		return errors.New("the program may not be executed")
	}
	return nil
}

// Notify is sdk.Notifier's. A try that follows goes on with the event at which the one before failed.
func (n *notifier) Notify(ctx context.Context, m *sdk.Notification) error {
	if n.id != m.ID || n.id == "" {
		n.id, n.done = m.ID, 0
	}
	if n.c.Per == "notification" {
		input, err := n.input(m, nil)
		if err == nil {
			err = n.run(ctx, input, n.environment(m, nil))
		}
		return err
	}
	for ; n.done < len(m.Events); n.done++ {
		e := &m.Events[n.done]
		input, err := n.input(m, e)
		if err == nil {
			err = n.run(ctx, input, n.environment(m, e))
		}
		switch {
		case err != nil && sdk.IsFinal(err) && n.done < len(m.Events)-1:
			n.i.Log.Error("an event is given up", "event", e.Type, "process", e.Namespec(), "reason", err.Error()) // those behind it are not
		case err != nil:
			return err
		}
	}
	n.id = ""
	return nil
}

// input is what the command reads; e is nil where it is run for all events.
func (n *notifier) input(m *sdk.Notification, e *sdk.Event) ([]byte, error) {
	var doc []byte
	var err error
	switch n.c.Input {
	case "none":
		return nil, nil
	case "body":
		return []byte(m.Body), nil
	case "payload":
		if e != nil {
			return e.Payload, nil
		}
		var all [][]byte
		for i := range m.Events {
			all = append(all, m.Events[i].Payload)
		}
		return bytes.Join(all, []byte("\n")), nil
	}
	if d := document.Of(m); e != nil {
		d.Events = []document.Entry{document.EntryOf(e)}
		doc, err = document.Compact(d)
	} else {
		doc, err = document.Compact(d)
	}
	if err != nil {
		return nil, sdk.Final(fmt.Errorf("cannot make a document of it: %w", err))
	}
	return append(doc, '\n'), nil
}

// environment returns the command's variables. The names of those about an event are the ones that the listener exec uses.
func (n *notifier) environment(m *sdk.Notification, e *sdk.Event) []string {
	env := []string{
		"PATH=" + n.c.Path, "HARK_ID=" + m.ID, "HARK_SEVERITY=" + m.Severity.String(), "HARK_TITLE=" + m.Title, "HARK_EVENTS=" + strconv.Itoa(len(m.Events)),
		"HARK_ATTEMPT=" + strconv.Itoa(m.Attempt), "HARK_SUPPRESSED=" + strconv.FormatUint(m.Suppressed, 10), "EVENT_SERVER=" + m.Daemon.Identifier, "EVENT_HOST=" + m.Daemon.Hostname,
	}
	if e != nil {
		env = append(env, "EVENT_NAME="+e.Type, "EVENT_SEQ="+strconv.FormatUint(e.Seq, 10), "EVENT_PROCESSNAME="+e.Process, "EVENT_GROUPNAME="+e.Group,
			"EVENT_NAMESPEC="+e.Namespec())
		if e.From != "" {
			env = append(env, "EVENT_FROM_STATE="+e.From)
		}
		if e.Pid != 0 {
			env = append(env, "EVENT_PID="+strconv.Itoa(e.Pid))
		}
		if e.Exit != nil {
			env = append(env, "EVENT_EXITSTATUS="+strconv.Itoa(e.Exit.Status), "EVENT_SIGNAL="+strconv.Itoa(e.Exit.Signal), "EVENT_EXPECTED="+strconv.Itoa(number(e.Expected)))
		}
	}
	for i := range env {
		env[i] = strings.ReplaceAll(env[i], "\x00", " ")
	}
	for _, name := range slices.Sorted(maps.Keys(n.c.Environment)) {
		env = append(env, name+"="+n.c.Environment[name])
	}
	return env
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// run runs the command once. It has a process group of its own, so that what it has started can be killed with it.
func (n *notifier) run(ctx context.Context, input []byte, env []string) error {
	ctx, cancel := context.WithTimeout(ctx, n.c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.program, n.c.argv[1:]...)
	said := &remote.Said{}
	cmd.Args[0], cmd.Env, cmd.Dir = n.c.argv[0], env, n.c.Directory
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = outputWait
	err := cmd.Run()
	name := filepath.Base(n.program)
	words := said.Words()
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		if words != "" {
			n.i.Log.Debug("the command says", "command", name, "output", strings.TrimPrefix(words, ": "))
		}
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s did not end in time and was killed%s", name, words)
	case errors.As(err, &exit):
		err = fmt.Errorf("%s: %w%s", name, exit, words)
		if slices.Contains(n.c.FinalStatus, exit.ExitCode()) {
			return sdk.Final(err)
		}
		return err
	}
	return fmt.Errorf("cannot run %s: %w", name, err)
}
