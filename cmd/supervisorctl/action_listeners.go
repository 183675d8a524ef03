package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/internal/pytext"
)

func listenersAction() Action {
	return Action{
		Name: "listeners", Extra: true,
		Help: "listeners\t\tShow each pool of event listeners: where its listeners stand in the\n" +
			"\t\t\tprotocol, what waits, what was lost. Exit status 3 where one is in trouble.",
		Complete: completeNothing, Run: listeners,
		JSON: []document{{form: "listeners", value: []poolRow{}, text: structsText("hark.getEventListeners") + ", with `trouble` besides"}},
	}
}

// structsText says that a document is what a method answers.
func structsText(method string) string {
	return "an array of the structs of `" + method + "` ([xmlrpc.md](xmlrpc.md))"
}

// subscriber is who gets events (hark.getEventListeners).
type subscriber struct {
	Name         string         `json:"name"`
	Kind         string         `json:"kind"` // pool, notifier, ...
	Events       []string       `json:"events"`
	Programs     []string       `json:"programs"`
	BufferSize   int            `json:"buffer_size"`
	Overflow     string         `json:"overflow"`
	Payload      string         `json:"payload"`
	MaxInFlight  int            `json:"max_in_flight"`
	AckTimeout   int            `json:"ack_timeout"` // seconds
	MaxDelivers  int            `json:"max_deliveries"`
	Queued       int            `json:"queued"`
	InFlight     int            `json:"in_flight"`
	Recovered    int            `json:"recovered"`
	Accepted     int            `json:"accepted"`
	Delivered    int            `json:"delivered"`
	Rejected     int            `json:"rejected"`
	Returned     int            `json:"returned"`
	Discarded    int            `json:"discarded"`
	DeadLetters  int            `json:"dead_letters"`
	SentAgain    int            `json:"sent_again"`
	Suppressed   int            `json:"suppressed"`
	OldestAge    float64        `json:"oldest_age"` // seconds
	LastError    string         `json:"last_error"`
	GivenUp      string         `json:"given_up"`
	LastDelivery int            `json:"last_delivery"` // seconds since 1970; 0 for never
	Processes    []listenerInfo `json:"processes"`
	Spool        *spoolInfo     `json:"spool,omitempty"` // nil: events wait in memory
}

// poolRow is how a pool does.
type poolRow struct {
	subscriber
	Trouble string `json:"trouble"` // "" for none
}

// listenerInfo is one process of a pool.
type listenerInfo struct {
	Name          string `json:"name"`
	Group         string `json:"group"`
	State         string `json:"statename"`
	PID           int    `json:"pid"`
	ListenerState string `json:"listener_state"` // in the protocol; "" while it does not run
	InFlight      int    `json:"in_flight"`
}

// spoolInfo is a queue on disk.
type spoolInfo struct {
	Path          string `json:"path"`
	Fault         string `json:"fault"` // "" for none
	MaxBytes      int    `json:"max_bytes"`
	Sync          bool   `json:"sync"`
	Bytes         int    `json:"bytes"`
	MemoryBytes   int    `json:"memory_bytes"`
	Last          int    `json:"last"`
	Committed     int    `json:"committed"`
	Discarded     int    `json:"discarded"`
	Damaged       int    `json:"damaged"`
	DamagedBefore int    `json:"damaged_before"`
	Commits       int    `json:"commits"`
	Failures      int    `json:"failures"`
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
		rows = append(rows, []string{p.Name, p.states(), strconv.Itoa(p.Queued), strconv.Itoa(p.InFlight), strconv.Itoa(p.Delivered),
			strconv.Itoa(p.Rejected), p.lost(), p.oldest(), trouble})
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
	return strconv.Itoa(s.Discarded + max(s.DeadLetters-s.SentAgain, 0))
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
		state := p.ListenerState
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
	if s.Spool != nil && s.Spool.Fault != "" {
		return "spool: " + s.Spool.Fault
	}
	if strings.Contains(s.states(), "UNKNOWN") {
		return "a listener broke the protocol and gets nothing until it is restarted"
	}
	var down []string
	mute := s.Queued > 0
	for _, p := range s.Processes {
		mute = mute && p.ListenerState == "ACKNOWLEDGED"
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
