package loki

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/hark-supervisor/hark/plugins/bundled/internal/lines"
)

// push is the body of the push API (grafana.com/docs/loki/latest/reference/loki-http-api, "Ingest logs").
type push struct {
	Streams []*stream `json:"streams"`
}

type stream struct {
	Labels  map[string]string `json:"stream"`
	Entries []value           `json:"values"`
}

// value is a line of a stream.
type value struct {
	time     int64
	line     string
	metadata map[string]string // nil for none
}

// MarshalJSON makes [nanoseconds, line] or [nanoseconds, line, metadata] of it.
func (v value) MarshalJSON() ([]byte, error) {
	all := []any{strconv.FormatInt(v.time, 10), v.line}
	if v.metadata != nil {
		all = append(all, v.metadata)
	}
	return json.Marshal(all)
}

// labels distinguish streams: each has few values, as Loki recommends.
type labels struct{ group, process, channel string }

// entry is a line that is not pushed yet.
type entry struct {
	labels
	time  int64 // ns since 1970
	line  string
	pid   int
	start uint64 // its offset in the channel
}

func (o *backend) entry(l *lines.Line) entry {
	of := labels{text(l.Group), text(l.Process), l.Channel}
	return entry{of, o.clock.Of(l).UnixNano(), text(string(l.Data)), l.Pid, l.Offset}
}

func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// body makes a push of some entries, those of a stream together and in order.
func (c *config) body(host string, entries []entry) *push {
	var p push
	by := map[labels]*stream{}
	for i := range entries {
		e := &entries[i]
		s := by[e.labels]
		if s == nil {
			s = &stream{Labels: map[string]string{"host": host, "group": e.group, "process": e.process, "channel": e.channel}}
			if name := c.serviceOf(e.group); name != "" {
				s.Labels[service] = name
			}
			for name, value := range c.Labels {
				s.Labels[name] = value
			}
			by[e.labels] = s
			p.Streams = append(p.Streams, s)
		}
		v := value{time: e.time, line: e.line}
		if c.Metadata {
			v.metadata = map[string]string{"pid": strconv.Itoa(e.pid), "offset": strconv.FormatUint(e.start, 10)}
		}
		s.Entries = append(s.Entries, v)
	}
	return &p
}
