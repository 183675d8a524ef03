package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// readerCase is one document: files read one over the other.
type readerCase [][2]string // name, base64

type readerAnswer struct {
	Error    string
	Sections []readerSection
	Defaults [][2]string
}

type readerSection struct {
	Name string
	Keys [][2]string
}

func (s *readerSection) UnmarshalJSON(b []byte) error {
	return unmarshalPair(b, &s.Name, &s.Keys)
}

func makeCase(files ...string) readerCase {
	var c readerCase
	for i, f := range files {
		c = append(c, [2]string{fmt.Sprintf("dir/it's %d.conf", i), base64.StdEncoding.EncodeToString([]byte(f))})
	}
	return c
}

func answerOf(c readerCase) readerAnswer {
	d := NewDocument()
	for _, f := range c {
		data, _ := base64.StdEncoding.DecodeString(f[1])
		if err := d.Parse(f[0], data); err != nil {
			var all Errors
			if !errors.As(err, &all) {
				return readerAnswer{Error: "not an Errors"}
			}
			return readerAnswer{Error: all.First()}
		}
	}
	a := readerAnswer{Sections: []readerSection{}, Defaults: [][2]string{}}
	pairs := func(name string) [][2]string {
		keys := [][2]string{}
		for _, k := range d.Own(name) {
			keys = append(keys, [2]string{k, d.section(name).keys[k].key.Value()})
		}
		return keys
	}
	for _, s := range d.Sections() {
		a.Sections = append(a.Sections, readerSection{s, pairs(s)})
	}
	a.Defaults = pairs(defaultSection)
	return a
}

// handMade is what earlier readers got wrong.
func handMade() []string {
	long := "[a]\n" + strings.Repeat("k = "+strings.Repeat("x", 60)+"\n", 200)
	return []string{
		"", "\n", "; only\n", "[a]", "[a]\n", "[a]\nb=c", "b=c", " [a]\n b=c\n  d\n", "[a]\nb=c\n\td=e\n",
		"[a]\nb=c ; x\nd=e;x\nf=g\t# y\nh=i#y ;z\nj=k;l #m\nn= ;o\np=q ;r ;s\n",
		"[a]\nb=c\n\n d\n; e\n f\n\n\n g\nh\n", "[a]\nb=c\n   # e\n  f\n", "[a]\nb:c=d\ne=f:g\nh i = j\n=k\n", "[a]\n = k\n  l\nm=n\n",
		"[a]\nB=1\nb=2\n[A]\nb=3\n[a]\nc=4\n", "[a] ; see [x]\nb=1\n", "[a]]\nb=1\n", "[]\n", "[]]\nb=1\n", "[ a ]\nb=1\n", "[a\n", "[a]\n[b\n",
		"[DEFAULT]\nx=1\n[a]\ny=2\n[DEFAULT]\nz=3\n", "[default]\nx=1\n", "[a]\r\nb=c\r\nd=e\r[f]\rg=h", "[a]\rb=1\r\r  2\r",
		"\ufeff[a]\nb=1\n", "\ufeff", "\ufeff ; x\n", "[a]\nb=\x00\n\x00=c\n", "[a]\nb=\x1c c\x1d\nd=\u00a0e\u2003\n", "[a]\n\u2003b=c\n \u00a0 d\n",
		"[a]\nİ=1\nΣΣ=2\nΑΣ.=3\nß=4\nẞ=5\n", "[a]\nb='''c\"\"\"\n`d`=e\n\"f\"=g\n-=h\n", "[a]\nb=" + strings.Repeat("x\n ", 3000), long,
		"[program:a]\ncommand=sh -c 'a ; b'\n", "[a]\npassword hunter2\n", "password hunter2\n",
		"[a]\nb=\xff\n", "\xff", "[a]\nb=\xe2\x82", "[a]\nb=\xe2\x28\xa1", "[a]\nb=\xf0\x90\x28\xbc", "\xf0\x90\x8d", "[a]\n\xed\xa0\x80", "\xc0\x80", "\xf5\x80", "\xf4\x90\x80\x80", "\xe0\x80\x80",
		"x\n" + long + "\xff", strings.Repeat("[a]\nb=cé\n", 900) + "\xe2\x82", long + "\xe2\x82(", "[a]\n" + strings.Repeat("é", 5000) + "=1\xf1",
		strings.Repeat("é", 8192) + "\xff", "a" + strings.Repeat("é", 8192) + "\xe9",
		"[a]\nb=c\nd\n  e\nf=g\n", "[a]\nbad\nworse\n[b]\nc=d\n", "[a]\n;b=c\n#d=e\n ;f\n", "[a]\nb=c\n d ; e\n f\n",
	}
}

