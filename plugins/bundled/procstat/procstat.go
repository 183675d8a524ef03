// Package procstat is the plugin that reports what programs use: CPU time, memory, threads, open files and bytes read and written, of each
// process and of what descends from it. README.md has the methods and what they count.
package procstat

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hark-supervisor/hark/sdk"
)

const (
	// version is the plugin's own.
	version = "1.0.0"
	// apiVersion is of the methods: members of structs may be added without a new one.
	apiVersion = "1.0"
	// askTime is how long the daemon may take to list its processes when the plugin itself asks.
	askTime = 10 * time.Second
	// gcPercent is for the whole process, which is the plugin's: reading hundreds of files makes rubbish, which the runtime would else let
	// grow to 4 MB.
	gcPercent = 20
)

// The faults that the methods answer with (supervisor/xmlrpc.py, Faults).
const (
	incorrectParameters = 2
	badName             = 10
	failed              = 30
)

// config holds the keys of [rpcinterface:x] with plugin = procstat.
type config struct {
	Interval time.Duration `hark:"sample_interval,zero" min:"1s" doc:"interval of samples, so that the first call has percentages too; 0: only calls take samples"`
}

// Plugin is the plugin.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Name: "procstat", Version: version, Doc: "Returns what programs and their descendants use.",
		Kinds: []sdk.Kind{sdk.NamespaceOf(config{}, func(_ context.Context, c config, i sdk.Instance) (sdk.Namespace, error) {
			return newNamespace(c, i, newTable())
		})},
	}
}

// namespace is sdk.Namespace's and sdk.Closer's.
type namespace struct {
	host    sdk.Host
	meter   *meter
	quit    context.CancelFunc // of the sampling; nil: there is none
	sampled chan struct{}      // closed when it has ended
}

func newNamespace(c config, i sdk.Instance, table table) (*namespace, error) {
	if _, err := table(nil); err != nil {
		return nil, &sdk.ConfigError{Text: err.Error()}
	}
	debug.SetGCPercent(gcPercent)
	n := &namespace{host: i.Host, meter: newMeter(table)}
	if c.Interval > 0 {
		var ctx context.Context
		ctx, n.quit = context.WithCancel(context.Background())
		n.sampled = make(chan struct{})
		go n.sample(ctx, c.Interval, i)
	}
	return n, nil
}

// sample takes samples until ctx ends. A failure is logged once, until it works again.
func (n *namespace) sample(ctx context.Context, every time.Duration, i sdk.Instance) {
	defer close(n.sampled)
	tick := time.NewTicker(every)
	defer tick.Stop()
	fails := false
	for {
		asking, cancel := context.WithTimeout(ctx, askTime)
		_, err := n.all(asking)
		cancel()
		if err != nil && !fails && ctx.Err() == nil {
			i.Log.Warn("cannot take a sample", "error", err)
		}
		fails = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Close implements sdk.Closer.
func (n *namespace) Close(context.Context) error {
	if n.quit != nil {
		n.quit()
		<-n.sampled
	}
	return nil
}

// Methods implements sdk.Namespace.
func (n *namespace) Methods() []sdk.Method {
	const members = "name, group, state, statename, pid; and, where it runs and can be looked at, started, uptime, own and total,\n" +
		"which are structs of cpu_seconds, cpu_user_seconds, cpu_system_seconds, rss, vms, threads, fds, read_bytes, write_bytes, read_chars,\n" +
		"write_chars and, from the second sample on, cpu_percent; total has processes, too."
	return []sdk.Method{
		{
			Name: "getAPIVersion", ReadOnly: true, Returns: sdk.Param{Type: "string", Name: "version", Help: "the version of these methods"},
			Help: "Return the version of the interface.",
		},
		{
			Name: "getProcessStats", ReadOnly: true, Params: []sdk.Param{{Type: "string", Name: "name", Help: "the process, as name or group:name"}},
			Returns: sdk.Param{Type: "struct", Name: "stats", Help: "what it uses, or BAD_NAME"},
			Help:    "Return what a process uses (own), and what it uses together with its descendants (total).\nMembers: " + members,
		},
		{
			Name: "getAllProcessStats", ReadOnly: true, Returns: sdk.Param{Type: "array", Name: "stats", Help: "a struct for each process"},
			Help: "Return what all processes use, as getProcessStats does.\nMembers: " + members,
		},
	}
}

// Call implements sdk.Namespace.
func (n *namespace) Call(ctx context.Context, method string, params []any) (any, error) {
	if method == "getAPIVersion" {
		return apiVersion, nil
	}
	name := ""
	if method == "getProcessStats" {
		var ok bool
		if name, ok = params[0].(string); !ok {
			return nil, &sdk.Fault{Code: incorrectParameters, Text: "INCORRECT_PARAMETERS"}
		}
	}
	rows, err := n.all(ctx)
	if err != nil {
		return nil, fault(err)
	}
	if method == "getProcessStats" {
		for i := range rows {
			if rows[i].is(name) {
				return rows[i].answer(), nil
			}
		}
		return nil, &sdk.Fault{Code: badName, Text: "BAD_NAME: " + name}
	}
	all := make([]any, len(rows))
	for i := range rows {
		all[i] = rows[i].answer()
	}
	return all, nil
}

// fault keeps the daemon's codes, such as SHUTDOWN_STATE.
func fault(err error) error {
	f, ok := errors.AsType[*sdk.Fault](err)
	switch {
	case !ok:
		return &sdk.Fault{Code: failed, Text: fmt.Sprintf("FAILED: %v", err)}
	case f.Code == forbidden:
		return &sdk.Fault{Code: failed, Text: "FAILED: the plugin may not ask which processes there are: its section [plugin:procstat] needs permissions = read"}
	}
	return f
}

// forbidden is the code with which the host refuses a call back.
const forbidden = 403

// all asks the daemon for its processes and the system for what they use.
func (n *namespace) all(ctx context.Context) ([]row, error) {
	answer, err := n.host.Call(ctx, "supervisor.getAllProcessInfo")
	if err != nil {
		return nil, err
	}
	rows, err := rowsOf(answer)
	if err != nil {
		return nil, err
	}
	return rows, n.meter.measure(rows)
}
