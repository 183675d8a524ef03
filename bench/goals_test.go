package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name, results string
		met           bool
	}{
		{"a ratio that is small enough", `{"Flavour":"ours","Workload":"W1 start N=1000","Metric":"supervisor RSS sum","Value":10}
{"Flavour":"py","Workload":"W1 start N=1000","Metric":"supervisor RSS sum","Value":20}`, true},
		{"one that is not", `{"Flavour":"ours","Workload":"W1 start N=1000","Metric":"supervisor RSS sum","Value":11}
{"Flavour":"py","Workload":"W1 start N=1000","Metric":"supervisor RSS sum","Value":20}`, false},
		{"a rate that is too low", `{"Flavour":"ours","Workload":"W4 events flood bg=0","Metric":"events/s","Value":21}
{"Flavour":"py","Workload":"W4 events flood bg=0","Metric":"events/s","Value":10}`, false},
		{"a figure of its own, by its median", `{"Flavour":"ours","Workload":"W6 restart","Metric":"p90","Value":2}
{"Flavour":"ours","Workload":"W6 restart","Metric":"p90","Value":2.4}
{"Flavour":"ours","Workload":"W6 restart","Metric":"p90","Value":9}`, true},
		{"no peer", `{"Flavour":"ours","Workload":"W1 start N=1000","Metric":"supervisor RSS sum","Value":11}`, true},
	} {
		file := filepath.Join(t.TempDir(), "results.jsonl")
		if err := os.WriteFile(file, []byte(c.results), 0o600); err != nil {
			t.Fatal(err)
		}
		if met, err := judge([]string{file}); err != nil || met != c.met {
			t.Errorf("%s: met: %v, %v", c.name, met, err)
		}
	}
}
