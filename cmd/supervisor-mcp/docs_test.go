package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	docsPath  = "../../docs/mcp.md"
	docsBegin = "<!-- tools: UPDATE_GOLDEN=1 go test -run Golden ./cmd/supervisor-mcp -->\n"
	docsEnd   = "<!-- end of tools -->\n"
)

// The table of tools in docs/mcp.md is made of what a client receives.
func TestGoldenDocs(t *testing.T) {
	h := newHost("supervisorctl", os.DevNull, nil, true, os.Stderr)
	theirs, ours := mcp.NewInMemoryTransports()
	server, err := h.server.Connect(t.Context(), ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mcp.NewClient(&mcp.Implementation{Name: "docs", Version: "1"}, nil).Connect(t.Context(), theirs, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = client.Close()
		_ = server.Wait()
	}()
	list, err := client.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var rows strings.Builder
	rows.WriteString("| tool | arguments | what it does |\n|---|---|---|\n")
	for _, wanted := range tools() {
		i := slices.IndexFunc(list.Tools, func(tool *mcp.Tool) bool { return tool.Name == wanted.name })
		if i < 0 {
			t.Fatalf("there is no tool %s", wanted.name)
		}
		tool := list.Tools[i]
		schema := tool.InputSchema.(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		required, _ := schema["required"].([]any)
		var arguments []string
		for name, p := range properties {
			text := fmt.Sprintf("`%s`: %s", name, p.(map[string]any)["description"])
			if !slices.Contains(required, any(name)) {
				text += " (optional)"
			}
			arguments = append(arguments, text)
		}
		slices.Sort(arguments)
		leave := ""
		if wanted.controls {
			leave = " (`--allow control`)"
		}
		fmt.Fprintf(&rows, "| `%s`%s | %s | %s |\n", tool.Name, leave, strings.Join(arguments, "<br>"), tool.Description)
	}
	page, err := os.ReadFile(docsPath)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(page), docsBegin)
	old, after, ok := strings.Cut(rest, docsEnd)
	switch {
	case !ok:
		t.Fatalf("%s has no place for the table", docsPath)
	case old == rows.String():
	case os.Getenv("UPDATE_GOLDEN") != "":
		if err := os.WriteFile(docsPath, []byte(before+docsBegin+rows.String()+docsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table of tools in %s is stale: make golden writes it", docsPath)
	}
}
