package config

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hark-supervisor/hark/internal/pytext"
)

func anyOf[T any](f func(string) (T, error)) func(string) (any, error) {
	return func(s string) (any, error) { return f(s) }
}

func TestValuesMeanWhatTheyMeanToSupervisor(t *testing.T) {
	ours := map[string]func(string) (any, error){
		"integer":      anyOf(integer),
		"boolean":      anyOf(boolean),
		"byteSize":     anyOf(byteSize),
		"octal":        anyOf(octal),
		"exitCodes":    func(s string) (any, error) { v, err := exitCodes(s); return append([]int{}, v...), err },
		"signalNumber": anyOf(ParseSignal),
		"loggingLevel": anyOf(loggingLevel),
		"inetAddress": func(s string) (any, error) {
			host, port, err := inetAddress(s)
			return []any{host, port}, err
		},
		"processName": anyOf(processName),
	}
	values := []string{
		"", " ", "0", "1", "-1", "+1", "- 1", "010", "1_000", "_1", "1_", "1__0", " 12 ", "\u00a012\u2003", "١٢", "１２", "𝟙", "𝟬", "1.5", "1e3", "0x10", "0o17", "0O17", "0o_17", "0o", "-0o17", "0b1", "08", "022", "7777", "9",
		"9223372036854775807", "-9223372036854775808", "'", `it's "x"`, "a\nb", "é", "\x7f", strings.Repeat("x", 300), strings.Repeat("1", 300)[:18],
		"1KB", "1kb", "1 MB", "1mB ", "1.5MB", "GB", "2GB", "-3kb", "1K", "1B", "kb", "1kbkb", "K", "50mb", "１Mb",
		"yes", "YES", "True", "on", "oN", "off", "no", "false", "0 ", "2", "t",
		"0,2", "0, 2", "0,,2", ",", "256", "-1,0", "255", "0,x", "1,2,3",
		"TERM", "term", " hup ", "SIGUSR1", "sigusr2", "15", " 15", "64", "34", "35", "40", "32", "99", "_DFL", "SIG_BLOCK", "CLD", "IOT", "RTMIN", "RTMIN+1", "POLL", "EMT", "KILLED", "31", "-9",
		"info", "INFO", "Warn", "warning", "blather", "critical", "crit", "debug", "trace", "error",
		"9001", ":9001", "*:9001", "127.0.0.1:9001", "LocalHost:80", "host:", "host:x", "0:0", "a:65536", "70000", "[::1]:80", "::1:80", "x", ":",
		"name", " name ", "a b", "a:b", "a/b", "\tn\n", "a\u00a0b",
	}
	var cases [][2]string
	for _, name := range slices.Sorted(keysOf(ours)) {
		for _, v := range values {
			cases = append(cases, [2]string{name, v})
		}
	}
	var want []struct{ Value, Error *string }
	oracle(t, "datatypes", cases, &want)
	for i, c := range cases {
		got, err := ours[c[0]](c[1])
		if w := want[i].Error; w != nil {
			if err == nil || err.Error() != *w {
				t.Errorf("%s(%q): got %v, %v; want the error %q", c[0], c[1], got, err, *w)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s(%q): got the error %q, want %s", c[0], c[1], err, *want[i].Value)
			continue
		}
		var a, b any
		gotJSON, _ := json.Marshal(got)
		if e1, e2 := json.Unmarshal(gotJSON, &a), json.Unmarshal([]byte(*want[i].Value), &b); e1 != nil || e2 != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s(%q): got %s, want %s", c[0], c[1], gotJSON, *want[i].Value)
		}
	}
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestNumbersBeyondAnInt64AreTheNearestOne(t *testing.T) {
	for s, want := range map[string]int64{
		strings.Repeat("9", 40):       1<<63 - 1,
		"-" + strings.Repeat("9", 40): -1 << 63,
	} {
		if got, err := integer(s); err != nil || got != want {
			t.Errorf("%s: got %d, %v", s, got, err)
		}
	}
	if got, err := byteSize("99999999999999999GB"); err != nil || got != 1<<63-1 {
		t.Errorf("got %d, %v", got, err)
	}
}

func TestTextRulesArePythons(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	cases := []string{"", "'", `"`, `'"`, `\`, "\n\r\t\x00\x1f\x7f\u0080\u00a0\u00ad\u2028\ufeff\U0001f600\U000e0001", "İΣΑΣ ΑΣ. ΑΣΑ", "a\u0345Σ", "ẞǅK"}
	for range 2000 {
		var b strings.Builder
		for range r.IntN(8) {
			c := rune(r.IntN(0x500))
			if r.IntN(3) == 0 {
				c = []rune("'\"\\ \t\u2003\x1cΣΑİ.x")[r.IntN(12)]
			}
			b.WriteRune(c)
		}
		cases = append(cases, b.String())
	}
	var want [][4]string
	oracle(t, "reprs", cases, &want)
	for i, c := range cases {
		if got := [4]string{pytext.Quote(c), pytext.QuoteASCII(c), lower(c), strip(c)}; got != want[i] {
			t.Errorf("%q:\n got %q\nwant %q", c, got, want[i])
		}
	}
}

func TestGlobFindsWhatPythonFinds(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"a.conf", "b.conf", ".hidden.conf", "é.conf", "[x].conf", "a b.conf", "conf.d/1.ini", "conf.d/2.ini", "conf.d/.3.ini", "deep/er/z.conf", "!.conf", "-.conf", "A.CONF", `b\.conf`} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(f)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.conf")); err != nil {
		t.Fatal(err)
	}
	patterns := []string{
		"*.conf", "*", ".*", "?.conf", "[ab].conf", "[!ab].conf", "[a-c].conf", "[c-a].conf", "[!c-a].conf", "[]x].conf", "[[]x].conf", "[", "[a", "*[", "**/*.conf", "**", "*/", "*/*", "*/*.ini", "conf.d/", "conf.d/*",
		"a.conf", "none", "none/*", "deep/*/z.conf", "d??p/er/*", "dangling.conf", "./*.conf", "conf.d/../*.conf", "", "é.*", "?b.conf", "[é].conf", "[-x].conf", "[x-].conf", "[!-].conf", "[!!].conf", "[^a].conf", `b\.conf`, `b\*`, "[a-].conf", "[--a].conf", "//tmp", "conf.d//*",
		dir + "/*.conf", dir + "/conf.d/[12].ini",
	}
	var want [][][]string
	oracle(t, "glob", []any{[]any{dir, patterns}}, &want)
	p := paths{cwd: dir}
	for i, pattern := range patterns {
		got := append([]string{}, p.glob(pattern)...)
		slices.Sort(got)
		if !slices.Equal(got, want[0][i]) {
			t.Errorf("%q:\n got %q\nwant %q", pattern, got, want[0][i])
		}
	}
}

func TestKeyValuePairs(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{``, `[]`},
		{`A=1`, `[{A 1}]`},
		{`A="1,2",B='x y'`, `[{A 1,2} {B x y}]`},
		{`A=1,B=2,A=3,`, `[{A 3} {B 2}]`},
		{"A=1,\n  B=2", `[{A 1} {B 2}]`},
		{`A=1;B=2`, `[{A 1} {B 2}]`},
		{`A=$HOME`, `[{A $}]`},
		{`A=a b`, `[{A a}]`},
		{`A=`, `Unexpected end of key/value pairs in value 'A='`},
		{`,,`, `Unexpected end of key/value pairs in value ',,'`},
		{`A="1`, `No closing quotation`},
	} {
		pairs, err := keyValuePairs(c.in)
		got := fmt.Sprint(pairs)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.in, got, c.want)
		}
	}
}

func FuzzEnvironment(f *testing.F) {
	for _, s := range []string{"", `A="1",B='2'`, "A=$HOME", `A=\`, "A=1#x\nB=2", `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		pairs, err := keyValuePairs(s)
		if err != nil {
			return
		}
		var b strings.Builder
		for _, p := range pairs {
			q := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
			b.WriteString(`"` + q.Replace(p.Name) + `"="` + q.Replace(p.Value) + `",`)
		}
		again, err := keyValuePairs(b.String())
		if err != nil || !slices.Equal(again, pairs) {
			t.Errorf("%q: %q, then %q, %v", s, pairs, again, err)
		}
	})
}
