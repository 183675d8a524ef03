package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
)

// topEvery is how often top refreshes by default.
const topEvery = 2 * time.Second

func (verbs) Top() Action {
	return Action{
		Name: "top", Extra: true, OneServer: true,
		Help: "top [--every SECONDS]\tWatch all processes, full-screen: state, CPU, memory, restarts; start,\n" +
			"\t\t\tstop and restart them and read their logs. Its key ? explains it.\n" +
			"top --once [--json]\tPrint what it would show, once.",
		Flags: []Flag{
			{Name: "every", Value: true, Help: "seconds between two looks; default 2"},
			{Name: "once", Help: "print one look and end"},
		},
		Complete: completeNothing, JSON: []document{{form: "top --once", value: []topObject{}}},
		Run: top,
	}
}

func top(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	every := topEvery
	if given, ok := r.flags["every"]; ok {
		seconds, err := strconv.ParseFloat(given, 64)
		if err != nil || seconds < 0.1 || seconds > 3600 {
			return answer{}, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: bad --every %q: 0.1 to 3600 seconds", given))
		}
		every = time.Duration(seconds * float64(time.Second))
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	source := &daemonTop{run: r, name: fleetName(r.ctx, r.server)}
	if _, once := r.flags["once"]; once {
		return topOnce(r, source)
	}
	in, out := terminalOf(r.ctl.in.file), terminalOf(r.out)
	if in == nil || out == nil {
		return answer{}, refuseText("Error: top needs a terminal; top --once does not")
	}
	if os.Getenv("TERM") == "dumb" {
		return answer{}, refuseText("Error: top needs a terminal that can move its cursor; top --once does not")
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer source.streams.Wait()
	defer cancel()
	m := newTopModel(ctx, source, every, r.colour())
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out)).Run()
	if r.ctx.Err() != nil {
		err = nil
	}
	return answer{printed: true}, err
}

// daemonTop looks at a supervisord, Hark's or Supervisor's.
type daemonTop struct {
	run     *run
	name    string
	streams sync.WaitGroup
}

func (d *daemonTop) identifier() string { return d.name }

func (d *daemonTop) processes(ctx context.Context) ([]topRow, error) {
	v, err := d.run.server.call(ctx, "hark.getProcessStats")
	told := err == nil
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		v, err = d.run.server.call(ctx, "supervisor.getAllProcessInfo")
	}
	all, err := asked[[]processStats](v, err)
	if err != nil {
		return nil, plainError(err)
	}
	rows := make([]topRow, len(all))
	for i, p := range all {
		p.told = told && p.Ended != nil
		rows[i] = topRow{namespec: p.Namespec, state: p.State, style: p.stateStyle(), reason: p.reason(), pid: p.PID, restarts: p.Restarts, cpu: -1, rss: -1}
		if p.told {
			rows[i].exitStatus, rows[i].signal = p.Ended, p.Signal
		}
		if p.CPU != nil {
			rows[i].cpu = *p.CPU
		}
		if p.RSS != nil {
			rows[i].rss = *p.RSS
		}
		if p.PID != 0 {
			rows[i].reason, rows[i].uptime = "", time.Duration(max(0, p.Now-p.Start))*time.Second
			if p.told && p.Restarts > 0 {
				rows[i].last = p.lastEnd()
			}
		}
	}
	return rows, nil
}

// processStats is what a process uses (hark.getProcessStats); Supervisor's daemon has only its info.
type processStats struct {
	processInfo
	Restarts int      `json:"restarts"`
	Ended    *int     `rpc:"exitstatus"`   // nil: it never has
	CPU      *float64 `json:"cpu_percent"` // nil: not known
	RSS      *float64 `json:"rss"`         // bytes; nil: not known
}

