// Package reference writes the reference of the configuration, docs/configuration.md and supervisord.conf(5), from the declarations of its
// keys in core/config.
package reference

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/core/config"
)

// kind is what a block is.
type kind int

const (
	heading   kind = iota // text
	paragraph             // text
	code                  // text, as it is
	list                  // items
	table                 // head and rows
	key                   // one key: text is its name, with doc, facts and example
)

// block is a piece of the reference, in no markup but `code` within texts.
type block struct {
	kind  kind
	text  string
	items []string
	head  []string
	rows  [][]string

	doc, facts, example string
}

// page is the whole reference.
func page(sections []config.SectionSchema) []block {
	blocks := introduction()
	blocks = append(blocks, block{kind: heading, text: "Types of values"}, types(sections))
	for i := range sections {
		blocks = append(blocks, section(&sections[i], sections)...)
	}
	return blocks
}

// section is what there is to know about a kind of section.
func section(s *config.SectionSchema, all []config.SectionSchema) []block {
	blocks := []block{{kind: heading, text: "[" + s.Name + "]"}, {kind: paragraph, text: s.Doc}}
	if s.Example != "" {
		blocks = append(blocks, block{kind: code, text: "[" + example(s.Name) + "]\n" + s.Example})
	}
	if s.Base != "" {
		blocks = append(blocks, block{kind: paragraph, text: "Besides these keys it has all those of [" + s.Base + "]."})
	}
	for i := range s.Fields {
		if f := &s.Fields[i]; !inherited(s, f, all) {
			blocks = append(blocks, block{kind: key, text: f.Key, doc: meaning(f), facts: facts(f), example: f.Example})
		}
	}
	return blocks
}

// example is a name for a section that has a placeholder in its name.
func example(name string) string {
	names := map[string]string{
		"program:x": "program:web", "fcgi-program:x": "fcgi-program:php", "eventlistener:x": "eventlistener:crashmail", "group:x": "group:site",
		"rpcinterface:x": "rpcinterface:supervisor", "fleet:x": "fleet:web", "plugin:x": "plugin:slack", "notifier:x": "notifier:ops", "logsink:x": "logsink:central",
	}
	if n := names[name]; n != "" {
		return n
	}
	return name
}

// inherited reports whether a key means the same in the section that s is based on.
func inherited(s *config.SectionSchema, f *config.Field, all []config.SectionSchema) bool {
	i := slices.IndexFunc(all, func(o config.SectionSchema) bool { return o.Name == s.Base })
	if i < 0 {
		return false
	}
	base := all[i].Field(f.Key)
	return base != nil && base.Doc == f.Doc
}

// meaning is the documentation of a key with what follows from its declaration.
func meaning(f *config.Field) string {
	text := f.Doc
	add := func(s string) { text += " " + s }
	if f.Required {
		add("It is required.")
	}
	switch {
	case strings.HasPrefix(f.Min, "more than"):
		add("It must be " + f.Min + ".")
	case f.Max == noBound || f.Min == "":
	case f.Max != "":
		add("It is from " + f.Min + " to " + f.Max + ".")
	default:
		add("It is at least " + f.Min + ".")
	}
	if f.PerProcess {
		add("It is expanded for each process.")
	}
	if f.Secret {
		add("It is never shown.")
	}
	if !f.Compared && !f.Names {
		add("`reread` and `update` do not see it change.")
	}
	return codes.ReplaceAllStringFunc(text, func(s string) string { return "`" + strings.Trim(s, "`") + "`" })
}

// noBound is an unreachable bound: the largest number that some settings hold.
const noBound = "2147483647"

// codes are the words in the documentation of a key that are not English: names with an underscore, expansions, sections; and what is marked
// so already.
var codes = regexp.MustCompile("`[^`]*`" + `|%\(\w+\)[sd]?|\[[a-z_-]+(:x)?\]|\b\w+:\w+_\w+\b|\b[A-Za-z]+(_[A-Za-z]+)+(=\w+)?\b|\b[a-z]+=[a-z]+\b`)

// facts are the type, default, unit and origin of a key.
func facts(f *config.Field) string {
	text := "Type: " + typeName(f.Type)
	if f.Default != "" {
		text += ". Default: `" + f.Default + "`"
	}
	if f.Unit != "" {
		text += ". Unit: " + f.Unit
	}
	return text + ". Origin: " + f.Origin + "."
}

// typeName is a type as a key's facts show it: its words where it is a choice of some.
func typeName(t *config.ValueType) string {
	if t.Words || t.Accepts == "text" {
		return t.Accepts
	}
	return t.Name
}

// types is the table of all types, by name.
func types(sections []config.SectionSchema) block {
	b := block{kind: table, head: []string{"type", "what a value may be"}}
	for _, s := range sections {
		for _, f := range s.Fields {
			row := []string{f.Type.Name, f.Type.Accepts}
			if typeName(f.Type) == row[0] && !slices.ContainsFunc(b.rows, func(r []string) bool { return r[0] == row[0] }) {
				b.rows = append(b.rows, row)
			}
		}
	}
	slices.SortFunc(b.rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	return b
}

// wrap breaks a text into lines of at most width characters.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}

// linked makes links of the names of other pages.
func linked(text string) string {
	text = regexp.MustCompile(`docs/([a-z-]+\.md)`).ReplaceAllString(text, "[$1]($1)")
	return strings.ReplaceAll(text, "PROTOCOL.md", "[PROTOCOL.md](../PROTOCOL.md)")
}

// Markdown is docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString("<!-- Made by make docs from the declarations in core/config. Do not edit it here. -->\n# The configuration\n")
	for _, x := range page(config.Schema()) {
		b.WriteByte('\n')
		switch x.kind {
		case heading:
			title := x.text
			if strings.HasPrefix(title, "[") {
				title = "`" + title + "`"
			}
			fmt.Fprintf(&b, "## %s\n", title)
		case paragraph:
			b.WriteString(linked(wrap(x.text, 140)) + "\n")
		case code:
			fmt.Fprintf(&b, "```ini\n%s\n```\n", x.text)
		case list:
			for _, item := range x.items {
				b.WriteString("- " + strings.ReplaceAll(wrap(item, 138), "\n", "\n  ") + "\n")
			}
		case table:
			fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(x.head, " | "), strings.Repeat("---|", len(x.head)))
			for _, row := range x.rows {
				fmt.Fprintf(&b, "| %s |\n", linked(strings.ReplaceAll(strings.Join(row, " | "), "*", `\*`)))
			}
		case key:
			fmt.Fprintf(&b, "### `%s`\n\n%s\n\n", x.text, linked(wrap(x.doc, 140)))
			if x.example != "" {
				fmt.Fprintf(&b, "    %s = %s\n\n", x.text, x.example)
			}
			b.WriteString(wrap(x.facts, 140) + "\n")
		}
	}
	return b.String()
}
