package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/eventlistener"
	"github.com/hark-supervisor/hark/internal/pytext"
)

// eventsRetry is the pause before a stream that broke is opened again.
const eventsRetry = 2 * time.Second

func (verbs) Events() Action {
	return Action{
		Name: "events", Extra: true, Endless: true, GoesOn: func(string) bool { return true },
		Help: "events [-f] [TYPE]... [--program PATTERN[,PATTERN]] [--json] [--count N] [--since ID]\n" +
			"\t\t\tShow events as they happen, until Ctrl-C or N of them. A type stands\n" +
			"\t\t\tfor all below it; default all. Events missed while the daemon was\n" +
			"\t\t\taway are made up for, as far as it still has them.",
		Flags: []Flag{
			{Name: "program", Value: true, Help: "only events about these processes, and those about none"},
			{Name: "count", Value: true, Help: "end after so many events"},
			{Name: "since", Value: true, Help: "begin after the event of this number, 0 for all that are kept"},
		},
		Complete: completeWords(func() []string {
			var names []string
			for _, t := range eventlistener.Types() {
				names = append(names, t.String())
			}
			return names
		}),
		JSON: []document{{form: "events", text: "an object a line, as the daemon sends it ([events.md](events.md))"}},
		Run:  showEvents,
	}
}

// errStreamEnded: a stream that had been open is no more.
var errStreamEnded = errors.New("the stream has ended")

// errEnough ends a stream that has shown what was asked for.
var errEnough = errors.New("enough")

func showEvents(r *run, arg string) (answer, error) {
	var types []string
	for _, word := range strings.Fields(arg) {
		if word == "-f" { // it always does
			continue
		}
		if _, ok := eventlistener.ParseType(strings.ToUpper(word)); !ok {
			return answer{}, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: there is no event type %q", word))
		}
		types = append(types, strings.ToUpper(word))
	}
	count, last := 0, r.flags["since"]
	for name, to := range map[string]*int{"count": &count, "since": new(int)} {
		if given, ok := r.flags[name]; ok {
			n, err := strconv.Atoi(given)
			if err != nil || n < 0 {
				return answer{}, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: bad --%s %q: a number", name, given))
			}
			*to = n
		}
	}
	if err := r.up(); err != nil {
		return answer{}, err
	}
	query := url.Values{}
	if len(types) > 0 {
		query.Set("types", strings.Join(types, ","))
	}
	if programs := r.flags["program"]; programs != "" {
		query.Set("programs", programs)
	}
	shown := 0
	emit := func(e streamEvent) error {
		switch {
		case e.kind == "notice":
			r.hint(notice(e.data))
			return nil
		case r.json:
			r.println(e.data)
		default:
			r.println(eventLine(e.data))
		}
		last = e.id
		if shown++; shown == count {
			return errEnough
		}
		return nil
	}
	done := answer{printed: true}
	for opened := false; ; opened = true {
		err := r.server.events(r.ctx, query, last, emit)
		var refused *protocolError
		switch {
		case errors.Is(err, errEnough), r.ctx.Err() != nil:
			return done, nil
		case errors.As(err, &refused) && refused.code == http.StatusNotFound:
			return done, refuse(failed(exitUnimplementedFeature, "Error: this supervisord has no stream of events; it is Supervisor's, or an old one"))
		case refused != nil && refused.code >= 400 && refused.code < 500: // it will not be otherwise the next time
			return done, err
		case err != nil && !errors.Is(err, errStreamEnded) && !opened, errors.Is(err, errEventTooLong):
			return done, err
		}
		r.hint("the stream has ended; trying again until Ctrl-C")
		for {
			if pause(r.ctx, eventsRetry) != nil {
				return done, nil
			}
			_, err := r.call("getVersion")
			if err == nil {
				break
			}
			if errors.As(err, &refused) && refused.code >= 400 && refused.code < 500 {
				return done, err
			}
		}
	}
}

// events opens a stream and gives each event to emit; last is the id of the one
// before, "" for none.
func (c *client) events(ctx context.Context, query url.Values, last string, emit func(streamEvent) error) error {
	req, err := c.request(ctx, http.MethodGet, "/events", nil)
	if err != nil {
		return err
	}
	req.URL.RawQuery = query.Encode()
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, release, err := c.open(req)
	if err != nil {
		return err
	}
	defer release()
	defer resp.Body.Close() //nolint:errcheck // it was only read
	if resp.StatusCode != http.StatusOK {
		return protocolRefusal(resp)
	}
	err = readEvents(resp.Body, emit)
	if err == nil || !errors.Is(err, errEnough) && !errors.Is(err, errEventTooLong) {
		return errors.Join(errStreamEnded, err)
	}
	return err
}

// notice says in words what the stream says about itself.
func notice(data string) string {
	var n struct {
		Notice    string
		Discarded int
	}
	if json.Unmarshal([]byte(data), &n) == nil {
		switch n.Notice {
		case "gap":
			return "some of the events in between are no longer kept"
		case "slow":
			return fmt.Sprintf("the daemon gave up on us: %d events were lost, being read too slowly", n.Discarded)
		}
	}
	return data
}

// eventLine is an event for people: when, what, about whom, and the rest of its
// members as they come.
func eventLine(data string) string {
	members, err := orderedMembers(data)
	if err != nil {
		return printable(data)
	}
	get := func(name string) string {
		i := slices.IndexFunc(members, func(m [2]string) bool { return m[0] == name })
		if i < 0 {
			return ""
		}
		return members[i][1]
	}
	when := get("time")
	if at, err := time.Parse(time.RFC3339, when); err == nil {
		when = at.Local().Format("15:04:05.000")
	}
	line := when + " " + get("eventname")
	if process := get("processname"); process != "" {
		line += " " + printable(pytext.Namespec(get("groupname"), process))
	} else if group := get("groupname"); group != "" {
		line += " " + printable(group)
	}
	for _, m := range members {
		switch m[0] {
		case "time", "eventname", "processname", "groupname", "seq":
		default:
			if strings.ContainsAny(m[1], " \"=") || m[1] == "" || printable(m[1]) != m[1] {
				m[1] = strconv.Quote(m[1])
			}
			line += " " + printable(m[0]) + "=" + m[1]
		}
	}
	return line
}

// orderedMembers are the members of a JSON object in their order, values as text.
func orderedMembers(data string) (members [][2]string, err error) {
	decoder := json.NewDecoder(strings.NewReader(data))
	if t, err := decoder.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("cannot read event %q: no object", data)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		text := string(value)
		var s string
		if json.Unmarshal(value, &s) == nil {
			text = s
		}
		members = append(members, [2]string{fmt.Sprint(name), text})
	}
	return members, nil
}
