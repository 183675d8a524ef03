package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/core/xmlrpc"
	"github.com/hark-supervisor/hark/internal/pytext"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line, verb, arg, whole string
		ok                     bool
	}{
		{"", "", "", "", false},
		{" \t ", "", "", "", false},
		{"status", "status", "", "status", true},
		{"  start  a  b ", "start", "a  b", "start  a  b", true},
		{"tail -f x", "tail", "-f x", "tail -f x", true},
		{"tail-f x", "tail", "-f x", "tail-f x", true},
		{"?", "help", "", "help ", true},
		{"?pid", "help", "pid", "help pid", true},
		{"!ls", "", "", "!ls", false},
		{"-x", "", "-x", "-x", true},
		{"cache_fetch k", "cache_fetch", "k", "cache_fetch k", true},
		{"é", "", "é", "é", true},
	} {
		verb, arg, whole, ok := parseLine(c.line)
		if verb != c.verb || arg != c.arg || whole != c.whole || ok != c.ok {
			t.Errorf("parseLine(%q) = %q, %q, %q, %v", c.line, verb, arg, whole, ok)
		}
	}
}

func TestCutFlags(t *testing.T) {
	t.Parallel()
	a := Action{Flags: []Flag{{Name: "json"}, {Name: "for", Value: true}}}
	for _, c := range []struct{ arg, rest, flags, err string }{
		{"a b", "a b", "map[]", ""},
		{"--json a", "a", "map[json:]", ""},
		{"a --json", "a", "map[json:]", ""},
		{"a --for running b", "a b", "map[for:running]", ""},
		{"--for=x --json", "", "map[for:x json:]", ""},
		{"--jso a --nosuch=1 -f", "--jso a --nosuch=1 -f", "map[]", ""},
		{"--json=1", "", "map[]", "option --json must not have an argument"},
		{"--for", "", "map[]", "option --for requires argument"},
	} {
		rest, flags, err := a.cutFlags(c.arg)
		if err != nil {
			if err.Error() != c.err {
				t.Errorf("%q: %v", c.arg, err)
			}
			continue
		}
		if rest != c.rest || fmt.Sprint(flags) != c.flags || c.err != "" {
			t.Errorf("%q: %q, %v", c.arg, rest, flags)
		}
	}
	plain := Action{}
	if rest, _, _ := plain.cutFlags("--json  a"); rest != "--json  a" {
		t.Errorf("an action without flags got %q", rest)
	}
}

func TestTailCount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		modifier string
		n        int
		err      string
	}{
		{"", 1600, ""}, {"-5", 5, ""}, {"-+5", 5, ""}, {"--5", -5, ""}, {"-1_000", 1000, ""}, {"-007", 7, ""},
		{"-", 0, "bad"}, {"-x", 0, "bad"}, {"-_1", 0, "bad"}, {"-1_", 0, "bad"}, {"-1__0", 0, "bad"}, {"---5", 0, "bad"}, {"-5x", 0, "bad"},
		{"-2147483648", 2147483648, ""}, {"-2147483649", 0, errOverflow.Error()}, {"-99999999999999999999", 0, errOverflow.Error()},
	} {
		n, err := tailCount(c.modifier)
		said := ""
		if err != nil {
			said = strings.Replace(err.Error(), "Error: bad argument "+c.modifier, "bad", 1)
		}
		if n != c.n || said != c.err {
			t.Errorf("tailCount(%q) = %d, %v", c.modifier, n, err)
		}
	}
}

