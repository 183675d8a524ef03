package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hark-supervisor/hark/core/xmlrpc"
)

// structJSON prints a struct of an answer as a JSON object with the members in the
// answer's order.
type structJSON xmlrpc.Struct

// MarshalJSON implements json.Marshaler.
func (s structJSON) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range s {
		name, err := json.Marshal(m.Name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(jsonValue(m.Value))
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// jsonValue is a value of an answer as encoding/json is to see it.
func jsonValue(v any) any {
	switch v := v.(type) {
	case xmlrpc.Struct:
		return structJSON(v)
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = jsonValue(v[i])
		}
		return all
	}
	return v
}

// table prints rows under a header, in columns. A cell is made safe to print and may be
// empty, which shows as a dash; the last column may be of any length.
func (r *run) table(header string, rows [][]string) {
	w := tabwriter.NewWriter(r.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = printable(cell); cells[i] == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
}

// ago is how long a moment of an answer (seconds since 1970; 0 for never) is past.
func ago(now time.Time, at int) string {
	if at == 0 {
		return "never"
	}
	return span(now.Sub(time.Unix(int64(at), 0))) + " ago"
}

// span is a length of time for people: its largest unit and the next.
func span(d time.Duration) string {
	s := int(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// ask makes a call of Hark's own that is answered at once. It says so, and returns false,
// where the daemon does not know the method: Supervisor's has none of them.
func (r *run) ask(method string, args ...any) (any, bool, error) {
	if ok, err := r.up(); !ok {
		return nil, false, err
	}
	v, err := r.server.call(r.ctx, "hark."+method, args...)
	if f := asFault(err); f != nil && f.Code == faultUnknownMethod {
		r.println("Error: this supervisord does not know hark." + method + "; it is Supervisor's, or an old one")
		r.status = exitUnimplementedFeature
		return nil, false, nil
	}
	return v, err == nil, err
}

// wantsJSON reports whether --json was given.
func (r *run) wantsJSON() bool {
	_, asked := r.flags["json"]
	return asked
}

// jsonFlag is --json of the actions that print a table.
func jsonFlag() Flag { return Flag{Name: "json", Help: "print JSON (docs/supervisorctl.md)"} }
