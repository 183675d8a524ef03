package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
	records "github.com/hark-supervisor/hark/sdk/client"
)

func (verbs) Listeners() Action {
	return Action{
		Name: "listeners", Extra: true,
		Help: "listeners\t\tShow each pool of event listeners: where its listeners stand in the\n" +
			"\t\t\tprotocol, what waits, what was lost. Exit status 3 where one is in trouble.",
		Complete: completeNothing, Run: listeners,
		JSON: []document{{form: "listeners", value: []poolRow{}, text: structsText("hark.getEventListeners") + ", with `trouble` besides"}},
	}
}

// structText says that a document is the struct that a method answers.
func structText(method string) string {
	return "the struct of `" + method + "` ([methods.md](methods.md))"
}

// structsText says that a document is the array that a method answers.
func structsText(method string) string {
	return "an array of the structs of `" + method + "` ([methods.md](methods.md))"
}

// subscriber is a pool, notifier or stream of events (hark.getEventListeners).
type subscriber struct{ records.Subscriber }

// poolRow is the state of a pool.
type poolRow struct {
	subscriber
	Trouble string `json:"trouble"` // "" for none
}

func listeners(r *run, arg string) (answer, error) {
	if err := r.noArguments(arg); err != nil {
		return answer{}, err
	}
	all, err := asked[[]subscriber](r.ask("getEventListeners"))
	if err != nil {
		return answer{}, err
	}
	pools := ofKind(all, "pool")
	a, value := answer{}, []poolRow{}
	var rows [][]string
	for i := range pools {
		p := &pools[i]
		trouble := p.trouble()
		if trouble != "" {
			a.status = notServed
		}
		value = append(value, poolRow{*p, trouble})
		rows = append(rows, []string{p.Name, p.states(), decimal(p.Queued), decimal(p.InFlight), decimal(p.Delivered),
			decimal(p.Rejected), p.lost(), p.oldest(), trouble})
	}
	a.value = value
	a.text = table("NAME LISTENERS QUEUED IN-FLIGHT DELIVERED REJECTED LOST OLDEST TROUBLE", "There are no event listeners ([eventlistener:x]).", rows)
	return a, nil
}

// ofKind is the subscribers of one kind.
func ofKind(all []subscriber, kind string) []subscriber {
	return slices.DeleteFunc(slices.Clone(all), func(s subscriber) bool { return s.Kind != kind })
}

// lost is how many events came to nothing: discarded, or given up and not sent again since.
func (s *subscriber) lost() string {
	return decimal(s.Discarded + max(s.DeadLetters-s.SentAgain, 0))
}

// oldest is how long the event waits that waits longest, "" for none.
func (s *subscriber) oldest() string {
	if s.OldestAge > 0 {
		return span(time.Duration(s.OldestAge * float64(time.Second)))
	}
	return ""
}

// states is where the listeners of a pool stand, counted: "READY", "2 READY 1 BUSY".
func (s *subscriber) states() string {
	counts := map[string]int{}
	var order []string
	for _, p := range s.Processes {
		state := p.Listener
		if state == "" {
			state = p.State
		}
		if counts[state] == 0 {
			order = append(order, state)
		}
		counts[state]++
	}
	if len(s.Processes) == 1 {
		return order[0]
	}
	for i, state := range order {
		order[i] = fmt.Sprintf("%d %s", counts[state], state)
	}
	return strings.Join(order, " ")
}

// trouble says what keeps a pool from its work.
func (s *subscriber) trouble() string {
	if s.Spool.Fault != "" {
		return "spool: " + s.Spool.Fault
	}
	if strings.Contains(s.states(), "UNKNOWN") {
		return "a listener broke the protocol and gets nothing until it is restarted"
	}
	var down []string
	mute := s.Queued > 0
	for _, p := range s.Processes {
		mute = mute && p.Listener == "ACKNOWLEDGED"
		if p.State == "FATAL" || p.State == "BACKOFF" {
			down = append(down, pytext.Namespec(p.Group, p.Name)+" is "+p.State)
		}
	}
	if more := len(down) - maxDown; more > 0 {
		down = append(down[:maxDown], fmt.Sprintf("%d more", more))
	}
	if len(down) > 0 {
		return strings.Join(down, ", ") + ": it does not start, or does not stay up; see its log and supervisord's"
	}
	if mute && len(s.Processes) > 0 {
		return "no listener has written READY since it answered last, or at all, so the events wait"
	}
	return ""
}

// maxDown is how many listeners that do not run the trouble of a pool names.
const maxDown = 3
