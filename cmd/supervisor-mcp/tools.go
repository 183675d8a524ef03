package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// defaultTail and mostTail are how many bytes of a log a tool returns.
	defaultTail = 4 << 10
	mostTail    = 64 << 10
	// maxNames and maxName bound the names of one call.
	maxNames = 1000
	maxName  = 512 // bytes
)

// tool is one tool: an action, and how the arguments of a client become its words and flags.
type tool struct {
	name     string
	about    string
	controls bool // it changes something: there only with --allow control
	add      func(h *host, t *mcp.Tool)
}

// call is what a tool does.
type call struct {
	action string
	words  []string                                             // its arguments
	flags  []string                                             // its flags; --json is added
	run    func(ctx context.Context, h *host) (answered, error) // instead; nil: the action is run
	// through: once begun it is carried through, whether the client waits for it or not: half a restart is a stop.
	through bool
}

// reads is a tool that changes nothing. about is its description; call turns its arguments into the call, or says what is wrong with them.
func reads[In any](name, about string, translate func(In) (call, error)) tool {
	return tool{name: name, about: about, add: func(h *host, t *mcp.Tool) {
		mcp.AddTool(h.server, t, func(ctx context.Context, req *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
			c, err := translate(in)
			if err != nil {
				return nil, nil, err
			}
			result, err := h.serve(ctx, req, c)
			return result, nil, err
		})
	}}
}

// controls is a tool that changes something.
func controls[In any](name, about string, translate func(In) (call, error)) tool {
	t := reads(name, about, func(in In) (call, error) {
		c, err := translate(in)
		c.through = true
		return c, err
	})
	t.controls = true
	return t
}

// The arguments of tools. Their tags are the schema that a client gets.
type (
	noInput    struct{}
	namesInput struct {
		Names []string `json:"names" jsonschema:"processes: NAME, GROUP:NAME, GROUP:*, a pattern such as web*, or all"`
	}
	someNamesInput struct {
		Names []string `json:"names,omitempty" jsonschema:"only these: NAME, GROUP:NAME, GROUP:* or a pattern such as web*; default all"`
	}
	tailInput struct {
		Name    string `json:"name" jsonschema:"the process: NAME or GROUP:NAME"`
		Channel string `json:"channel,omitempty" jsonschema:"stdout (default) or stderr"`
		Bytes   int    `json:"bytes,omitempty" jsonschema:"how much of the end of the log, in bytes; default 4096, at most 65536"`
	}
	mainTailInput struct {
		Bytes int `json:"bytes,omitempty" jsonschema:"how much of the end of the log, in bytes; default 4096, at most 65536"`
	}
	eventsInput struct {
		Types    []string `json:"types,omitempty" jsonschema:"event types such as PROCESS_STATE_EXITED; one stands for all below it, PROCESS_STATE for every change of state; default all"`
		Programs []string `json:"programs,omitempty" jsonschema:"only events about these processes (patterns), and those about none"`
		Since    int      `json:"since,omitempty" jsonschema:"only events after the one of this number; 'last' of an earlier answer goes on from there; default 0, all that the daemon has kept"`
		Limit    int      `json:"limit,omitempty" jsonschema:"at most so many events, the newest; default 50, at most 200"`
		Wait     int      `json:"wait_seconds,omitempty" jsonschema:"wait so long for further events; default 0, at most 60"`
	}
	configCheckInput struct {
		Strict bool `json:"strict,omitempty" jsonschema:"warnings count as errors"`
	}
	signalInput struct {
		Signal string   `json:"signal" jsonschema:"such as HUP or USR1"`
		Names  []string `json:"names" jsonschema:"processes: NAME, GROUP:NAME, GROUP:*, a pattern such as web*, or all"`
	}
	groupsInput struct {
		Groups []string `json:"groups,omitempty" jsonschema:"only these groups; default all"`
	}
	nameInput struct {
		Name string `json:"name" jsonschema:"the name behind the colon of the section"`
	}
	silenceInput struct {
		Names   []string `json:"names" jsonschema:"processes whose alerts are kept back: NAME, GROUP:*, a pattern, or all"`
		Time    string   `json:"time" jsonschema:"for how long: 30m, 2h, 1d"`
		Comment string   `json:"comment,omitempty" jsonschema:"why"`
	}
	idsInput struct {
		IDs []int `json:"ids" jsonschema:"numbers of silences"`
	}
)

