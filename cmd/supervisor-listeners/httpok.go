package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/listener"
)

const httpokHelp = `httpok [-p PROCESS]... [-a] [-t SECONDS] [-c STATUS]... [-b TEXT] [-m ADDRESS]
       [-s SENDMAIL] [-g GCORE] [-d DIRECTORY] [-e | -E] [-n NAME] URL

Gets the URL at each tick, and restarts processes if the answer is not as expected.
Subscribe it to TICK_60 (or TICK_5). It calls supervisord, so a server must be
configured.

  -p, --program PROCESS         restart this one (name, group:name, group:* or another
                                pattern) if it is RUNNING; may be repeated
  -a, --any                     restart all RUNNING processes, regardless of -p
  -t, --timeout SECONDS         how long an answer may take (10)
  -c, --code STATUS             an expected HTTP status (200); may be repeated
  -b, --body TEXT               text that the answer must contain
  -m, --email ADDRESS           recipient of mails
  -s, --sendmail_program CMD    command that reads the mail from stdin ("/usr/sbin/sendmail -t -i")
  -d, --coredir DIRECTORY       write a core of a process here before its restart
  -g, --gcore CMD               command for that ("/usr/bin/gcore -o")
  -e, --eager                   get the URL even if none of the processes is RUNNING (default)
  -E, --not-eager               get it only if one of them is RUNNING
  -n, --name NAME               name of this httpok in the mails' subjects
      --verifyTLS               require a valid certificate for an https URL
` + smtpHelp

const (
	defaultGcore   = "/usr/bin/gcore -o"
	defaultTimeout = 10
	// retryTime is between two tries at a port without a listener, which a
	// timeout longer than this allows.
	retryTime = 10 * time.Second
	// maxBody is how much of an answer is searched, in bytes.
	maxBody = 64 << 20
)

type httpok struct {
	s         surroundings
	rpc       supervisord
	url       string
	programs  []string
	any       bool
	timeout   int // seconds
	statuses  []int
	body      string
	gcore     string
	coredir   string
	eager     bool
	verifyTLS bool
	name      string
	mail      mailer
	retryTime time.Duration
}

func runHTTPOK(s surroundings, args []string) int {
	h := &httpok{s: s, timeout: defaultTimeout, gcore: defaultGcore, eager: true,
		mail: mailer{s: s, sendmail: defaultSendmail}, retryTime: retryTime}
	var email string
	rest, err := parseOptions(args, false, append(h.mail.smtpOptions(),
		listOption('p', "program", &h.programs),
		flagOption('a', "any", &h.any),
		numberOption('t', "timeout", &h.timeout),
		option{short: 'c', long: "code", takes: func(v string) error {
			code, err := strconv.Atoi(strings.TrimSpace(v))
			h.statuses = append(h.statuses, code)
			return err
		}},
		textOption('b', "body", &h.body),
		textOption('s', "sendmail_program", &h.mail.sendmail),
		textOption('m', "email", &email),
		textOption('g', "gcore", &h.gcore),
		textOption('d', "coredir", &h.coredir),
		option{short: 'e', long: "eager", flag: func() { h.eager = true }},
		option{short: 'E', long: "not-eager", flag: func() { h.eager = false }},
		flagOption(0, "verifyTLS", &h.verifyTLS),
		textOption('n', "name", &h.name)))
	if err == nil {
		err = h.mail.finish()
	}
	if err == nil && len(rest) != 1 {
		err = errors.New("one URL is wanted")
	}
	if err != nil {
		return s.usage(httpokHelp, err, exitUsage)
	}
	h.url = rest[0]
	if u, err := url.Parse(h.url); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return s.usage(httpokHelp, errors.New("the URL is neither http nor https"), exitUsage)
	}
	if len(h.statuses) == 0 {
		h.statuses = []int{http.StatusOK}
	}
	h.mail.to = addresses(email)
	rpc, err := s.daemon()
	if err != nil {
		s.logf("httpok must be run as a supervisor event listener: %v", err)
		return 0
	}
	defer rpc.Close()
	h.rpc = rpc
	again := newRetry(s, maxTries)
	return s.listen(context.Background(), func(ctx context.Context, e listener.Event) error {
		if !e.Is(eventlistener.TickEvent) {
			return nil
		}
		return again.judge(e, h.check(ctx))
	})
}

