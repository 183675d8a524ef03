package rpc

import (
	"context"
	"reflect"
	"strings"
)

// Namespace is a set of methods under one name: "supervisor", "system", "hark",
// or a plugin's.
type Namespace struct {
	Name    string
	Methods []Method
	// Missing answers calls of methods that are not among Methods, which may not be known yet; nil: UNKNOWN_METHOD.
	Missing func(method string) error
}

// Method is one row of a namespace's table. Its signature and its help are
// made of the same fields, so they can't disagree.
type Method struct {
	Name     string
	Params   []Param // in order
	Optional int     // how many of the last Params may be left out
	Returns  Param   // Type "" means that methodSignature has no answer
	Help     string  // what it does, one or more lines
	ReadOnly bool    // may be called with read-only credentials
	// Waits means that a call may take long: its context is done when the caller has gone, and their number is limited. What it has begun must
	// continue by itself. The context of other calls does not end with the caller: they are completed.
	Waits bool
	// WhileRunning refuses it with SHUTDOWN_STATE while the daemon stops. (All of Supervisor's but one are refused then.)
	WhileRunning bool
	PluginsOnly  bool         // not for clients
	Faults       []int        // those that a caller should expect, in addition to those of every method; for its documentation
	Result       reflect.Type // what row's function returns; nil: it is not known
	AliasOf      string       // the name that it had first; "": it is not an alias

	// Call is given len(Params)-Optional to len(Params) values. Its error is an
	// *xmlrpc.Fault, the context's, or one that becomes FAILED with its text.
	Call func(ctx context.Context, args []any) (any, error)
}

// Param is a parameter, or what is returned: an XML-RPC type ("string", "int",
// "boolean", "array", "struct"), a name and a description.
type Param struct{ Type, Name, Help string }

// Signature is the answer of system.methodSignature: the type returned, then
// those of the parameters; nil when nothing is known to be returned.
func (m *Method) Signature() []string {
	if m.Returns.Type == "" {
		return nil
	}
	signature := []string{m.Returns.Type}
	for _, p := range m.Params {
		signature = append(signature, p.Type)
	}
	return signature
}

// Documentation is the answer of system.methodHelp, with the @param and @return
// lines that tools made for Supervisor parse (supervisor/xmlrpc.py, gettags).
func (m *Method) Documentation() string {
	var b strings.Builder
	b.WriteString(m.Help)
	b.WriteString("\n\n")
	line := func(tag string, p Param) {
		b.WriteString(strings.TrimRight(strings.Join([]string{tag, p.Type, p.Name, p.Help}, " "), " "))
		b.WriteByte('\n')
	}
	for _, p := range m.Params {
		line("@param", p)
	}
	if m.Returns.Type != "" {
		line("@return", m.Returns)
	}
	return b.String()
}

// takes reports whether the method can be called with n arguments.
func (m *Method) takes(n int) bool {
	return n <= len(m.Params) && n >= len(m.Params)-m.Optional
}

// alias is the same method under another name.
func (m Method) alias(name string) Method {
	m.Name, m.AliasOf = name, m.Name
	return m
}
