package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

// topEvery is how often top looks, if it is not told.
const topEvery = 2 * time.Second

func topAction() Action {
	return Action{
		Name: "top", Extra: true,
		Help: "top [--every SECONDS]\tWatch all processes, full-screen: state, CPU, memory, restarts; start,\n" +
			"\t\t\tstop and restart them and read their logs. Its key ? explains it.\n" +
			"top --once [--json]\tPrint what it would show, once.",
		Flags: []Flag{
			{Name: "every", Value: true, Help: "seconds between two looks; default 2"},
			{Name: "once", Help: "print one look and end"},
			{Name: "json", Help: "with --once: an array of objects"},
		},
		Complete: completeNothing,
		Run:      top,
	}
}

func top(r *run, arg string) error {
	if r.refuseArguments(arg) {
		return nil
	}
	every := topEvery
	if given, ok := r.flags["every"]; ok {
		seconds, err := strconv.ParseFloat(given, 64)
		if err != nil || seconds < 0.1 || seconds > 3600 {
			r.misuse(exitInvalidArgs, fmt.Sprintf("Error: bad --every %q: 0.1 to 3600 seconds", given))
			return nil
		}
		every = time.Duration(seconds * float64(time.Second))
	}
	if ok, err := r.up(); !ok {
		return err
	}
	source := &daemonTop{run: r, name: fleetName(r.ctx, r.server)}
	if _, once := r.flags["once"]; once {
		return topOnce(r, source)
	}
	in, out := terminalOf(r.ctl.in.file), terminalOf(r.out)
	if in == nil || out == nil {
		r.println("Error: top needs a terminal; top --once does not")
		r.status = exitGeneric
		return nil
	}
	m := newTopModel(r.ctx, source, every, r.colour())
	_, err := tea.NewProgram(m, tea.WithContext(r.ctx), tea.WithInput(in), tea.WithOutput(out)).Run()
	if r.ctx.Err() != nil {
		return nil
	}
	return err
}

// daemonTop looks at a supervisord, Hark's or Supervisor's.
type daemonTop struct {
	run  *run
	name string
}

func (d *daemonTop) identifier() string { return d.name }

func (d *daemonTop) processes(ctx context.Context) ([]topRow, error) {
	v, err := d.run.server.call(ctx, "hark.getProcessStats")
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		v, err = d.run.server.call(ctx, "supervisor.getAllProcessInfo")
	}
	if err != nil {
		return nil, plainError(err)
	}
	var rows []topRow
	for _, s := range structsOf(v) {
		row := topRow{
			namespec: namespecIn(s), state: stringOf(s, "statename"), description: stringOf(s, "description"), pid: intOf(s, "pid"),
			restarts: intOf(s, "restarts"), cpu: floatOf(s, "cpu_percent", -1), rss: floatOf(s, "rss", -1),
		}
		if row.pid != 0 {
			row.uptime = time.Duration(max(0, intOf(s, "now")-intOf(s, "start"))) * time.Second
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// act does what the action of that name does, and reports what it printed.
func (d *daemonTop) act(ctx context.Context, verb, name string) (string, error) {
	var out bytes.Buffer
	r := &run{ctx: ctx, ctl: d.run.ctl, server: d.run.server, action: find(d.run.ctl.actions, verb), out: &out, err: &out}
	if err := r.action.Run(r, name); err != nil {
		return "", plainError(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", "; "), nil
}

func (d *daemonTop) tail(ctx context.Context, name, channel string, length int) (string, error) {
	method := "supervisor.tailProcessStdoutLog"
	if channel == "stderr" {
		method = "supervisor.tailProcessStderrLog"
	}
	v, err := d.run.server.call(ctx, method, name, 0, length)
	if err != nil {
		return "", plainError(err)
	}
	parts, _ := v.([]any)
	if len(parts) == 0 {
		return "", nil
	}
	text, _ := parts[0].(string)
	return text, nil
}

// plainError is an error in a few words.
func plainError(err error) error {
	if f := asFault(err); f != nil {
		return fmt.Errorf("%s", f.String)
	}
	return fmt.Errorf("%s", describe(err).text)
}

// topObject is a row of top --once --json.
type topObject struct {
	Namespec string   `json:"namespec"`
	State    string   `json:"state"`
	Pid      int      `json:"pid"`
	Uptime   int      `json:"uptime"`      // seconds
	CPU      *float64 `json:"cpu_percent"` // null: not told
	RSS      *int64   `json:"rss"`         // bytes; null: not told
	Restarts int      `json:"restarts"`
}

// topOnce looks twice, so that there are percentages.
func topOnce(r *run, source *daemonTop) error {
	if _, err := source.processes(r.ctx); err != nil {
		return err
	}
	if err := pause(r.ctx, 1100*time.Millisecond); err != nil {
		return err
	}
	rows, err := source.processes(r.ctx)
	if err != nil {
		return err
	}
	if _, asked := r.flags["json"]; asked {
		objects := make([]topObject, len(rows))
		for i, row := range rows {
			o := topObject{Namespec: row.namespec, State: row.state, Pid: row.pid, Uptime: int(row.uptime.Seconds()), Restarts: row.restarts}
			if row.cpu >= 0 {
				o.CPU = &row.cpu
			}
			if row.rss >= 0 {
				size := int64(row.rss)
				o.RSS = &size
			}
			objects[i] = o
		}
		return r.printJSON(objects)
	}
	m := newTopModel(r.ctx, source, topEvery, false)
	m.all, m.loaded, m.width = rows, true, 1<<10
	m.arrange()
	r.println(strings.TrimRight(m.heading(), " "))
	m.chosen = ""
	for i := range m.rows {
		r.println(strings.TrimRight(m.row(&m.rows[i]), " "))
	}
	return nil
}
