package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
)

const (
	// topCall is how long one call of top may take.
	topCall = 10 * time.Second
	// topAct is how long an action may: a stop takes stopwaitsecs.
	topAct = 2 * time.Minute
	// topTail is how much of a log the pane reads, in bytes.
	topTail = 16 << 10
	// topEventsKept is how many events the pane has.
	topEventsKept = 500

	paneEvents = "events"
)

// topSource is where top gets what it shows, and what carries out its actions.
type topSource interface {
	identifier() string // what is looked at, for the title
	processes(ctx context.Context) ([]topRow, error)
	act(ctx context.Context, verb, namespec string) (string, error)
	tail(ctx context.Context, namespec, channel string, length int) (string, error)
	// events are those that are kept, then those to come, until ctx ends.
	events(ctx context.Context) <-chan happened
}

// topRow is one process. A value that the daemon does not send is -1.
type topRow struct {
	namespec, state string
	style           string // of the state
	reason          string // of one that does not run: why, and how it has ended
	last            string // of one that runs and has restarted: how the process before it ended
	exitStatus      *int   // of the last process that has ended, nil where that is not known
	signal          string // that ended it, "" for none
	pid, restarts   int
	uptime          time.Duration // 0 for one that doesn't run
	cpu             float64       // percent, 100 is one CPU
	rss             float64       // bytes
}

// topOrder is a column to sort by.
type topOrder struct {
	title string
	less  func(a, b *topRow) int
}

// topOrders are the columns in the order in which the key o goes through them.
func topOrders() []topOrder {
	down := func(n int) int { return -n }
	return []topOrder{
		{"name", func(a, b *topRow) int { return strings.Compare(a.namespec, b.namespec) }},
		{"state", func(a, b *topRow) int { return strings.Compare(a.state, b.state) }},
		{"cpu", func(a, b *topRow) int { return down(cmp.Compare(a.cpu, b.cpu)) }},
		{"memory", func(a, b *topRow) int { return down(cmp.Compare(a.rss, b.rss)) }},
		{"uptime", func(a, b *topRow) int { return cmp.Compare(a.uptime, b.uptime) }},
		{"restarts", func(a, b *topRow) int { return down(cmp.Compare(a.restarts, b.restarts)) }},
	}
}

// topModel is what is on the screen; bubbletea calls it from one goroutine.
type topModel struct {
	ctx    context.Context
	source topSource
	every  time.Duration
	colour bool

	all     []topRow
	rows    []topRow // those the filter leaves, in order
	order   int
	filter  string
	typing  bool            // the filter is being typed
	chosen  string          // namespec of the row with the bar
	marked  map[string]bool // namespecs
	first   int             // the first row on the screen
	asked   string          // the verb that waits for y
	about   []string        // what it is about
	help    bool
	helpAt  int    // the line of the help that the screen begins with
	message string // the outcome of the last action
	err     error  // of the last refresh
	loaded  bool

	pane   string // what the pane shows: stdout, stderr or events; "" when it is closed
	log    string
	logOf  string          // what log belongs to
	came   <-chan happened // nil until events are asked for
	events []happened

	width, height int
}

func newTopModel(ctx context.Context, source topSource, every time.Duration, colour bool) *topModel {
	return &topModel{ctx: ctx, source: source, every: every, colour: colour, marked: map[string]bool{}, width: usualColumns, height: 24}
}

// Messages of what was asked for.
type (
	topRows struct {
		rows  []topRow
		err   error
		extra bool // the user asked for them: the next look is not put off
	}
	topDone struct{ text string }
	topLog  struct {
		of, text string
	}
	topTick   struct{}
	topEvents []happened
)

// Init asks for the first rows.
func (m *topModel) Init() tea.Cmd { return m.refresh(false) }

func (m *topModel) refresh(extra bool) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, topCall)
		defer cancel()
		rows, err := m.source.processes(ctx)
		return topRows{rows, err, extra}
	}
}

func (m *topModel) readLog() tea.Cmd {
	if m.pane == "" || m.pane == paneEvents || m.chosen == "" {
		return nil
	}
	name, channel := m.chosen, m.pane
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, topCall)
		defer cancel()
		text, err := m.source.tail(ctx, name, channel, topTail)
		if err != nil {
			text = err.Error()
		}
		return topLog{name + " " + channel, text}
	}
}

