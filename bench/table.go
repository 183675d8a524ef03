package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
)

// table prints result files as a markdown table, median (min–max).
func table(files []string) {
	type key struct{ w, m, u string }
	vals := map[key]map[string][]float64{}
	var keys []key
	var cols []string
	seen := map[string]bool{}
	var notes []string
	for _, fn := range files {
		fd, err := os.Open(fn)
		if err != nil {
			fmt.Println(err)
			continue
		}
		sc := bufio.NewScanner(fd)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			var r result
			if json.Unmarshal(sc.Bytes(), &r) != nil {
				continue
			}
			if r.Metric == "note" {
				notes = append(notes, fmt.Sprintf("- %s, %s, run %d: %s", r.Flavour, r.Workload, r.Run, r.Note))
				continue
			}
			k := key{r.Workload, r.Metric, r.Unit}
			if vals[k] == nil {
				vals[k] = map[string][]float64{}
				keys = append(keys, k)
			}
			if !seen[r.Flavour] {
				seen[r.Flavour] = true
				cols = append(cols, r.Flavour)
			}
			vals[k][r.Flavour] = append(vals[k][r.Flavour], r.Value)
		}
		fd.Close()
	}
	sort.SliceStable(keys, func(i, j int) bool { return keys[i].w < keys[j].w })
	fmt.Printf("| workload | metric | unit | %s |\n|---|---|---|%s\n", strings.Join(cols, " | "), strings.Repeat("---|", len(cols)))
	for _, k := range keys {
		fmt.Printf("| %s | %s | %s |", k.w, k.m, k.u)
		for _, c := range cols {
			v := vals[k][c]
			switch {
			case len(v) == 0:
				fmt.Print(" – |")
			case len(v) == 1:
				fmt.Printf(" %s |", num(v[0]))
			default:
				fmt.Printf(" %s (%s–%s) |", num(median(v)), num(quantile(v, 0)), num(quantile(v, 1)))
			}
		}
		fmt.Println()
	}
	if len(notes) > 0 {
		fmt.Println("\nNotes of the runs:\n\n" + strings.Join(notes, "\n"))
	}
}

func num(v float64) string {
	a := v
	if a < 0 {
		a = -a
	}
	switch {
	case a >= 1000 || v == float64(int64(v)):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
