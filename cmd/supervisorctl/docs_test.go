package main

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestGoldenPage: the tables of docs/supervisorctl.md are those of the actions. UPDATE_GOLDEN=1 writes them.
func TestGoldenPage(t *testing.T) {
	t.Parallel()
	const path = "../../docs/supervisorctl.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for name, table := range map[string]string{"actions": actionsTable(), "documents": documentsTable()} {
		begin, end := "<!-- "+name+": UPDATE_GOLDEN=1 go test -run Golden ./cmd/supervisorctl -->\n", "<!-- end of "+name+" -->"
		before, rest, there := strings.Cut(text, begin)
		_, after, ends := strings.Cut(rest, end)
		if !there || !ends {
			t.Fatalf("the page has no place for the table of %s", name)
		}
		text = before + begin + table + end + after
	}
	compareGolden(t, path, text, "\n")
}

// actionsTable has a row for each action of Hark's and each with flags of Hark's: what they do.
func actionsTable() string {
	var b strings.Builder
	b.WriteString("| action | flags |\n|---|---|\n")
	for _, a := range actionTable() {
		var flags []string
		for _, f := range a.Flags {
			if f.Name == "json" { // has a table of its own
				continue
			}
			name := "--" + f.Name
			if f.Value {
				name += " …"
			}
			flags = append(flags, fmt.Sprintf("`%s`: %s", name, strings.ReplaceAll(f.Help, "|", "\\|")))
		}
		if a.Extra || len(flags) > 0 {
			fmt.Fprintf(&b, "| `%s` | %s |\n", a.Name, strings.Join(flags, "<br>"))
		}
	}
	return b.String()
}

// documentsTable has a row for each document of --json; those that are lines share one.
func documentsTable() string {
	var simple []string
	var rest strings.Builder
	for _, a := range actionTable() {
		for _, d := range a.JSON {
			what := d.text
			switch {
			case d.text == "" && reflect.TypeOf(d.value) == reflect.TypeFor[[]line]():
				simple = append(simple, "`"+d.form+"`")
				continue
			case d.text == "":
				what = typeText(reflect.TypeOf(d.value))
			}
			fmt.Fprintf(&rest, "| `%s` | %s |\n", d.form, what)
		}
	}
	return "| action | document |\n|---|---|\n| " + strings.Join(simple, ", ") + " | " + typeText(reflect.TypeFor[[]line]()) + ": one for each line |\n" +
		rest.String() + "| any, on several servers | " + typeText(reflect.TypeFor[[]fleetObject]()) + " |\n"
}

// typeText is a type in words, by its tags.
func typeText(of reflect.Type) string {
	if of.Kind() == reflect.Slice {
		return "an array of objects: " + typeText(of.Elem())
	}
	return strings.Join(memberTexts(of), ", ")
}

func memberTexts(of reflect.Type) (all []string) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			all = append(all, memberTexts(f.Type)...)
			continue
		case name == "":
			continue
		}
		text := "`" + name + "`"
		if doc := f.Tag.Get("doc"); doc != "" {
			text += " (" + doc + ")"
		}
		if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct {
			text += " (an array of " + strings.Join(memberTexts(f.Type.Elem()), ", ") + ")"
		}
		all = append(all, text)
	}
	return all
}
