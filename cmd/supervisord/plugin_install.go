package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/plugins/trust"
)

const (
	// describeTime is how long a plugin may take to tell what it is.
	describeTime = 20 * time.Second
	// maxDescription bounds what it says, in bytes.
	maxDescription = 1 << 20
	// describePath is the environment in which it tells.
	describePath = "PATH=/usr/local/bin:/usr/bin:/bin"
)

// install puts a plugin into a plugin directory.
func (t *pluginTool) install(words []string) error {
	defer t.close()
	if len(words) == 0 || t.files == "" && len(words) != 1 {
		return fmt.Errorf("install takes one FILE, or --files and a command behind --; %w", errPluginUsage)
	}
	user, err := t.account()
	if err != nil {
		return err
	}
	src := trust.Source{}
	if t.files == "" {
		src.File = words[0]
	} else {
		src.Command = words
		for path := range strings.SplitSeq(t.files, ",") {
			src.Files = append(src.Files, strings.TrimSpace(path))
		}
	}
	e, dir, err := t.policy.Install(context.Background(), src, func(_ context.Context, x *trust.Executable) (trust.Described, error) {
		return describe(x, user)
	}, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.stdout, "%s %s (%s) is installed in %s, sha256 %s\n", e.Name, e.Version, strings.Join(e.Kinds, ", "), dir, short(e))
	return err
}

// short is what people compare of a hash.
func short(e *trust.Entry) string {
	if e.SHA256 == "" {
		return "of its files"
	}
	return e.SHA256[:16] + "…"
}

// account is whom --user names, nil for nobody.
func (t *pluginTool) account() (*config.User, error) {
	if t.user == "" {
		return nil, nil
	}
	u, err := (&config.AccountFiles{Fallback: func(argv []string) ([]byte, error) { return runAlone(argv, getentTime) }}).User(t.user)
	if err != nil {
		return nil, fmt.Errorf("cannot find the user %q: %w", t.user, err)
	}
	return &u, nil
}

// remove takes a plugin away.
func (t *pluginTool) remove(words []string) error {
	defer t.close()
	if len(words) != 1 {
		return fmt.Errorf("remove takes one NAME; %w", errPluginUsage)
	}
	if err := t.policy.Remove(words[0]); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.stdout, "%s is removed\n", words[0])
	return err
}

// wantedPlugin is what the section [plugin:x] wants executed.
func wantedPlugin(p *config.Plugin) (trust.Wanted, error) {
	w := trust.Wanted{Name: p.Name, Command: p.Command.Argv, SHA256: p.SHA256, Files: p.Files}
	if err := p.Command.Err; err != nil {
		return w, fmt.Errorf("%s:%d: [plugin:%s] command: cannot parse it: %w", p.File, p.Line, p.Name, err)
	}
	return w, nil
}

// describe runs a plugin once to have it say what it is: without an environment, as its user.
func describe(x *trust.Executable, user *config.User) (trust.Described, error) {
	said, err := runOnce(x, user, "--describe")
	if err != nil {
		return trust.Described{}, err
	}
	d, err := pluginrpc.ParseDescription(said)
	if err != nil {
		return trust.Described{}, err
	}
	out := trust.Described{Name: d.Name, Version: d.Version, Doc: d.Doc, Raw: json.RawMessage(said)}
	for _, k := range d.Kinds {
		out.Kinds = append(out.Kinds, string(k.Name))
	}
	return out, nil
}

// captured keeps the beginning of what a program writes.
type captured struct {
	bytes []byte
	limit int
}

func (c *captured) Output(b []byte) child.Work {
	c.bytes = append(c.bytes, b[:min(len(b), c.limit-len(c.bytes))]...)
	return nil
}

func (c *captured) Closed(int) child.Work { return nil }

// runOnce runs a program that was checked to its end and gives what it wrote.
func runOnce(x *trust.Executable, user *config.User, args ...string) ([]byte, error) {
	system, err := child.New(child.Options{})
	if err != nil {
		return nil, err
	}
	defer system.Close()
	out, errs := &captured{limit: maxDescription}, &captured{limit: 4096}
	type end struct {
		ws  syscall.WaitStatus
		err error
	}
	ended := make(chan end, 1)
	started := make(chan *child.Child, 1)
	r := &child.Request{
		Name: "plugin", Argv: append(append([]string{}, x.Argv...), args...), Env: []string{describePath}, Dir: "/", Umask: 0o77, Stdin: -1,
		Stdout: out, Stderr: errs, Eager: true, DiesWithUs: true, Credential: credential(user),
		Started: func(c *child.Child) { c.CloseStdin(); started <- c },
		Failed:  func(err *child.SpawnError) { ended <- end{err: err} },
		Exited:  func(_ *child.Child, ws syscall.WaitStatus) { ended <- end{ws: ws} },
	}
	if x.File != nil {
		r.Program = int(x.File.Fd())
	} else {
		r.Argv[0] = x.Path
	}
	if r.Program != 0 && !system.UmaskByThread() {
		r.Umask = -1
	}
	system.Spawn(r)
	limit := time.NewTimer(describeTime)
	defer limit.Stop()
	var e end
	select {
	case e = <-ended:
	case <-limit.C:
		select {
		case c := <-started:
			_ = c.Signal(syscall.SIGKILL, true)
		default:
		}
		return nil, fmt.Errorf("it took more than %v", describeTime)
	}
	switch {
	case e.err != nil:
		return nil, e.err
	case !e.ws.Exited() || e.ws.ExitStatus() != 0:
		last := strings.TrimSpace(string(errs.bytes))
		if last != "" {
			last = ": " + lastLine(last)
		}
		if e.ws.Signaled() {
			return nil, fmt.Errorf("signal %d ended it%s", e.ws.Signal(), last)
		}
		return nil, fmt.Errorf("it ended with status %d%s", e.ws.ExitStatus(), last)
	}
	return out.bytes, nil
}

func lastLine(s string) string { return s[strings.LastIndexByte(s, '\n')+1:] }

// credential is whom a plugin runs as, nil for ourselves.
func credential(u *config.User) *child.Credential {
	if u == nil || u.UID == os.Geteuid() {
		return nil
	}
	c := &child.Credential{UID: uint32(u.UID), GID: uint32(u.GID), Name: u.Name} //nolint:gosec // ids come from the account database
	for _, g := range u.Groups {
		c.Groups = append(c.Groups, uint32(g)) //nolint:gosec // as above
	}
	return c
}