// act does what the action of that name does, and reports what it printed.
func (d *daemonTop) act(ctx context.Context, verb, name string) (string, error) {
	var out bytes.Buffer
	r := &run{ctx: ctx, ctl: d.run.ctl, server: d.run.server, action: find(d.run.ctl.actions, verb), out: &out, err: &out}
	if err := r.perform(name); err != nil {
		return "", plainError(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "; "), nil
}

// tail is the end of a log with its colours, which XML cannot carry, if the daemon provides it.
func (d *daemonTop) tail(ctx context.Context, name, channel string, length int) (string, error) {
	if text, err := d.run.server.logEnd(ctx, "/logtail/"+name+"/"+channel, length); err == nil {
		return text, nil
	}
	method := "supervisor.tailProcessStdoutLog"
	if channel == "stderr" {
		method = "supervisor.tailProcessStderrLog"
	}
	v, err := d.run.server.call(ctx, method, name, 0, length)
	if unsendable(err) {
		err = errUnsendable
	}
	if err != nil {
		return "", plainError(err)
	}
	parts, _ := v.([]any)
	if len(parts) == 0 {
		return "", nil
	}
	return decode[string](parts[0])
}

// topEventTypes are the events that top shows.
const topEventTypes = "PROCESS_STATE,PROCESS_GROUP,PROCESS_COMMUNICATION,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE,HARK"

func (d *daemonTop) events(ctx context.Context) <-chan happened {
	came := make(chan happened, 100)
	d.streams.Go(func() {
		defer close(came)
		last := "0"
		emit := func(e streamEvent) error {
			if e.kind == "notice" {
				return nil
			}
			last = e.id
			select {
			case came <- happening(e.data):
			case <-ctx.Done():
			}
			return ctx.Err()
		}
		for {
			err := d.run.server.events(ctx, url.Values{"types": {topEventTypes}}, last, emit)
			var refused *protocolError
			if errors.As(err, &refused) && refused.code >= 400 && refused.code < 500 {
				select {
				case came <- happened{text: "this supervisord gives no events: " + refused.plain(), style: styleBad}:
				case <-ctx.Done():
				}
				return
			}
			if pause(ctx, eventsRetry) != nil {
				return
			}
		}
	})
	return came
}

// plainError is an error in a few words.
func plainError(err error) error {
	f := describe(err)
	return errors.New(f.forPeople())
}

// topObject is a row of top --once --json.
type topObject struct {
	Namespec string   `json:"namespec"`
	State    string   `json:"state"`
	Pid      int      `json:"pid"`
	Uptime   int      `json:"uptime" doc:"seconds"`
	CPU      *float64 `json:"cpu_percent" doc:"null where not known"`
	RSS      *int64   `json:"rss" doc:"bytes; null where not known"`
	Restarts int      `json:"restarts"`

	ExitStatus *int   `json:"exitstatus,omitempty" doc:"of its last process that has ended, -1 for a signal; missing if none has, and from Supervisor's daemon"`
	Signal     string `json:"signal,omitempty" doc:"the signal that ended that, such as SIGSEGV; missing for none"`
}

// topOnce looks twice, so that there are percentages.
func topOnce(r *run, source *daemonTop) (answer, error) {
	if _, err := source.processes(r.ctx); err != nil {
		return answer{}, err
	}
	if err := pause(r.ctx, 1100*time.Millisecond); err != nil {
		return answer{}, err
	}
	rows, err := source.processes(r.ctx)
	if err != nil {
		return answer{}, err
	}
	objects := make([]topObject, len(rows))
	for i, row := range rows {
		o := topObject{Namespec: row.namespec, State: row.state, Pid: row.pid, Uptime: int(row.uptime.Seconds()), Restarts: row.restarts, ExitStatus: row.exitStatus, Signal: row.signal}
		if row.cpu >= 0 {
			o.CPU = &row.cpu
		}
		if row.rss >= 0 {
			size := int64(row.rss)
			o.RSS = &size
		}
		objects[i] = o
	}
	m := newTopModel(r.ctx, source, topEvery, false)
	m.all, m.loaded, m.width = rows, true, 1<<10
	m.arrange()
	var b strings.Builder
	columns := m.columns()
	columns.table = true
	b.WriteString(strings.TrimRight(columns.heading(), " ") + "\n")
	m.chosen = ""
	for i := range m.rows {
		b.WriteString(strings.TrimRight(m.row(&columns, &m.rows[i]), " ") + "\n")
	}
	return answer{value: objects, text: b.String()}, nil
}
