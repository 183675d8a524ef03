package pytext

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

type formatCase struct {
	Format string         `json:"format"`
	Names  map[string]any `json:"names"`
}

type formatAnswer struct{ Text, Unknown, Error *string }

func formatAnswerOf(c formatCase) formatAnswer {
	out, err := Format(c.Format, Names{c.Names})
	var u UnknownName
	switch {
	case errors.As(err, &u):
		name := string(u)
		return formatAnswer{Unknown: &name}
	case err != nil:
		s := err.Error()
		return formatAnswer{Error: &s}
	}
	return formatAnswer{Text: &out}
}

func show(s *string) string {
	if s == nil {
		return "-"
	}
	return *s
}

func formatCases() []formatCase {
	names := map[string]any{
		"here": "/etc", "process_num": 7, "numprocs": -12, "big": 1234567, "zero": 0, "ENV_X": "it's é\n", "one": "z",
		"p(a)r": "nested", "": "empty", "q": `a"b'c\`,
	}
	var cases []formatCase
	add := func(f string) { cases = append(cases, formatCase{f, names}) }
	for _, f := range []string{
		"", "plain", "%%", "%", "a%", "%(", "%(here", "%(here)", "%(here)s", "%(nope)s", "%(here)%", "%()s", "%(p(a)r)s", "%(p(a)r", "%(process_num)02d", "%(process_num)03x",
		"date +%s", "%s %s", "%d", "%c", "%f", "%x", "%(here)s %s", "%(here)% %s", "%*d", "%(process_num)*d", "%(here)*s", "%.*f", "%(process_num).*d", "%Y-%m-%d", "%é", "%\x01",
		"%(process_num)ld", "%(process_num)hd", "%(process_num)Ls", "%(process_num)hhd", "%(here)5", "%(here)-", "%(here).", "%(here)10.2s|", "%(here)-10s|", "%(here)010s|",
		"%(numprocs)+05d|%(process_num)+05d|%(process_num) 5d|%(process_num)-5d|", "%(process_num)#x %(process_num)#o %(process_num)#X %(numprocs)#06x %(numprocs)#.4o", "%(big).10d", "%(big)020.10d",
		"%(process_num)e %(big)E %(big)g %(zero)g %(process_num).0f %(process_num)#.0f %(process_num)#.0e %(big).3g %(big)#.12g %(big)G %(numprocs)010.2f %(zero)e %(big).0g",
		"%(ENV_X)r %(ENV_X)a %(q)r %(process_num)r", "%(one)c %(process_num)c %(here)c %(numprocs)c", "%(here)d", "%(here)o", "%(here)e", "%(here)u", "%(here)y", "%(here)\u20ac",
		"%(here)99999999999999999999s", "%(here).99999999999999999999s", "100%", "%(process_num)s%%%(numprocs)s",
	} {
		add(f)
	}
	r := rand.New(rand.NewPCG(4, 4))
	pieces := []string{"%", "%(", "here", ")", "(process_num)", "(big)", "(here)", "(zero)", "(ENV_X)", "(nope)", "(numprocs)", "(one)", "-", "+", " ", "#", "0", "1", "12", "3", ".", "*", "l", "h",
		"s", "d", "i", "u", "x", "X", "o", "e", "f", "g", "E", "G", "c", "r", "a", "z", "é", "text", "%%"}
	for range 6000 {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			b.WriteString("%")
			if r.IntN(5) > 0 {
				b.WriteString([]string{"(process_num)", "(big)", "(here)", "(zero)", "(ENV_X)", "(numprocs)"}[r.IntN(6)])
			}
			for range r.IntN(6) {
				b.WriteString(pieces[r.IntN(len(pieces))])
			}
			b.WriteString([]string{"s", "d", "x", "o", "g", "e", "f", "c", "r", ""}[r.IntN(10)])
		}
		add(b.String())
	}
	return cases
}

func TestFormattingAgreesWithPython(t *testing.T) {
	cases := formatCases()
	var want []formatAnswer
	python(t, `
class Names(dict): # which Format does not show
    def __repr__(self):
        return "{...}"
    __str__ = __repr__
Names.__name__ = "dict"
a = []
for c in q:
    try:
        a.append({"text": c["format"] % Names(c["names"])})
    except KeyError as e:
        a.append({"unknown": e.args[0]})
    except Exception as e:
        a.append({"error": str(e)})
`, cases, &want)
	wrong := 0
	for i, c := range cases {
		got, w := formatAnswerOf(c), want[i]
		if show(got.Text) != show(w.Text) || show(got.Unknown) != show(w.Unknown) || show(got.Error) != show(w.Error) {
			if wrong++; wrong > 12 {
				t.Fatal("and more")
			}
			t.Errorf("%q:\n got %q %q %q\nwant %q %q %q", c.Format, show(got.Text), show(got.Unknown), show(got.Error), show(w.Text), show(w.Unknown), show(w.Error))
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, c := range formatCases()[:60] {
		f.Add(c.Format)
	}
	names := Names{{"here": "/etc", "process_num": 3}, {"ENV_A": "1"}}
	f.Fuzz(func(t *testing.T, s string) {
		out, err := Format(s, names)
		if err == nil && !strings.Contains(s, "%") && out != s {
			t.Errorf("%q became %q", s, out)
		}
		if doubled := strings.ReplaceAll(s, "%", "%%"); strings.ToValidUTF8(s, "") == s {
			if same, err := Format(doubled, names); err != nil || same != s {
				t.Errorf("%q came back as %q, %v", doubled, same, err)
			}
		}
	})
}