// TestColumnsAndQuotesAreThoseOfPython asks Python itself.
func TestColumnsAndQuotesAreThoseOfPython(t *testing.T) {
	t.Parallel()
	const script = `
import cmd, sys
words = sys.argv[1].split(",")
for n in range(1, len(words) + 1):
    for width in (10, 24, 79):
        cmd.Cmd().columnize(words[:n], width)
        print("--")
for s in sys.argv[2:]:
    print(repr(s))
`
	words := strings.Split("add,a-very-long-word-that-is-wider-than-most,avail,x,clear,exit,fg,maintail,open,pid,quit,reload,remove,reread", ",")
	texts := []string{"plain", "it's", `"it's"`, "back\\slash", "tab\tnew\nline\rreturn", "\x01\x7f", "é", "\u00a0\u00ad\u200b", "\U0001F600\U000E0001", "\u0378"}
	out, err := exec.Command("/usr/bin/python3", append([]string{"-c", script, strings.Join(words, ",")}, texts...)...).Output()
	if err != nil {
		t.Fatalf("%v; make test installs what the tests need", err)
	}
	var b strings.Builder
	for n := 1; n <= len(words); n++ {
		for _, width := range []int{10, 24, 79} {
			b.WriteString(columns(words[:n], width) + "--\n")
		}
	}
	for _, s := range texts {
		b.WriteString(pytext.Quote(s) + "\n")
	}
	want, got := strings.Split(string(out), "\n"), strings.Split(b.String(), "\n")
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Fatalf("line %d is %q, Python's is %q", i, got[i], want[i])
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d lines, Python has %d", len(got), len(want))
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	infos := slices.Concat(processes(2), processes(1)[:1])
	infos[2][0].Value, infos[2][1].Value = "cat-1", "cat-1"
	url := fakeServer(t, methods{"supervisor.getAllProcessInfo": infos}.ServeHTTP)
	c := newController(&options{servers: []string{url}}, streams{})
	defer c.server.close()
	all := []string{"help "}
	var supervisors []string
	for _, a := range actionTable() {
		if a.Help != "" && a.Name != "help" {
			all = append(all, a.Name+" ")
			if !a.Extra {
				supervisors = append(supervisors, a.Name)
			}
		}
	}
	if got, want := strings.Join(supervisors, " "), "add avail clear exit fg maintail open pid quit reload remove reread restart shutdown signal start status stop tail update version"; got != want {
		t.Errorf("Supervisor's actions come as %s", got)
	}
	for _, test := range []struct{ line, head, want string }{
		{"", "", strings.Join(all, "|")},
		{"st", "", "start |status |stop "},
		{"nosuch", "", ""},
		{"nosuch x", "nosuch ", ""},
		{"version x", "version ", ""},
		{"help re", "help ", "reload |remove |reread |restart "},
		{"add ", "add ", "p |cat-1 "},
		{"start ", "start ", "p:p_0000 |p:* |p:p_0001 |cat-1 "},
		{"start p:", "start ", "p:p_0000 |p:* |p:p_0001 "},
		{"start p:p_0001 c", "start p:p_0001 ", "cat-1 "},
		{"start cat-1:", "start ", "cat-1:cat-1 |cat-1:* "},
	} {
		head, matches, rest := c.completeWord(context.Background(), test.line, len(test.line))
		if got := strings.Join(matches, "|"); got != test.want || head != test.head || rest != "" {
			t.Errorf("%q: %q %q %q", test.line, head, got, rest)
		}
	}
	c.server.close()
}

// TestTheShellsCompleteEveryOption: what stands before the action is listed in the scripts themselves.
func TestTheShellsCompleteEveryOption(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := completionScripts.ReadFile("completion/supervisorctl." + shell)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range optionTable() {
			name := "--" + o.long
			if shell == "fish" && !strings.Contains(string(script), name) {
				name = "-l " + o.long
			}
			if o.long != "" && !strings.Contains(string(script), name) {
				t.Errorf("%s does not complete --%s", shell, o.long)
			}
		}
	}
}

// TestEveryActionExplainsItself: the table is what help, completion and the
// documents are made from.
func TestEveryActionExplainsItself(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range actionTable() {
		if seen[a.Name] {
			t.Errorf("%s is there twice", a.Name)
		}
		seen[a.Name] = true
		if a.Run == nil {
			t.Errorf("%s does nothing", a.Name)
		}
		if a.Complete == nil || a.JSON == nil {
			t.Errorf("%s does not say what its arguments complete to (completeNothing), or what --json prints (textOnly)", a.Name)
		}
		if a.Name != "EOF" && !strings.HasPrefix(a.Help, a.Name) {
			t.Errorf("the help of %s does not begin with its name", a.Name)
		}
		for _, f := range a.Flags {
			if f.Name == "" || f.Help == "" || strings.HasPrefix(f.Name, "-") {
				t.Errorf("%s: the flag %+v is not complete", a.Name, f)
			}
		}
	}
}

// FuzzParseLine: a verb is an identifier and nothing of the line is lost.
func FuzzParseLine(f *testing.F) {
	for _, line := range []string{"", "status", "?x", "!x", " tail -f  a ", "a\x00b", "é"} {
		f.Add(line)
	}
	table := actionTable()
	f.Fuzz(func(t *testing.T, line string) {
		verb, arg, whole, ok := parseLine(line)
		for i := range len(verb) {
			if !isIdentifier(verb[i]) {
				t.Fatalf("the verb is %q", verb)
			}
		}
		if ok && strings.TrimSpace(strings.TrimPrefix(whole, verb)) != arg {
			t.Fatalf("%q became %q and %q", whole, verb, arg)
		}
		for i := range table {
			_, _, _ = table[i].cutFlags(line)
		}
	})
}

// FuzzReplies: whatever a server answers is a value or an error.
func FuzzReplies(f *testing.F) {
	doc, err := xmlrpc.AppendResponse(nil, processes(1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(doc)
	f.Add(xmlrpc.AppendFault(nil, &xmlrpc.Fault{Code: 10, String: "BAD_NAME"}))
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := xmlrpc.DecodeResponse(doc)
		if err != nil {
			if d := describe(err); d.class == "" || d.text == "" {
				t.Fatalf("%v became %+v", err, d)
			}
			return
		}
		infos, err := decode[[]processInfo](v)
		if _, isList := v.([]any); err == nil && (!isList || len(infos) != len(v.([]any))) {
			t.Fatalf("%v became %v", v, infos)
		}
		_, _ = decode[[]result](v)
		_, _ = decode[[]subscriber](v)
		_, _ = decode[[]processStats](v)
		_, _ = decode[string](v)
	})
}
