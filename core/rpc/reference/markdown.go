package reference

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/hark-supervisor/hark/core/rpc"
)

const introduction = `# Methods

<!-- Made by make docs of the tables of methods in core/rpc: change those, not this file. -->

Every method of the daemon, by namespace. [xmlrpc.md](xmlrpc.md) explains how to call them and shows clients;
` + "`system.listMethods`" + ` lists the methods of a running daemon, those of plugins too, and ` + "`system.methodHelp`" + ` explains one.

A method that changes nothing may be called with read-only credentials; for others, these get the fault FAILED. Any
method may answer UNKNOWN_METHOD, INCORRECT_PARAMETERS for arguments of another number or type, and SHUTDOWN_STATE while
the daemon stops; the faults named below are those that a caller should expect besides.
`

// Markdown is docs/methods.md.
func Markdown() string {
	p := page{described: map[reflect.Type]bool{}}
	p.WriteString(introduction)
	clients, plugins := rpc.Declared()
	for _, ns := range clients {
		p.namespace("`"+ns.Name+"`", &ns)
	}
	p.namespace("`hark`, for plugins only", &plugins)
	return p.String()
}

type page struct {
	strings.Builder
	described map[reflect.Type]bool // records whose members are in a table already
}

func (p *page) namespace(title string, ns *rpc.Namespace) {
	fmt.Fprintf(p, "\n## %s\n", title)
	for i := range ns.Methods {
		if m := &ns.Methods[i]; m.AliasOf == "" {
			p.method(ns, m)
		}
	}
}

func (p *page) method(ns *rpc.Namespace, m *rpc.Method) {
	fmt.Fprintf(p, "\n### `%s.%s`\n\n", ns.Name, call(m))
	help := m.Help
	if m.ReadOnly {
		help += " It changes nothing."
	}
	p.WriteString(wrapped("", "", cell(help)) + "\n")
	for i, a := range m.Params {
		optional := ""
		if i >= len(m.Params)-m.Optional {
			optional = ", may be left out"
		}
		p.WriteString(wrapped("- ", "  ", fmt.Sprintf("`%s` (%s%s): %s", a.Name, a.Type, optional, cell(a.Help))))
	}
	if m.Returns.Type != "" {
		returns := "returns " + m.Returns.Type
		if m.Returns.Help != "" {
			returns += ": " + cell(m.Returns.Help)
		}
		p.WriteString(wrapped("- ", "  ", returns))
	}
	if len(m.Faults) > 0 {
		names := make([]string, len(m.Faults))
		for i, code := range m.Faults {
			names[i] = fmt.Sprintf("%d %s", code, rpc.FaultName(code))
		}
		p.WriteString(wrapped("- ", "  ", "faults: "+strings.Join(names, ", ")))
	}
	for i := range ns.Methods {
		if ns.Methods[i].AliasOf == m.Name {
			p.WriteString("- another name: `" + ns.Name + "." + ns.Methods[i].Name + "`\n")
		}
	}
	if m.Result != nil {
		p.record(recordOf(m.Result), "Its members")
	}
}

// record is the table of a record's members, and of the records in it.
func (p *page) record(t reflect.Type, title string) {
	if t == nil || p.described[t] {
		return
	}
	p.described[t] = true
	fmt.Fprintf(p, "\n%s:\n\n| member | type | meaning |\n|---|---|---|\n", title)
	members := membersOf(t)
	for _, m := range members {
		kind := m.kind
		if kind == "" {
			kind = "any"
		}
		fmt.Fprintf(p, "| `%s` | %s | %s |\n", m.name, kind, cell(m.doc))
	}
	for _, m := range members {
		p.record(m.inner, "Those of `"+m.name+"`")
	}
}

// cell is a text for Markdown.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "*", "\\*", "<", "\\<", "\n", " ").Replace(s)
}
