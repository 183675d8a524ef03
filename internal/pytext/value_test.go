package pytext

import (
	"encoding/json"
	"iter"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// pairs is a Dict of names and values in turn.
type pairs []any

func (p pairs) Items() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for i := 0; i < len(p); i += 2 {
			if !yield(p[i].(string), p[i+1]) {
				return
			}
		}
	}
}

func TestValuesAreShownAsPythonShowsThem(t *testing.T) {
	nested := []any{1, "x", []any{nil, true}, pairs{"b", -1, "a", []any{"it's", 0.5}}}
	for _, c := range []struct {
		value  any
		python string
	}{
		{nil, "None"},
		{true, "True"},
		{false, "False"},
		{7, "7"},
		{2.0, "2.0"},
		{"a'b", `"a'b"`},
		{[]any{}, "[]"},
		{pairs{}, "{}"},
		{nested, `[1, 'x', [None, True], {'b': -1, 'a': ["it's", 0.5]}]`},
	} {
		if got := (Printer{}).Repr(c.value); got != c.python {
			t.Errorf("repr: %s, by Python %s", got, c.python)
		}
		want := c.python
		if s, ok := c.value.(string); ok {
			want = s
		}
		if got := (Printer{}).Str(c.value); got != want {
			t.Errorf("str: %s, by Python %s", got, want)
		}
	}
	if got := (Printer{Sorted: true}).Repr(nested[3]); got != `{'a': ["it's", 0.5], 'b': -1}` {
		t.Errorf("sorted: %s", got)
	}
	long := []any{strings.Repeat("x", 5), strings.Repeat("y", 5), "z"}
	if got := (Printer{Max: 10}).Repr(long); got != "['xxxxx', '...]" {
		t.Errorf("bounded: %s", got)
	}
}

func TestFloatsAreWrittenAsPythonWritesThem(t *testing.T) {
	floats := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 0.5, 1e-4, 9.999e-5, 1e15, 9999999999999998, 1e16, 1e17, 1e22, 1e300, 5e-324, math.MaxFloat64, 123456789.125}
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		f := math.Float64frombits(r.Uint64())
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			floats = append(floats, f, math.Ldexp(r.Float64(), r.IntN(80)-20))
		}
	}
	texts := make([]string, len(floats))
	for i, f := range floats {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(b)
	}
	var want []string
	python(t, "a = [repr(float(s)) for s in q]", texts, &want)
	for i, f := range floats {
		if got := string(AppendFloat(nil, f)); got != want[i] {
			t.Errorf("%b is written %s, by Python %s", f, got, want[i])
		}
	}
	for f, want := range map[float64]string{math.Inf(1): "inf", math.Inf(-1): "-inf"} {
		if got := string(AppendFloat(nil, f)); got != want {
			t.Errorf("%v is written %s", f, got)
		}
	}
	if got := string(AppendFloat(nil, math.NaN())); got != "nan" {
		t.Errorf("not a number is written %s", got)
	}
}
