package pytext

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestSplitPartsAsPythonsShlex(t *testing.T) {
	tests := []struct {
		name, command string
		want          []string
		err           error
	}{
		{"an empty command has no arguments", "", nil, nil},
		{"a blank command has no arguments", " \t\r\n", nil, nil},
		{"blanks part", "  cat -u\t-  ", []string{"cat", "-u", "-"}, nil},
		{"lines part too", "cat\n -u", []string{"cat", "-u"}, nil},
		{"quotes join", `sh -c 'a b'" c"d`, []string{"sh", "-c", "a b cd"}, nil},
		{"empty quotes are an argument", `a '' ""`, []string{"a", "", ""}, nil},
		{"empty quotes within one are nothing", `a''b`, []string{"ab"}, nil},
		{"single quotes keep backslashes", `'\n\'`, []string{`\n\`}, nil},
		{"double quotes keep a backslash before an ordinary character", `"a\n\\\"$"`, []string{`a\n\"$`}, nil},
		{"a bare backslash keeps anything", `a\ b \'`, []string{"a b", "'"}, nil},
		{"a bare backslash keeps a line end", "a\\\nb", []string{"a\nb"}, nil},
		{"a hash is no comment", "a #b", []string{"a", "#b"}, nil},
		{"other blanks are ordinary", "a\vb\u00a0c", []string{"a\vb\u00a0c"}, nil},
		{"an open single quote is refused", "a 'b", nil, ErrNoClosingQuotation},
		{"an open double quote is refused", `a "b`, nil, ErrNoClosingQuotation},
		{"a trailing backslash is refused", `a \`, nil, ErrNoEscapedCharacter},
		{"a trailing backslash in double quotes is refused as such", `a "\`, nil, ErrNoEscapedCharacter},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Split(tt.command)
			if !errors.Is(err, tt.err) || !slices.Equal(got, tt.want) {
				t.Errorf("Split(%q) = %q, %v; want %q, %v", tt.command, got, err, tt.want, tt.err)
			}
		})
	}
}

func TestSplitAgreesWithPythonOnACorpus(t *testing.T) {
	commands := corpus(5000, 25,
		" ", " ", "\t", "\r", "\n", "'", "'", `"`, `"`, `\`, `\`, "a", "b", "$", "#", ";", "=", "%", "é", "\u00a0",
		"\u2028", "\v", "\f", "\x00", "\x1f", "\u0085", "-c", "/bin/sh", "(", ")", "|", "😀")
	var want []struct {
		Args []string
		Err  string
	}
	python(t, `
import shlex
a = []
for s in q:
    try:
        a.append({"args": shlex.split(s)})
    except ValueError as e:
        a.append({"err": str(e)})
`, commands, &want)
	refused := 0
	for i, c := range commands {
		got, err := Split(c)
		msg := ""
		if err != nil {
			msg = err.Error()
			refused++
		}
		if msg != want[i].Err || !slices.Equal(got, want[i].Args) {
			t.Fatalf("Split(%q) = %q, %q; Python: %q, %q", c, got, msg, want[i].Args, want[i].Err)
		}
	}
	if refused == 0 || refused == len(commands) {
		t.Errorf("the corpus is one-sided: %d of %d refused", refused, len(commands))
	}
}

func TestTokensAreThoseOfPythonsShlex(t *testing.T) {
	const more = "/.+-():"
	cases := append(corpus(4000, 12, "A", "B", "=", ",", " ", "\n", "\t", `"`, "'", `\`, "#", "$", "é", "/", ":", "×", "1", "-", "\u0430", "\x0b"),
		"A=1", `A="1",B='2'`, "A=$HOME", "A=a b", "A=1,", "A=", ",,", "x@y", `A="a\"b\c"`, `A='a\b'`, `A=a\ b`, `A="`, `A='`, `A=\`, `A="\`,
		"A=1#c\nB=2", "#c", "A=é×÷ÿ", "A=\u0430", `A=""`, `A=''b""`, "A==b", "A=%,B=(c)")
	var want []struct {
		Tokens []string
		Error  string
	}
	python(t, `
import shlex
a = []
for s in q:
    lexer = shlex.shlex(s, posix=True)
    lexer.wordchars += "`+more+`"
    try:
        a.append({"tokens": list(lexer)})
    except ValueError as e:
        a.append({"error": str(e)})
`, cases, &want)
	for i, c := range cases {
		got, err := Tokens(c, more)
		problem := ""
		if err != nil {
			problem = err.Error()
		}
		if problem != want[i].Error || !slices.Equal(got, want[i].Tokens) {
			t.Errorf("%q:\n got %q %s\nwant %q %s", c, got, problem, want[i].Tokens, want[i].Error)
		}
	}
}

// FuzzSplit: Split never panics, and quoting what it gave gives the same again.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", `a 'b c' "d\"" \e`, `'`, `"\`, "\\", "''"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, command string) {
		args, err := Split(command)
		if err != nil {
			if args != nil {
				t.Fatalf("Split(%q) gives arguments and an error", command)
			}
			return
		}
		var b strings.Builder
		for _, a := range args {
			b.WriteString("'" + strings.ReplaceAll(a, "'", `'"'"'`) + "' ")
		}
		again, err := Split(b.String())
		if err != nil || !reflect.DeepEqual(again, args) {
			t.Fatalf("Split(%q) = %q; quoted and split again: %q, %v", command, args, again, err)
		}
	})
}