// tools is every tool, in the order in which a client gets them.
func tools() []tool {
	return []tool{
		reads("status", "The state of each process: state, since when, how it ended last, pid, log files, and of sections that plugins serve.",
			func(in someNamesInput) (call, error) { return onThese("status", in.Names) }),
		reads("tail_log", "The end of what a process wrote to its stdout or stderr.", tailTool),
		reads("tail_supervisord_log", "The end of supervisord's own activity log: starts, ends, errors, who did what.",
			func(in mainTailInput) (call, error) {
				n, err := tailSize(in.Bytes)
				return call{action: "maintail", words: []string{"-" + strconv.Itoa(n)}}, err
			}),
		reads("events", "What happened: changes of state, log losses, listeners in trouble, with the number of each event.", eventsCall),
		reads("config_check", "Everything that is wrong with supervisord's configuration file, or will surprise, with file, line, section and key.",
			func(in configCheckInput) (call, error) {
				return call{action: "config", words: []string{"check"}, flags: strict(in.Strict)}, nil
			}),
		reads("config_show", "What takes effect of the configuration file: each section with its keys; secrets are hidden.",
			func(noInput) (call, error) { return call{action: "config", words: []string{"show"}}, nil }),
		reads("config_diff", "What an update would do: groups that the changed configuration file adds, changes or removes, and why.",
			func(noInput) (call, error) { return call{action: "config", words: []string{"diff"}}, nil }),
		reads("listeners", "Each pool of event listeners: where its listeners stand in the protocol, what waits, what was lost.", bare("listeners")),
		reads("notifiers", "Each notifier (alerts): whether it is served, what waits, what was lost, its last error.", bare("notifiers")),
		reads("sinks", "Each log sink: whether it is served, what waits, what was lost, its last error.", bare("sinks")),
		reads("silences", "The silences that last, and what each has kept back.", bare("silences")),
		reads("dead_letters", "Events that listeners and notifiers gave up: when, which, after how many tries, and why.", bare("deadletters")),
		reads("plugins", "How the plugins do, and each section that one serves or does not.",
			func(noInput) (call, error) { return call{action: "plugin", words: []string{"status"}}, nil }),

		controls("start", "Start processes, and wait until they run or have failed.", onNames("start")),
		controls("stop", "Stop processes, and wait until they have stopped.", onNames("stop")),
		controls("restart", "Stop processes that run, then start all of them, and wait until they run or have failed.", onNames("restart")),
		controls("signal", "Send a signal to processes.", func(in signalInput) (call, error) {
			if err := oneWord("signal", in.Signal); err != nil {
				return call{}, err
			}
			return onThese("signal", append([]string{in.Signal}, in.Names...))
		}),
		controls("reread", "Read the configuration file again and say which groups are new, changed or gone; nothing is started or stopped.", bare("reread")),
		controls("update", "Read the configuration file again, and start, restart and stop the groups that differ. Ask config_diff first.",
			func(in groupsInput) (call, error) { return onThese("update", in.Groups) }),
		controls("clear_log", "Empty the log files of processes.", onNames("clear")),
		controls("silence", "Keep alerts about processes back for a time.", silenceTool),
		controls("unsilence", "End silences before their time.", func(in idsInput) (call, error) {
			c := call{action: "unsilence"}
			for _, id := range in.IDs {
				c.words = append(c.words, strconv.Itoa(id))
			}
			return c, nil
		}),
		controls("notifier_test", "Send a sample notification by a notifier and say what became of it.", func(in nameInput) (call, error) {
			return call{action: "notifier", words: []string{"test", in.Name}}, oneWord("name", in.Name)
		}),
	}
}

// bare is an action without arguments.
func bare(action string) func(noInput) (call, error) {
	return func(noInput) (call, error) { return call{action: action}, nil }
}

// onNames is an action on processes, which must be named.
func onNames(action string) func(namesInput) (call, error) {
	return func(in namesInput) (call, error) {
		if len(in.Names) == 0 {
			return call{}, fmt.Errorf("%s requires names; all means every process", action)
		}
		return onThese(action, in.Names)
	}
}

// onThese is an action with names.
func onThese(action string, names []string) (call, error) {
	if len(names) > maxNames {
		return call{}, fmt.Errorf("there are %d names; at most %d are taken", len(names), maxNames)
	}
	for _, n := range names {
		if err := oneWord("name", n); err != nil {
			return call{}, err
		}
	}
	return call{action: action, words: slices.Clone(names)}, nil
}

// oneWord refuses what would not be one word of an action's line, or be taken for one of its flags.
func oneWord(what, s string) error {
	switch {
	case s == "" || strings.ContainsFunc(s, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }):
		return fmt.Errorf("bad %s %q: it must be one word", what, s)
	case strings.HasPrefix(s, "-"):
		return fmt.Errorf("bad %s %q: it must not begin with a dash", what, s)
	case len(s) > maxName:
		return fmt.Errorf("bad %s: it has %d bytes; at most %d are taken", what, len(s), maxName)
	}
	return nil
}

func strict(wanted bool) []string {
	if wanted {
		return []string{"--strict"}
	}
	return nil
}

func tailSize(n int) (int, error) {
	switch {
	case n == 0:
		return defaultTail, nil
	case n < 0 || n > mostTail:
		return 0, fmt.Errorf("bad bytes %d; accepted: 1 to %d", n, mostTail)
	}
	return n, nil
}

func tailTool(in tailInput) (call, error) {
	n, err := tailSize(in.Bytes)
	if err != nil {
		return call{}, err
	}
	if in.Channel == "" {
		in.Channel = "stdout"
	}
	if !slices.Contains([]string{"stdout", "stderr"}, in.Channel) {
		return call{}, fmt.Errorf("bad channel %q; accepted: stdout, stderr", in.Channel)
	}
	return call{action: "tail", words: []string{"-" + strconv.Itoa(n), in.Name, in.Channel}}, oneWord("name", in.Name)
}

// silenceTool leaves the time to supervisorctl, which stands last of its names: none of them may read as one.
func silenceTool(in silenceInput) (call, error) {
	c, err := onThese("silence", append(slices.Clone(in.Names), in.Time))
	if err != nil {
		return call{}, err
	}
	for i, word := range c.words {
		if isTime(word) != (i == len(in.Names)) {
			return call{}, fmt.Errorf("bad names %q and time %q; accepted: names of processes, and a time such as 30m, 2h or 1d", in.Names, in.Time)
		}
	}
	for _, word := range strings.Fields(in.Comment) {
		if err := oneWord("comment", word); err != nil {
			return call{}, err
		}
		c.words = append(c.words, word)
	}
	return c, nil
}

// isTime reports whether supervisorctl may take a word for how long a silence lasts.
func isTime(word string) bool {
	digits := strings.TrimRight(word, "smhd")
	if digits == word {
		return false
	}
	_, err := time.ParseDuration(strings.ReplaceAll(word, "d", "h"))
	return err == nil
}
