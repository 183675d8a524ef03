package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

// odd has a method that fails, or panics.
type odd struct{ panics bool }

func (o odd) MarshalJSON() ([]byte, error) {
	if o.panics {
		panic("it broke")
	}
	return nil, errors.New("it is odd")
}

// No line is lost because of a value in it.
func TestEveryLineOfALogIsWritten(t *testing.T) {
	loop := map[string]any{}
	loop["loop"] = loop
	for name, v := range map[string]struct {
		value any
		want  string
	}{
		"a number":           {1.5, "1.5"},
		"NaN":                {math.NaN(), "NaN"},
		"infinite":           {math.Inf(-1), "-Inf"},
		"NaN of 32 bits":     {float32(math.NaN()), "NaN"},
		"NaN within":         {[]float64{1, math.NaN()}, "[]float64: json: unsupported value: NaN"},
		"NaN of a map":       {map[string]any{"x": math.NaN()}, "map[string]interface {}: json: unsupported value: NaN"},
		"a channel":          {make(chan int), "chan int: json: unsupported type: chan int"},
		"a loop":             {loop, "map[string]interface {}: json: unsupported value: encountered a cycle"},
		"odd":                {odd{}, "sdk.odd: json: error calling MarshalJSON for type sdk.odd: it is odd"},
		"odd, and a panic":   {odd{true}, "sdk.odd: it broke"},
		"an error":           {io.EOF, "EOF"},
		"a duration":         {time.Second, "1e+09"},
		"nothing":            {nil, "<nil>"},
		"a format of hclog":  {hclog.Fmt("%d of %d", 1, 2), "1 of 2"},
		"a structure":        {struct{ X int }{1}, "map[X:1]"},
		"invalid characters": {"\xff", "\uFFFD"},
	} {
		var out bytes.Buffer
		r := newRegistry(Plugin{Name: "p"}, &out, nil)
		args := []any{"before", 1, "value", v.value, "after", "2"}
		for _, write := range []func(){
			func() { r.log.Info("said", args...) },
			func() { r.log.Named("ops").Log(hclog.Error, "said", args...) },
			func() { r.log.With(args...).Named("ops").Warn("said") },
			func() { r.log.ResetNamed("q").With("before", 1).Debug("said", args[2:]...) },
			func() { r.log.Trace("said", args...) },
			func() { r.log.Error("said", args...) },
		} {
			out.Reset()
			write()
			var line map[string]any
			if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Count(out.String(), "\n") != 1 {
				t.Fatalf("%s: %v in %q", name, err, &out)
			}
			if got := fmt.Sprint(line["value"]); line["@message"] != "said" || fmt.Sprint(line["before"]) != "1" || line["after"] != "2" || !strings.HasPrefix(got, v.want) {
				t.Errorf("%s: %s", name, &out)
			}
		}
		if fmt.Sprint(args[1]) != "1" || len(args) != 6 {
			t.Errorf("%s: the caller's values are changed", name)
		}
	}
}
