package slack

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hark-supervisor/hark/sdk"
	"github.com/slack-go/slack"
)

// Bounds of Slack, in characters. What is longer is refused with invalid_blocks or cut there.
const (
	maxTextRunes    = 4000 // of text, recommended (docs.slack.dev/reference/methods/chat.postMessage, "Truncating content")
	maxSectionRunes = 3000 // of the text of a section (docs.slack.dev/reference/block-kit/blocks/section-block)
	maxContextRunes = 2000 // of one element of a context (docs.slack.dev/reference/block-kit/blocks/context-block)
	maxSections     = 4    // ours: more would hardly be read. Slack's limit is 50 blocks a message
	maxEvents       = 20   // ours: lines of a list of events; what is beyond is counted
	maxTitleRunes   = 300  // ours: a title is one line
	maxEventRunes   = 140  // ours: a line of the list, so that maxEvents of them fit into one section
)

// colour is the bar next to a message (docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments).
func colour(s sdk.Severity) string {
	switch s {
	case sdk.Warning:
		return "#daa038"
	case sdk.Error:
		return "#d00000"
	case sdk.Critical:
		return "#7a0000"
	}
	return "#2eb886"
}

// message is a notification in Slack's form: the title as text, which is also what a phone shows, and the rest next to
// a bar in the colour of the severity.
type message struct {
	text       string
	attachment slack.Attachment
}

func (n *notifier) message(m *sdk.Notification) message {
	title := escape(shorten(oneLine(m.Title), maxTitleRunes))
	if title == "" {
		title = m.Severity.String()
	}
	text := "*" + strings.ReplaceAll(title, "*", "∗") + "*" // an asterisk would end the bold type
	if m.Severity == sdk.Critical && n.c.Mention != "" {
		text = n.c.Mention + " " + text
	}
	var blocks []slack.Block
	for _, part := range sections(escape(strings.TrimSpace(m.Body))) {
		blocks = append(blocks, slack.NewSectionBlock(markdown(part), nil, nil))
	}
	if list := eventList(m.Events); list != "" {
		blocks = append(blocks, slack.NewSectionBlock(markdown(list), nil, nil))
	}
	blocks = append(blocks, slack.NewContextBlock("", markdown(shorten(escape(footer(m)), maxContextRunes))))
	return message{
		text:       shorten(text, maxTextRunes),
		attachment: slack.Attachment{Color: colour(m.Severity), Fallback: title, Blocks: slack.Blocks{BlockSet: blocks}},
	}
}

func markdown(text string) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, text, false, false)
}

// sections splits a text that is already escaped, at line feeds if possible.
func sections(text string) []string {
	var parts []string
	for text != "" && len(parts) < maxSections {
		if len(parts) == maxSections-1 || utf8.RuneCountInString(text) <= maxSectionRunes {
			parts = append(parts, shorten(text, maxSectionRunes))
			break
		}
		head := firstRunes(text, maxSectionRunes)
		if at := strings.LastIndexByte(head, '\n'); at > len(head)/2 {
			head = head[:at+1]
		}
		parts = append(parts, strings.TrimRight(wholeEntities(head), "\n"))
		text = text[len(wholeEntities(head)):]
	}
	return parts
}

// eventList is one line for each of several events; a single one is described by the title and the body.
func eventList(events []sdk.Event) string {
	if len(events) < 2 {
		return ""
	}
	var b strings.Builder
	shown := events[:min(len(events), maxEvents)]
	for i := range shown {
		e := &shown[i]
		name := e.Namespec()
		if name != "" {
			name = " " + name
		}
		line := fmt.Sprintf("%s %s%s%s", e.Time.UTC().Format(time.TimeOnly), strings.TrimPrefix(e.Type, "PROCESS_STATE_"), name, ending(e))
		b.WriteString("• " + escape(shorten(oneLine(line), maxEventRunes)) + "\n")
	}
	if more := len(events) - len(shown); more > 0 {
		fmt.Fprintf(&b, "… and %d more\n", more)
	}
	return shorten(strings.TrimSuffix(b.String(), "\n"), maxSectionRunes)
}

// ending is how a process ended, for a line of the list.
func ending(e *sdk.Event) string {
	switch {
	case e.Exit == nil:
		return ""
	case e.Exit.Signal != 0:
		return fmt.Sprintf(" (signal %d)", e.Exit.Signal)
	}
	return fmt.Sprintf(" (status %d)", e.Exit.Status)
}

// footer names the sender and the time.
func footer(m *sdk.Notification) string {
	parts := []string{m.Severity.String()}
	if m.Daemon.Hostname != "" {
		parts = append(parts, m.Daemon.Hostname)
	}
	if id := m.Daemon.Identifier; id != "" && id != "supervisor" {
		parts = append(parts, id)
	}
	if len(m.Events) > 0 {
		parts = append(parts, m.Events[0].Time.UTC().Format("2006-01-02 15:04:05 UTC"))
	}
	if m.Suppressed > 0 {
		parts = append(parts, fmt.Sprintf("%d events held back before", m.Suppressed))
	}
	return strings.Join(parts, " · ")
}

// escape is what Slack demands of text in mrkdwn (docs.slack.dev/messaging/formatting-message-text, "Escaping text"): with it nothing
// that a program wrote becomes a mention.
func escape(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// shorten cuts a text to at most n characters, an ellipsis included, and not within an &amp;.
func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return wholeEntities(firstRunes(s, n-1)) + "…"
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// wholeEntities takes away the begin of an &amp; at the end of a text.
func wholeEntities(s string) string {
	const longest = len("&amp;") - 1
	tail := max(0, len(s)-longest)
	if at := strings.LastIndexByte(s[tail:], '&'); at >= 0 && !strings.Contains(s[tail+at:], ";") {
		return s[:tail+at]
	}
	return s
}
