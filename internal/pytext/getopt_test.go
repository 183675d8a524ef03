package pytext

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestCommandLinesAreReadAsByPythonsGetopt(t *testing.T) {
	options := []Option{
		{Short: 'c', Long: "configuration", Value: true}, {Short: 'h', Long: "help"}, {Short: 'n', Long: "nodaemon"},
		{Long: "logfile", Value: true}, {Long: "logfile_maxbytes", Value: true}, {Short: '?'}, {Long: "no-color"},
	}
	const table = `"c:hn?", ["configuration=", "help", "nodaemon", "logfile=", "logfile_maxbytes=", "no-color"]`
	pieces := []string{
		"-", "--", "-c", "-cx", "-c=x", "-h", "-hn", "-hnc", "-nhcx", "-x", "-nx", "-?", "-é", "-né", "x", "y", "", "--conf", "--configuration",
		"--configuration=", "--configuration=x", "--c=x", "--help", "--help=", "--hel", "--log=x", "--logfile", "--logfile=x", "--logfile_", "--logfile_m=a=b",
		"--no", "--no-", "--n", "--nope", "--nope=x", "---", "--=x", "---help",
	}
	r := rand.New(rand.NewPCG(1, 2))
	lines := [][]string{{}}
	for _, p := range pieces {
		lines = append(lines, []string{p})
	}
	for range 3000 {
		var line []string
		for range r.IntN(6) {
			line = append(line, pieces[r.IntN(len(pieces))])
		}
		lines = append(lines, append([]string{}, line...))
	}
	for name, read := range map[string]func([]string, []Option) ([]Given, []string, error){"getopt": Getopt, "gnu_getopt": GNUGetopt} {
		var want []struct {
			Given [][2]string
			Rest  []string
			Error string
		}
		python(t, `
import getopt
a = []
for line in q:
    try:
        given, rest = getopt.`+name+`(line, `+table+`)
        a.append({"given": given, "rest": rest})
    except getopt.error as e:
        a.append({"error": str(e)})
`, lines, &want)
		refused := 0
		for i, line := range lines {
			given, rest, err := read(line, options)
			var got [][2]string
			for _, g := range given {
				got = append(got, [2]string{g.As, g.Value})
				if o := options[g.Option]; g.As != "--"+o.Long && g.As != "-"+string(o.Short) {
					t.Fatalf("%s%q: %s is option %d", name, line, g.As, g.Option)
				}
			}
			text := ""
			if err != nil {
				text = err.Error()
				var of *OptionError
				if refused++; !errors.As(err, &of) || text != fmt.Sprintf("option %s %s", of.Option, of.Problem) {
					t.Errorf("%s%q: a %T", name, line, err)
				}
			}
			if w := want[i]; text != w.Error || !slices.Equal(got, w.Given) || !slices.Equal(rest, w.Rest) {
				t.Errorf("%s%q:\n got %q %q %q\nwant %q %q %q", name, line, got, rest, text, w.Given, w.Rest, w.Error)
			}
		}
		if refused == 0 || refused == len(lines) {
			t.Errorf("%s: the lines are one-sided: %d of %d refused", name, refused, len(lines))
		}
	}
}