// readEvents waits for the next events.
func (m *topModel) readEvents() tea.Cmd {
	came := m.came
	return func() tea.Msg {
		h, more := <-came
		if !more {
			return nil
		}
		all := topEvents{h}
		for len(all) < cap(came) {
			select {
			case h, more := <-came:
				if more {
					all = append(all, h)
					continue
				}
			default:
			}
			return all
		}
		return all
	}
}

func (m *topModel) do(verb string, names []string) tea.Cmd {
	name := strings.Join(names, " ")
	m.message = fmt.Sprintf("%s %s ...", verb, name)
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(m.ctx, topAct)
		defer cancel()
		text, err := m.source.act(ctx, verb, name)
		if err != nil {
			text = err.Error()
		}
		return topDone{text}
	}
}

// Update takes one message.
func (m *topModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		cmd := m.key(msg)
		m.arrange()
		return m, cmd
	case topRows:
		m.loaded = true
		if m.err = msg.err; msg.err == nil {
			m.all = msg.rows
		}
		m.arrange()
		if msg.extra {
			return m, nil
		}
		return m, tea.Tick(m.every, func(time.Time) tea.Msg { return topTick{} })
	case topTick:
		return m, tea.Batch(m.refresh(false), m.readLog())
	case topDone:
		m.message = msg.text
		return m, nil
	case topLog:
		if msg.of == m.chosen+" "+m.pane {
			m.logOf, m.log = msg.of, msg.text
		}
	case topEvents:
		m.events = append(m.events, msg...)
		m.events = m.events[max(0, len(m.events)-topEventsKept):]
		return m, m.readEvents()
	}
	m.arrange()
	return m, nil
}

func (m *topModel) typed(key, text string) {
	switch key {
	case "enter":
		m.typing = false
	case "esc":
		m.typing, m.filter = false, ""
	case "backspace":
		if r := []rune(m.filter); len(r) > 0 {
			m.filter = string(r[:len(r)-1])
		}
	default:
		m.filter += text
	}
}

func (m *topModel) move(by int) tea.Cmd {
	if len(m.rows) == 0 {
		return nil
	}
	i := min(max(m.at()+by, 0), len(m.rows)-1)
	m.chosen = m.rows[i].namespec
	return m.readLog()
}

// at is the place of the chosen row, 0 when it is not there.
func (m *topModel) at() int {
	return max(0, slices.IndexFunc(m.rows, func(r topRow) bool { return r.namespec == m.chosen }))
}

// arrange makes rows of all, and keeps the bar on its process and on the screen.
func (m *topModel) arrange() {
	before := m.at()
	filter := strings.ToLower(m.filter)
	m.rows = m.rows[:0]
	for _, r := range m.all {
		if strings.Contains(strings.ToLower(r.namespec+" "+r.state), filter) {
			m.rows = append(m.rows, r)
		}
	}
	for name := range m.marked { // those that are gone or hidden are not acted on
		if !slices.ContainsFunc(m.rows, func(r topRow) bool { return r.namespec == name }) {
			delete(m.marked, name)
		}
	}
	order := topOrders()[m.order]
	slices.SortStableFunc(m.rows, func(a, b topRow) int {
		return cmp.Or(order.less(&a, &b), strings.Compare(a.namespec, b.namespec))
	})
	if len(m.rows) == 0 {
		m.chosen, m.first = "", 0
		return
	}
	if !slices.ContainsFunc(m.rows, func(r topRow) bool { return r.namespec == m.chosen }) {
		m.chosen = m.rows[min(before, len(m.rows)-1)].namespec
	}
	at, page := m.at(), m.page()
	m.first = min(m.first, at, max(0, len(m.rows)-page))
	m.first = max(m.first, at-page+1, 0)
}

// page is how many rows fit.
func (m *topModel) page() int {
	return max(1, m.height-3-m.paneHeight()-m.detailHeight())
}

// paneHeight is how many lines the pane takes, its title too; 0 when it is closed.
func (m *topModel) paneHeight() int {
	if m.pane == "" || m.height < 8 {
		return 0
	}
	return (m.height - 3) / 2
}

// detailHeight is how many lines show what the row of the chosen process has no room for.
func (m *topModel) detailHeight() int {
	switch {
	case m.height < 12:
		return 0
	case m.width < 60:
		return 3
	}
	return 2
}
