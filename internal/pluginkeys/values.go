package pluginkeys

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// reason is why a value cannot be read, in words that hold nothing of it.
type reason string

func (r reason) Error() string { return string(r) }

var errForm = errors.New("not of that form")

// maxValue bounds one value, in bytes.
const maxValue = 1 << 20

// parse reads a value by its field's type: as string, int64, bool, time.Duration, []string, map[string]string or float64.
func parse(f *Field, s string) (any, error) {
	switch {
	case len(s) > maxValue:
		return nil, reason("it is longer than 1 MB")
	case !utf8.ValidString(s):
		return nil, reason("it is not UTF-8")
	}
	switch f.Type {
	case Integer:
		return parseInteger(s)
	case Boolean:
		return parseBoolean(s)
	case Size:
		return parseSize(s)
	case Duration:
		return parseDuration(s)
	case List:
		return parseList(s), nil
	case Map:
		return parseMap(s)
	case Float:
		n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return nil, errForm
		}
		return n, nil
	case Choice:
		if s = strings.TrimSpace(s); !slices.Contains(f.Choices, s) {
			return nil, errForm
		}
	}
	return s, nil
}

// parseInteger reads decimal digits with a sign: 010 is ten.
func parseInteger(s string) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, reason("it is too large")
	}
	if err != nil {
		return 0, errForm
	}
	return n, nil
}

// parseBoolean reads what Supervisor does.
func parseBoolean(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on", "1":
		return true, nil
	case "false", "no", "off", "0":
		return false, nil
	}
	return false, errForm
}

func parseSize(s string) (int64, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	factor := int64(1)
	for i, unit := range sizeUnits() {
		if number, ok := strings.CutSuffix(s, unit); ok {
			s, factor = number, 1<<(10*(3-i))
			break
		}
	}
	n, err := parseInteger(s)
	switch {
	case err != nil:
		return 0, err
	case n < 0:
		return 0, reason("it is negative")
	case n > math.MaxInt64/factor:
		return 0, reason("it is too large")
	}
	return n * factor, nil
}

func sizeUnits() [3]string { return [...]string{"GB", "MB", "KB"} }

// parseDuration reads seconds, whole or not, or Go's form: 1m30s.
func parseDuration(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if _, err := strconv.ParseFloat(s, 64); err == nil {
		s += "s" // what ParseFloat takes and ParseDuration does not (1e3, inf) is none of ours
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, errForm
	case d < 0:
		return 0, reason("it is negative")
	}
	return d, nil
}

// parseList leaves out what is empty, so a comma at the end does no harm.
func parseList(s string) []string {
	list := []string{}
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// parseMap reads KEY=value pairs separated by commas. A value may be quoted by " or ', within which a comma is not an end;
// within " a backslash quotes the next " or backslash.
func parseMap(s string) (map[string]string, error) {
	pairs := map[string]string{}
	for rest := strings.TrimSpace(s); rest != ""; {
		name, after, ok := strings.Cut(rest, "=")
		if name = strings.TrimSpace(name); !ok || name == "" || strings.ContainsAny(name, ",\"' \t\n") {
			return nil, errForm
		}
		if _, twice := pairs[name]; twice {
			return nil, reason("a key is there twice")
		}
		value, after, err := cutValue(strings.TrimSpace(after))
		if err != nil {
			return nil, err
		}
		pairs[name], rest = value, after
	}
	return pairs, nil
}

// cutValue reads a value and the comma behind it.
func cutValue(s string) (value, rest string, err error) {
	if s == "" || (s[0] != '"' && s[0] != '\'') {
		value, rest, _ = strings.Cut(s, ",")
		return strings.TrimSpace(value), strings.TrimSpace(rest), nil
	}
	var b strings.Builder
	quote := s[0]
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == quote:
			rest = strings.TrimSpace(s[i+1:])
			if rest != "" && rest[0] != ',' {
				return "", "", reason("after a quote comes a comma or nothing")
			}
			return b.String(), strings.TrimSpace(strings.TrimPrefix(rest, ",")), nil
		case quote == '"' && s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", reason("a quote is not closed")
}

// format writes a default as the configuration would have it.
func format(t FieldType, v reflect.Value) string {
	switch t {
	case Size:
		return formatSize(v.Int())
	case Duration:
		return formatDuration(time.Duration(v.Int()))
	case List:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return strings.Join(items, ",")
	case Map:
		var pairs []string
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
		for _, k := range v.MapKeys() {
			pairs = append(pairs, k.String()+`="`+quoted.Replace(v.MapIndex(k).String())+`"`)
		}
		slices.Sort(pairs)
		return strings.Join(pairs, ",")
	}
	return fmt.Sprint(v.Interface())
}

func formatSize(n int64) string {
	for i, unit := range sizeUnits() {
		if factor := int64(1) << (10 * (3 - i)); n != 0 && n%factor == 0 {
			return strconv.FormatInt(n/factor, 10) + unit
		}
	}
	return strconv.FormatInt(n, 10)
}

// formatDuration leaves out the zeros of Go's form: 1h, not 1h0m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// joinWords is a, b or c.
func joinWords(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
