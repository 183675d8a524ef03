package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

const (
	// followLines is how many lines of each of several logs are shown before they go on.
	followLines = 10
	// maxFollowed bounds how many logs are followed at once: each takes a connection.
	maxFollowed = 32
	// linesRead is how much of a log is read at first for its last lines, and maxLinesRead how much at most, in bytes.
	linesRead    = 16 << 10
	maxLinesRead = 4 << 20
)

// tailWanted is what tail and maintail are asked for beyond Supervisor's: lines instead of bytes, several programs.
type tailWanted struct {
	logs   []tailedLog
	follow bool
	lines  int // -1: not in lines
	bytes  int
}

// tailedLog is one log: where it is followed, and how it is read.
type tailedLog struct {
	name    string // of the program, "" for the daemon's own log
	channel string
	path    string
	method  string
	args    []any // of the method, before offset and length
}

func processLog(name, channel string) tailedLog {
	l := tailedLog{name: name, channel: channel, path: "/logtail/" + name + "/" + channel, method: "readProcessStdoutLog", args: []any{name}}
	if channel == "stderr" {
		l.method = "readProcessStderrLog"
	}
	return l
}

func daemonLog() tailedLog { return tailedLog{path: "/mainlogtail", method: "readLog"} }

// extended reads a line of tail that asks for more than Supervisor's tail knows: --lines, --names, and on a terminal -n LINES, several
// programs, and the log with its colours. It is nil for a line of Supervisor's.
func (r *run) extended(words []string) (*tailWanted, error) {
	w := &tailWanted{lines: -1, bytes: tailBytes}
	var err error
	if w.follow, words, err = r.takeOptions(words, w); err != nil {
		return nil, err
	}
	_, several := r.flags["names"]
	channel := "stdout"
	if n := len(words); n > 1 && (strings.EqualFold(words[n-1], "stdout") || strings.EqualFold(words[n-1], "stderr")) {
		channel, words = strings.ToLower(words[n-1]), words[:n-1]
	}
	isMany := func(name string) bool { return isPatternOrGroup(name) || name == "all" || strings.HasSuffix(name, ":") }
	patterns := slices.ContainsFunc(words, isMany)
	switch one := len(words) < 2 && !patterns; {
	case w.lines >= 0 || several:
	case !r.onTerminal() || one && w.follow && r.colour() || len(words) == 0:
		return nil, nil
	case !one:
		w.lines = followLines
	}
	if len(words) == 0 {
		return nil, refuseText("Error: tail requires process name")
	}
	if patterns {
		infos, err := asked[[]processInfo](r.call("getAllProcessInfo"))
		if err != nil {
			return nil, err
		}
		if words, err = r.expand(infos, words, isMany); err != nil {
			return nil, err
		}
	}
	for _, name := range words {
		w.logs = append(w.logs, processLog(name, channel))
	}
	return w, nil
}

// takeOptions takes -f, -BYTES and the number of lines out of the words of a line. On a terminal -n LINES and -nLINES are the number of
// lines, too; elsewhere they are what they are to Supervisor.
func (r *run) takeOptions(words []string, w *tailWanted) (follow bool, rest []string, err error) {
	lines, given := r.flags["lines"]
	for i := 0; i < len(words); i++ {
		word := words[i]
		number, isLines := strings.CutPrefix(word, "-n")
		switch {
		case word == "-f":
			follow = true
		case isLines && r.onTerminal() && number != "":
			lines, given = number, true
		case isLines && r.onTerminal() && i+1 < len(words):
			i++
			lines, given = words[i], true
		case len(word) > 1 && word[0] == '-' && isDigit(word[1]):
			if w.bytes, err = tailCount(word); err != nil {
				return false, nil, err
			}
		default:
			rest = append(rest, word)
		}
	}
	if given {
		if w.lines, err = strconv.Atoi(lines); err != nil || w.lines < 0 {
			return false, nil, r.misuse(exitInvalidArgs, fmt.Sprintf("Error: bad number of lines %q", lines))
		}
	}
	return follow, rest, nil
}

