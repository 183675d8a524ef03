package reference

import (
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/hark-supervisor/hark/core/rpc"
	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/sdk/client"
)

// top is the root of the tree.
const top = "../../../"

func TestGoldenReference(t *testing.T) {
	files := map[string]string{"docs/methods.md": Markdown()}
	for name, text := range Client() {
		files["sdk/client/"+name] = text
	}
	for file, want := range files {
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(top+file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(top + file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale: run make docs", file)
		}
	}
}

// Records that the client has by hand, with methods of their own, have the members of the daemon's.
func TestTheClientsOwnRecordsHaveTheDaemonsMembers(t *testing.T) {
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[rpc.Outcome](), reflect.TypeFor[client.Outcome]()}, {reflect.TypeFor[rpc.ProcessInfo](), reflect.TypeFor[client.ProcessInfo]()},
		{reflect.TypeFor[rpc.ConfigInfo](), reflect.TypeFor[client.ConfigInfo]()}, {reflect.TypeFor[rpc.State](), reflect.TypeFor[client.State]()},
	} {
		var sent, read []string
		for _, m := range membersOf(pair[0]) {
			sent = append(sent, m.name)
		}
		for _, f := range reflect.VisibleFields(pair[1]) {
			read = append(read, f.Tag.Get("xmlrpc"))
		}
		slices.Sort(sent)
		if slices.Sort(read); !slices.Equal(sent, read) {
			t.Errorf("%s: sent are %q, read %q", pair[0], sent, read)
		}
		if !handWritten(pair[0]) {
			t.Errorf("%s is generated", pair[0])
		}
	}
}

// What is documented is complete: every method says what it does, what its arguments mean and what it answers, and the
// type that it declares for its answer is that of what it answers.
func TestEveryMethodIsDescribed(t *testing.T) {
	clients, plugins := rpc.Declared()
	described := map[reflect.Type]bool{}
	var record func(t reflect.Type) []string
	record = func(r reflect.Type) (missing []string) {
		if r == nil || described[r] {
			return nil
		}
		described[r] = true
		for _, m := range membersOf(r) {
			if m.doc == "" {
				missing = append(missing, r.String()+"."+m.field)
			}
			missing = append(missing, record(m.inner)...)
		}
		return missing
	}
	for _, ns := range append(clients, plugins) {
		for i := range ns.Methods {
			m := &ns.Methods[i]
			if m.Help == "" || m.Returns.Type == "" {
				t.Errorf("%s.%s is not described", ns.Name, m.Name)
			}
			for _, p := range m.Params {
				if p.Name == "" || p.Help == "" || p.Type == "" {
					t.Errorf("%s.%s: the parameter %q is not described", ns.Name, m.Name, p.Name)
				}
			}
			if m.Result == nil {
				continue // system.multicall
			}
			if missing := record(recordOf(m.Result)); missing != nil {
				t.Errorf("%s.%s: not described are %q", ns.Name, m.Name, missing)
			}
			kind := xmlrpc.TypeOf(m.Result, "")
			if _, function := special(m.Result); function == "" && kind != m.Returns.Type && !(kind == "struct" && m.Returns.Type == "array" && recordOf(m.Result) != m.Result) {
				t.Errorf("%s.%s answers %s, and says %s", ns.Name, m.Name, kind, m.Returns.Type)
			}
		}
	}
}