func randomFile(r *rand.Rand) string {
	words := []string{"[a]", "[b]", "[DEFAULT]", "[ c ]", "[d:x]", "[e", "f]", "[g] h", "k", "key", "K", "=", ":", " = ", " : ", "v", "value", "%(x)s", "'q'", `"`, "é", "\u00a0", "\u2028",
		";", "#", " ;", " #", "\t;", "; c", "# c", ";;", " ", "  ", "\t", "\x0b", "\x0c", "\x1f", "\x00", "\r", "\\", "`", "[", "]", ",", "0", "-"}
	var b strings.Builder
	if r.IntN(4) > 0 {
		b.WriteString("[s]\n")
	}
	for range r.IntN(25) {
		b.WriteString(strings.Repeat([]string{" ", "\t", "\u00a0"}[r.IntN(3)], max(0, r.IntN(6)-3)))
		if r.IntN(3) > 0 {
			b.WriteString([]string{"k", "l", "M n", "o"}[r.IntN(4)] + []string{"=", ":", " = "}[r.IntN(3)])
		}
		for range r.IntN(6) {
			b.WriteString(words[r.IntN(len(words))])
		}
		b.WriteString([]string{"\n", "\n", "\n", "\r\n", "\r", "\n\n"}[r.IntN(6)])
	}
	s := b.String()
	if r.IntN(20) == 0 && s != "" {
		i := r.IntN(len(s))
		s = s[:i] + string([]byte{byte(128 + r.IntN(128))}) + s[i:]
	}
	return s
}

func TestTheReaderAgreesWithPythonsConfigParser(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 26))
	var cases []readerCase
	for _, f := range handMade() {
		cases = append(cases, makeCase(f), makeCase("[s]\nk=v\n", f))
	}
	for range 4000 {
		if r.IntN(4) == 0 {
			cases = append(cases, makeCase(randomFile(r), randomFile(r)))
			continue
		}
		cases = append(cases, makeCase(randomFile(r)))
	}
	var want []readerAnswer
	oracle(t, "reader", cases, &want)
	wrong := 0
	for i, c := range cases {
		got := answerOf(c)
		w := want[i]
		if strings.Contains(w.Error, "password") {
			if strings.Contains(got.Error, "hunter2") {
				t.Errorf("a password leaks: %s", got.Error)
			}
			continue
		}
		if !reflect.DeepEqual(got, w) {
			if wrong++; wrong > 5 {
				t.Fatal("and more")
			}
			for _, f := range c {
				data, _ := base64.StdEncoding.DecodeString(f[1])
				t.Logf("file: %.300q", data)
			}
			t.Errorf("case %d:\n got %.600q\nwant %.600q", i, got, w)
		}
	}
}

func TestEveryKeyKnowsItsFileAndLine(t *testing.T) {
	d := NewDocument()
	for name, text := range map[string]string{"a": "\n[s]\nx=1\n ; c\n more\n\ny=2\n"} {
		if err := d.Parse(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Parse("b", []byte("; c\r\n[s]\r\nX=3\r\n[t]\r\n")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		section, key string
		want         Position
	}{
		{"s", "", Position{"a", 2}},
		{"s", "x", Position{"b", 3}},
		{"s", "y", Position{"a", 7}},
		{"s", "none", Position{"a", 2}},
		{"t", "", Position{"b", 4}},
		{"none", "", Position{}},
	} {
		if got := d.Where(c.section, c.key); got != c.want {
			t.Errorf("[%s] %s: got %v, want %v", c.section, c.key, got, c.want)
		}
	}
	if v := d.File.Section("s").Key("y").Value(); v != "2" {
		t.Errorf("the ini.File has %q", v)
	}
}

func TestAByteOrderMarkIsNamed(t *testing.T) {
	err := NewDocument().Parse("f", []byte("\ufeff[a]\n"))
	if err == nil || !strings.Contains(err.Error(), "f:1: the file begins with a byte order mark (BOM)") {
		t.Errorf("got %v", err)
	}
}

func FuzzReader(f *testing.F) {
	for _, s := range handMade() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDocument()
		if err := d.Parse("f", data); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		lines := strings.Count(unixNewlines(string(data)), "\n") + 1
		for _, s := range d.Sections() {
			for _, k := range d.Keys(s) {
				v, ok := d.Get(s, k)
				if at := d.Where(s, k); !ok || at.Line < 1 || at.Line > lines || strings.ContainsAny(k, "\n=:") {
					t.Errorf("[%s] %q = %q at %v", s, k, v, at)
				}
			}
		}
	})
}
