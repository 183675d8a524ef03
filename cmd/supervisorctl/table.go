package main

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// table is rows under a header, in columns. A cell is made safe to print and may be
// empty, which shows as a dash; the last column may be of any length. There being no rows
// is said in a line.
func table(header, none string, rows [][]string) string {
	if len(rows) == 0 {
		return none + "\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = printable(cell); cells[i] == "" {
				cells[i] = "-"
			}
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	return b.String()
}

// printable is a text with every rune that a terminal might interpret written as in a Go string: a program's output must not control
// the reader's terminal.
func printable(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 && utf8.ValidString(s) {
		return s
	}
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}

// decimal is a number for a column.
func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// ago is how long a moment of an answer (seconds since 1970; 0 for never) is past.
func ago(now time.Time, at int64) string {
	if at == 0 {
		return "never"
	}
	return span(now.Sub(time.Unix(at, 0))) + " ago"
}

// span is a length of time for people: its largest unit and the next.
func span(d time.Duration) string {
	s := int(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 86400:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%dd%02dh", s/86400, s/3600%24)
}

// moment is a time of an answer (seconds since 1970) for people; "" where it is not known.
func moment(at int64) string {
	if at == 0 {
		return ""
	}
	return time.Unix(at, 0).Format("2006-01-02 15:04:05")
}

// size is a number of bytes for people.
func size(bytes int64) string {
	n := float64(bytes)
	for _, unit := range []string{"B", "KB", "MB", "GB"} {
		if n < 1024 {
			return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + unit
		}
		n /= 1024
	}
	return fmt.Sprintf("%.1fTB", n)
}
