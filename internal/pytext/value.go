package pytext

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Dict is what a Printer shows as a dict, in the order of its items.
type Dict interface {
	Items() iter.Seq2[string, any]
}

// Printer shows values as Python does: None, True and False, numbers, strings, lists and dicts. Others are shown as
// fmt does.
type Printer struct {
	Max    int  // the most bytes shown of the elements of a list or dict; 0: all
	Sorted bool // dicts by their names, as pprint does
}

// Str is str(v): text as it is, all else as Repr.
func (p Printer) Str(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return p.Repr(v)
}

// Repr is repr(v).
func (p Printer) Repr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int:
		return strconv.Itoa(v)
	case float64:
		return string(AppendFloat(nil, v))
	case string:
		return Quote(v)
	case []byte: // what XML-RPC calls base64, which Python shows as text
		return string(v)
	case []any:
		return "[" + p.joined(func(yield func(string) bool) {
			for _, element := range v {
				if !yield(p.Repr(element)) {
					return
				}
			}
		}) + "]"
	case Dict:
		return "{" + p.joined(func(yield func(string) bool) {
			for name, value := range p.items(v) {
				if !yield(Quote(name) + ": " + p.Repr(value)) {
					return
				}
			}
		}) + "}"
	}
	return fmt.Sprint(v)
}

func (p Printer) items(d Dict) iter.Seq2[string, any] {
	if !p.Sorted {
		return d.Items()
	}
	last := maps.Collect(d.Items())
	return func(yield func(string, any) bool) {
		for _, name := range slices.Sorted(maps.Keys(last)) {
			if !yield(name, last[name]) {
				return
			}
		}
	}
}

// joined separates elements by commas, up to the bound.
func (p Printer) joined(elements iter.Seq[string]) string {
	var b strings.Builder
	separator := ""
	for element := range elements {
		b.WriteString(separator)
		separator = ", "
		if b.WriteString(element); p.Max > 0 && b.Len() > p.Max {
			return b.String()[:p.Max] + "..."
		}
	}
	return b.String()
}

// AppendFloat appends repr of a float: the shortest text that reads back as f, with an exponent below 1e-4 and from
// 1e16 on.
func AppendFloat(dst []byte, f float64) []byte {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}