// tailLogs shows logs. Behind their names are the lines of several.
func (r *run) tailLogs(w *tailWanted) (answer, error) {
	_, named := r.flags["names"]
	if named = named || len(w.logs) > 1; named && w.lines < 0 {
		w.lines = followLines
	}
	switch {
	case r.json && len(w.logs) > 1:
		return answer{}, r.misuse(exitInvalidArgs, "Error: --json takes one program")
	case w.follow && len(w.logs) > maxFollowed:
		return answer{}, refuseText(fmt.Sprintf("Error: %s -f takes %d programs at most; there are %d", r.action.Name, maxFollowed, len(w.logs)))
	case w.follow:
		return r.followLogs(w, named)
	}
	var texts []string
	for i := range w.logs {
		l := &w.logs[i]
		text, err := r.endOf(l, w)
		var own *refusal
		if errors.As(err, &own) && len(w.logs) > 1 { // the others are shown all the same
			r.report(own.lines...)
			for _, h := range hintsOf(err) {
				r.hint(h)
			}
			continue
		}
		if err != nil {
			return answer{}, err
		}
		switch {
		case named:
			text = r.named(l.name, i).all(text)
		case r.onTerminal():
			text = r.unnamed().all(text)
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		texts = append(texts, text)
	}
	text := strings.Join(texts, "")
	return answer{value: logText{text}, text: text}, nil
}

// endOf is the end of a log as it was asked for. An error is a refusal that says why there is none.
func (r *run) endOf(l *tailedLog, w *tailWanted) (string, error) {
	if w.lines < 0 {
		return r.rawEnd(l, w.bytes)
	}
	for length := linesRead; ; length = min(length*8, maxLinesRead) {
		text, err := r.rawEnd(l, length)
		if err != nil {
			return "", err
		}
		if last, whole := lastLines(text, w.lines); whole || len(text) < length || length == maxLinesRead {
			return last, nil
		}
	}
}

// rawEnd is the last bytes of a log, with the colours that XML has no room for where the daemon gives them.
func (r *run) rawEnd(l *tailedLog, length int) (string, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.server.patience)
	defer cancel()
	if text, err := r.server.logEnd(ctx, l.path, length); err == nil {
		return text, nil
	}
	whose := l.name
	if whose == "" {
		whose = "supervisord"
	}
	a, err := r.logEnd(whose, "no such process name", l.method, append(slices.Clone(l.args), -length, 0)...)
	if unsendable(err) {
		return "", withHints(errors.Join(refuse(problem(exitGeneric, whose, errUnsendable.Error())), errUnsendable), "tail -f shows it all the same")
	}
	if err != nil {
		if why := r.whyUnreadable(l); why != "" {
			err = withHints(err, why)
		}
		return "", err
	}
	read, _ := a.value.(logText)
	return read.Text, nil
}

// errUnsendable: the log is coloured, for instance, which Supervisor's daemon sends as it is, although XML has no such characters.
var errUnsendable = errors.New("the log has characters that XML cannot carry")

// unsendable reports whether an answer with a log could not be read because of what is in the log.
func unsendable(err error) bool {
	var syntax *xmlrpc.SyntaxError
	return errors.As(err, &syntax)
}

// lastLines are the last n lines of a text. whole reports whether there are more before them, so that the first is all there.
func lastLines(text string, n int) (last string, whole bool) {
	at := len(strings.TrimSuffix(text, "\n"))
	for range n {
		if at = strings.LastIndexByte(text[:at], '\n'); at < 0 {
			return text, false
		}
	}
	if n == 0 {
		return "", true
	}
	return text[at+1:], true
}

