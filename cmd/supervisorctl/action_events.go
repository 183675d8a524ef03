package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/eventlistener"
)

// eventsRetry is the pause before a stream that broke is opened again.
const eventsRetry = 2 * time.Second

func (verbs) Events() Action {
	return Action{
		Name: "events", Extra: true, Endless: true, GoesOn: func(string) bool { return true },
		Help: "events [-f] [TYPE]... [--program PATTERN[,PATTERN]] [--json] [--count N] [--since ID]\n" +
			"\t\t\tShow events as they happen, a sentence each, until Ctrl-C or N of them.\n" +
			"\t\t\tA type stands for all below it; default all but TICK, with --json all.\n" +
			"\t\t\tEvents missed while the daemon was away are made up for, as far as it\n" +
			"\t\t\tstill has them.\n" +
			"events --since 0\tShow those that it still has first",
		Flags: []Flag{
			{Name: "all", Help: "TICK events too, which --json always has"},
			{Name: "program", Value: true, Help: "only events about these processes, and those about none"},
			{Name: "count", Value: true, Help: "end after so many events"},
			{Name: "since", Value: true, Help: "begin after the event of this number, 0 for all that are kept"},
		},
		Complete: completeWords(eventTypes),
		JSON:     []document{{form: "events", text: "an object a line, as the daemon sends it ([events.md](events.md))"}},
		Run:      showEvents,
	}
}

// eventTypes are the names of the types of events.
func eventTypes() (names []string) {
	for _, t := range eventlistener.Types() {
		names = append(names, t.String())
	}
	return names
}

// errStreamEnded: a stream that had been open has ended.
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
			text := fmt.Sprintf("Error: there is no event type %q", word)
			if near := config.Nearest(strings.ToUpper(word), eventTypes()); near != "" {
				text += "; is " + near + " meant?"
			}
			return answer{}, r.misuse(exitInvalidArgs, text)
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
	_, all := r.flags["all"]
	ticks := all || len(types) > 0
	shown := 0
	emit := func(e streamEvent) error {
		switch {
		case e.kind == "notice":
			r.hint(notice(e.data))
			return nil
		case r.json:
			r.println(e.data)
		default:
			last = e.id
			h := happening(e.data)
			if h.isTick() && !ticks {
				return nil
			}
			r.println(h.line(time.Now(), r.style))
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

// events opens a stream and passes each event to emit; last is the id of the one
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
			return "earlier events are no longer kept: the daemon keeps them from the first time that somebody reads them"
		case "slow":
			return fmt.Sprintf("the daemon gave up on us: %d events were lost, being read too slowly", n.Discarded)
		}
	}
	return data
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
