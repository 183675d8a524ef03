package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/sdk/client"
	"github.com/hark-supervisor/hark/sdk/listener"
)

const memmonHelp = `memmon [-c] [-p PROCESS=SIZE]... [-g GROUP=SIZE]... [-a SIZE] [-s SENDMAIL]
       [-m ADDRESS] [-u TIME] [-n NAME]

Restarts processes whose resident memory is above a size. Subscribe it to TICK_60
(or TICK_5). It calls supervisord, so a server must be configured.

  -p, --program PROCESS=SIZE    this process (name, or group:name); may be repeated
  -g, --group GROUP=SIZE        any process of this group; may be repeated
  -a, --any SIZE                any process
  -c, --cumulative              include a process's descendants
  -m, --email ADDRESS           recipient of mails about restarts
  -u, --uptime TIME             mail only if the process was not up for longer
  -n, --name NAME               name of this memmon in the mails' subjects
  -s, --sendmail_program CMD    command that reads the mail from stdin ("/usr/sbin/sendmail -t -i")

A SIZE is a number of bytes, or one with KB, MB or GB; a TIME a number of seconds, or
one with m, h or d.
` + smtpHelp

type memmon struct {
	s          surroundings
	rpc        supervisord
	table      func(context.Context) (processTable, error)
	cumulative bool
	programs   map[string]int64
	groups     map[string]int64
	any        int64 // -1: not given
	uptime     time.Duration
	name       string
	mail       mailer
	failed     error
	stop       context.CancelFunc
}

func runMemmon(s surroundings, args []string) int {
	m := &memmon{
		s: s, table: readProcessTable, programs: map[string]int64{}, groups: map[string]int64{},
		any: -1, uptime: math.MaxInt64, mail: mailer{s: s, sendmail: defaultSendmail},
	}
	if len(args) == 0 {
		return s.usage(memmonHelp, nil, exitUsage)
	}
	var email string
	sized := func(to map[string]int64) func(string) error {
		return func(v string) error {
			name, size, ok := strings.Cut(v, "=")
			if !ok {
				return fmt.Errorf("cannot use %q: not NAME=SIZE", v)
			}
			n, err := parseSize(size)
			to[name] = n
			return err
		}
	}
	_, err := parseOptions(args, false, append(m.mail.smtpOptions(),
		flagOption('c', "cumulative", &m.cumulative),
		option{short: 'p', long: "program", takes: sized(m.programs)},
		option{short: 'g', long: "group", takes: sized(m.groups)},
		option{short: 'a', long: "any", takes: func(v string) (err error) { m.any, err = parseSize(v); return err }},
		option{short: 'u', long: "uptime", takes: func(v string) (err error) { m.uptime, err = parseSeconds(v); return err }},
		textOption('s', "sendmail_program", &m.mail.sendmail),
		textOption('m', "email", &email),
		textOption('n', "name", &m.name)))
	if err == nil {
		err = m.mail.finish()
	}
	if err != nil {
		return s.usage(memmonHelp, err, exitUsage)
	}
	m.mail.to = addresses(email)
	rpc, err := s.daemon()
	if err != nil {
		s.logf("memmon must be run as a supervisor event listener: %v", err)
		return exitFailed
	}
	defer rpc.Close()
	m.rpc = rpc
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	m.stop = stop
	again := newRetry(s, maxTries)
	status := s.listen(ctx, func(ctx context.Context, e listener.Event) error {
		if !e.Is(eventlistener.TickEvent) {
			return nil
		}
		return again.judge(e, m.check(ctx))
	})
	if m.failed != nil {
		return exitFailed
	}
	return status
}

// check looks at all processes once.
func (m *memmon) check(ctx context.Context) error {
	var said []string
	if len(m.programs) > 0 {
		said = append(said, "Checking programs "+sizes(m.programs))
	}
	if len(m.groups) > 0 {
		said = append(said, "Checking groups "+sizes(m.groups))
	}
	if m.any >= 0 {
		said = append(said, fmt.Sprintf("Checking any=%d", m.any))
	}
	m.s.logf("%s", strings.Join(said, "\n"))

	all, err := m.rpc.AllProcessInfo(ctx)
	if err != nil {
		return err
	}
	table, err := m.table(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		p := &all[i]
		limits := m.limits(p)
		if p.Pid == 0 || len(limits) == 0 {
			continue
		}
		rss, ok := table.rss(p.Pid, m.cumulative)
		if !ok {
			continue // it has ended meanwhile
		}
		m.s.logf("RSS of %s:%s is %d", p.Group, p.Name, rss)
		if rss <= slices.Min(limits) {
			continue
		}
		if m.s.isSelf(p) {
			m.s.logf("%s:%s is this memmon itself, not restarting it", p.Group, p.Name)
			continue
		}
		if err := m.restart(ctx, p, rss); err != nil {
			m.failed = err
			m.stop() // as Superlance's, which ends there
			return err
		}
	}
	return nil
}

// limits are those that hold for a process.
func (m *memmon) limits(p *client.ProcessInfo) []int64 {
	var all []int64
	for _, name := range []string{p.Name, p.Group + ":" + p.Name} {
		if n, ok := m.programs[name]; ok {
			all = append(all, n)
		}
	}
	if n, ok := m.groups[p.Group]; ok {
		all = append(all, n)
	}
	if m.any >= 0 {
		all = append(all, m.any)
	}
	return all
}

// restart stops and starts a process. An error is a fault, of which has been
// mailed.
func (m *memmon) restart(ctx context.Context, p *client.ProcessInfo, rss int64) error {
	name := p.Group + ":" + p.Name
	info, err := m.rpc.ProcessInfo(ctx, name)
	if err != nil {
		return err
	}
	m.s.logf("Restarting %s", name)
	if err := m.rpc.StopProcess(ctx, name, true); err != nil {
		return m.giveUp(ctx, "failed to stop process "+name+", exiting",
			fmt.Sprintf("Failed to stop process %s (RSS %d), exiting: %v", name, rss, err))
	}
	if err := m.rpc.StartProcess(ctx, name, true); err != nil {
		return m.giveUp(ctx, "failed to start process "+name+", exiting",
			fmt.Sprintf("Failed to start process %s after stopping it, exiting: %v", name, err))
	}
	if time.Duration(info.Now-info.Start)*time.Second > m.uptime {
		return nil
	}
	now := m.s.now()
	err = m.mail.send(ctx, m.subject("process "+name+" restarted"),
		fmt.Sprintf("memmon restarted the process named %s at %s %s because it was consuming too much memory (%d bytes RSS)",
			name, now.Format(time.ANSIC), now.Format("MST"), rss))
	if err != nil { // the restart is done; to come back would not do it again
		m.s.logf("%v", err)
	}
	return nil
}

func (m *memmon) giveUp(ctx context.Context, subject, text string) error {
	m.s.logf("%s", text)
	if err := m.mail.send(ctx, m.subject(subject), text); err != nil {
		m.s.logf("%v", err)
	}
	return errors.New(text)
}

func (m *memmon) subject(text string) string {
	if m.name == "" {
		return "memmon: " + text
	}
	return "memmon [" + m.name + "]: " + text
}

func sizes(of map[string]int64) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, fmt.Sprintf("%s=%d", name, of[name]))
	}
	return strings.Join(all, ", ")
}