// followLogs shows the ends of logs and goes on with what comes, until Ctrl-C or until the server has ended all of them.
func (r *run) followLogs(w *tailWanted, named bool) (answer, error) {
	r.println(followNotice)
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range w.logs {
		l := &w.logs[i]
		out := &lineWriter{mu: &mu, to: r.out}
		switch {
		case named:
			out.lines = r.named(l.name, i)
		case r.onTerminal() && !r.colour(): // otherwise it is as the program writes it, lines that it writes over one another, too
			out.lines = r.unnamed()
		}
		all.Go(func() {
			err := r.followLog(l, w, out)
			out.flush()
			mu.Lock()
			defer mu.Unlock()
			var own *refusal
			var refused *protocolError
			switch {
			case r.ctx.Err() != nil:
			case errors.As(err, &refused) && refused.code == http.StatusNotFound:
				_, _ = fmt.Fprintln(r.err, noLog)
			case errors.As(err, &own):
				r.report(own.lines...)
			case err != nil:
				f := describe(err)
				r.hint("the log " + strings.TrimSpace("of "+l.name) + " broke off: " + f.forPeople())
			default:
				r.hint("the server ended the log " + strings.TrimSpace("of "+l.name))
			}
		})
	}
	all.Wait()
	if r.ctx.Err() != nil {
		r.println("")
	}
	return answer{printed: true}, nil
}

// followLog writes the end of a log and what comes then.
func (r *run) followLog(l *tailedLog, w *tailWanted, out io.Writer) error {
	length := -1 // as much as in Supervisor
	if w.lines >= 0 {
		text, err := r.endOf(l, w)
		if err != nil && !errors.Is(err, errUnsendable) { // which may be followed
			return err
		}
		length = len(text) + linesRead // what comes in the meantime is more
	}
	body, past, err := r.server.followFrom(r.ctx, l.path, length)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // given up
	if past > 0 && w.lines >= 0 {
		before, err := io.ReadAll(io.LimitReader(body, past))
		if err != nil {
			return err
		}
		last, _ := lastLines(string(before), w.lines)
		if _, err := io.WriteString(out, last); err != nil {
			return err
		}
	}
	_, err = io.Copy(out, body)
	return err
}

// namedLines puts the name of a program before its lines.
type namedLines struct {
	prefix  string
	colours logColours
	plain   bool // not on a terminal: the lines are as the program wrote them
}

// named is how the lines of the i-th of several programs are shown.
func (r *run) named(name string, i int) *namedLines {
	colours := []string{"36", "33", "32", "35", "34", "31"}
	return &namedLines{
		prefix:  r.style(colours[i%len(colours)], printable(name)+":") + " ",
		colours: logColours{colour: r.colour()},
		plain:   !r.onTerminal(),
	}
}

// unnamed is how the lines of one program are shown on a terminal: with its colours, and nothing else that a terminal obeys.
func (r *run) unnamed() *namedLines { return &namedLines{colours: logColours{colour: r.colour()}} }

func (n *namedLines) line(text string) string {
	if n.plain {
		return n.prefix + text
	}
	return n.prefix + n.colours.line(text)
}

func (n *namedLines) all(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(n.line(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return b.String()
}

// lineWriter writes what comes; with lines, only whole ones, each behind its name, which others' lines do not come between.
type lineWriter struct {
	mu    *sync.Mutex
	to    io.Writer
	lines *namedLines // nil: as it comes
	rest  string      // the line that is not whole yet
}

func (w *lineWriter) Write(p []byte) (int, error) {
	text := string(p)
	if w.lines != nil {
		whole := w.rest + text
		end := strings.LastIndexByte(whole, '\n') + 1
		if w.rest = whole[end:]; len(w.rest) > maxPrefixed {
			end, w.rest = len(whole), ""
		}
		if text = w.lines.all(whole[:end]); text == "" {
			return len(p), nil
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := io.WriteString(w.to, text)
	return len(p), err
}

// flush writes the last line where it had no end.
func (w *lineWriter) flush() {
	if w.rest != "" {
		_, _ = w.Write([]byte("\n"))
	}
}

// tailHint says, where Supervisor's tail refuses a line, how Hark's takes it.
func tailHint(words []string) string {
	switch {
	case slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "-n") }):
		return "for a number of lines give --lines LINES, or on a terminal -n LINES"
	case len(words) > 2:
		return "for several programs give --names: " + pytext.Quote("tail --names "+printable(strings.Join(words, " ")))
	}
	return ""
}