// check gets the URL once and acts on the answer.
func (h *httpok) check(ctx context.Context) error {
	if !h.eager {
		all, err := h.rpc.AllProcessInfo(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(p client.ProcessInfo) bool { return h.watches(&p) && p.State == client.Running }) {
			return nil
		}
	}
	status, reason, body, err := h.get(ctx)
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // we are stopping, and know nothing
	case err != nil:
		return h.act(ctx, "bad status returned", fmt.Sprintf("error contacting %s:\n\n %v", h.url, err))
	case !slices.Contains(h.statuses, status):
		return h.act(ctx, "bad status returned", fmt.Sprintf("status contacting %s: %s", h.url, reason))
	case !strings.Contains(body, h.body):
		return h.act(ctx, "bad body returned", fmt.Sprintf("status contacting %s: %s", h.url, reason))
	}
	return nil
}

// watches reports whether a process is one of those to restart.
func (h *httpok) watches(p *client.ProcessInfo) bool {
	if h.any {
		return !h.s.isSelf(p)
	}
	return named(h.programs, p.Group, p.Name)
}

// get gets the URL; as a restarting server refuses connections for a while, it
// tries again as long as the timeout allows.
func (h *httpok) get(ctx context.Context) (status int, reason, body string, err error) {
	transport := &http.Transport{
		DisableKeepAlives: true, // each check is to make a connection of its own
		TLSClientConfig: &tls.Config{
			// An unexpected certificate must not restart what works; Superlance
			// doesn't look at it either.
			InsecureSkipVerify: !h.verifyTLS, //nolint:gosec // as said
			MinVersion:         tls.VersionTLS10,
		},
	}
	c := http.Client{
		Transport:     transport,
		Timeout:       time.Duration(h.timeout) * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for more := (h.timeout - 1) / max(int(h.retryTime/time.Second), 1); ; more-- {
		status, reason, body, err = h.getOnce(ctx, &c)
		if more <= 0 || !errors.Is(err, syscall.ECONNREFUSED) {
			return status, reason, body, err
		}
		wait := time.NewTimer(h.retryTime)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return 0, "", "", ctx.Err()
		}
	}
}

func (h *httpok) getOnce(ctx context.Context, c *http.Client) (status int, reason, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("User-Agent", "httpok")
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close() //nolint:errcheck // read as far as it matters
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp.StatusCode, resp.Status, string(b), err
}

// act restarts the processes and mails about it.
func (h *httpok) act(ctx context.Context, what, why string) error {
	said := []string{why}
	say := func(format string, args ...any) {
		said = append(said, fmt.Sprintf(format, args...))
		h.s.logf("%s", said[len(said)-1])
	}
	all, err := h.rpc.AllProcessInfo(ctx)
	if err != nil {
		return err
	}
	if h.any {
		say("Restarting all running processes")
	} else {
		say("Restarting selected processes %s", pythonList(h.programs))
	}
	missing := slices.Clone(h.programs)
	for i := range all {
		p := &all[i]
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == p.Name || name == p.Group+":"+p.Name })
		if h.watches(p) {
			h.restart(ctx, p, say)
		}
	}
	if len(missing) > 0 {
		say("Programs not restarted because they did not exist: %s", pythonList(missing))
	}
	prefix := "httpok: "
	if h.name != "" {
		prefix = "httpok [" + h.name + "]: "
	}
	if err := h.mail.send(ctx, prefix+h.url+": "+what, strings.Join(said, "\n")); err != nil {
		h.s.logf("%v", err) // what was to be done is done
	}
	return nil
}

func (h *httpok) restart(ctx context.Context, p *client.ProcessInfo, say func(string, ...any)) {
	name := p.Namespec()
	if p.State != client.Running {
		say("%s not in RUNNING state, NOT restarting", name)
		return
	}
	if h.coredir != "" && h.gcore != "" {
		h.dump(ctx, p, say)
	}
	say("%s is in RUNNING state, restarting", name)
	if err := h.rpc.StopProcess(ctx, name, true); err != nil {
		say("Failed to stop process %s: %v", name, err)
	}
	if err := h.rpc.StartProcess(ctx, name, true); err != nil {
		say("Failed to start process %s: %v", name, err)
		return
	}
	say("%s restarted", name)
}

// dump writes a core file; what gcore prints goes into the mail.
func (h *httpok) dump(ctx context.Context, p *client.ProcessInfo, say func(string, ...any)) {
	var printed strings.Builder
	s := h.s
	s.stderr = &printed
	err := runShell(ctx, s, h.gcore+` "$1" "$2"`, "", filepath.Join(h.coredir, p.Namespec()), strconv.Itoa(p.Pid))
	if err != nil {
		s.logf("%v", err)
	}
	say("gcore output for %s:\n\n %s", p.Namespec(), printed.String())
}

// pythonList writes a list as Superlance's messages show it.
func pythonList(list []string) string {
	quoted := make([]string, len(list))
	for i := range list {
		quoted[i] = "'" + list[i] + "'"
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
