package pluginkeys

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What a text, an entry of a list or a name in a map has to look like.

// maxPattern bounds a regular expression of a description, in bytes: it comes from a program that is not trusted yet.
const maxPattern = 2 << 10

// counted reports whether Max is a number of bytes or entries.
func (f *Field) counted() bool { return f.Type == Text || f.Type == List || f.Type == Map }

// shapeOf reads the tags about the form of a value and about other keys.
func (k *key) shapeOf(tag reflect.StructTag) error {
	k.Schemes, k.Reserved = words(tag.Get("schemes")), words(tag.Get("reserved"))
	k.Pattern, k.Values, k.Form = tag.Get("pattern"), tag.Get("values"), tag.Get("form")
	if name := tag.Get("is"); name != "" && !k.formOf(name) {
		return fmt.Errorf("there is no form %q", name)
	}
	k.When, k.Or, k.Needs, k.Without = tag.Get("when"), words(tag.Get("or")), words(tag.Get("needs")), words(tag.Get("without"))
	switch {
	case len(k.Schemes) > 0 && k.Type != Text:
		return errors.New("schemes are of a text")
	case (k.Host || k.File) && k.Type != Text:
		return errors.New("host and file are of a text")
	case k.Pattern != "" && !k.counted():
		return errors.New("a pattern is of a text, a list or a map")
	case (k.Values != "" || len(k.Reserved) > 0) && k.Type != Map:
		return errors.New("values and reserved are of a map")
	}
	for _, p := range []string{k.Pattern, k.Values} {
		if _, err := compiled(p); err != nil {
			return fmt.Errorf("the pattern %q: %w", p, err)
		}
	}
	return nil
}

// compiled is a pattern for a whole text; nil for none.
func compiled(pattern string) (*regexp.Regexp, error) {
	switch {
	case pattern == "":
		return nil, nil
	case len(pattern) > maxPattern:
		return nil, errors.New("it is too long")
	}
	return regexp.Compile(`\A(?:` + pattern + `)\z`)
}

// matches reports whether a text is of a pattern. One that cannot be used refuses nothing.
func matches(pattern, text string) bool {
	p, err := compiled(pattern)
	return err != nil || p == nil || p.MatchString(text)
}

// refused is what a value that was parsed must be and is not, as an error has it; "" where it may be so.
func (f *Field) refused(value any) string {
	n := 0
	fits := true
	switch v := value.(type) {
	case string:
		if f.Type != Text {
			break
		}
		n = len(v)
		text := strings.TrimSpace(v)
		fits = (text == "" || f.isAddress(text)) && matches(f.Pattern, text)
	case []string:
		n = len(v)
		fits = !slices.ContainsFunc(v, func(entry string) bool { return !matches(f.Pattern, entry) })
	case map[string]string:
		n = len(v)
		for name, text := range v {
			if f.isReserved(name) {
				return "must not have " + f.withoutReserved()
			}
			fits = fits && matches(f.Pattern, name) && matches(f.Values, text)
		}
	default:
		if !f.bounded(v) {
			return "must be " + f.Bounds()
		}
	}
	if most, err := strconv.Atoi(f.Max); f.counted() && err == nil && n > most {
		return "must be " + f.most()
	}
	if !fits {
		return "must be " + f.shape() + f.meant(value)
	}
	return ""
}

// meant is the scheme that a misspelt one of an address was most likely meant to be, as a question; "" for none.
func (f *Field) meant(value any) string {
	text, _ := value.(string)
	scheme, _, ok := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "://")
	if !ok || slices.Contains(f.Schemes, scheme) {
		return ""
	}
	near, at := "", max(1, len(scheme)/3)+1
	for _, s := range f.Schemes {
		if d := distance(s, scheme); d < at {
			near, at = s, d
		}
	}
	if near == "" {
		return ""
	}
	return "; is " + near + ":// meant?"
}

// isAddress reports whether a text is an address as Schemes and Host demand.
func (f *Field) isAddress(text string) bool {
	if len(f.Schemes) > 0 && !slices.ContainsFunc(f.Schemes, func(scheme string) bool { return strings.HasPrefix(strings.ToLower(text), scheme+"://") }) {
		return false
	}
	if !f.Host {
		return true
	}
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != ""
}

func (f *Field) isReserved(name string) bool {
	return slices.ContainsFunc(f.Reserved, func(r string) bool {
		begin, all := strings.CutSuffix(r, "*")
		if all {
			return len(name) >= len(begin) && strings.EqualFold(name[:len(begin)], begin)
		}
		return strings.EqualFold(name, r)
	})
}

// shape is what a value must look like, in words; "" where it may look like anything.
func (f *Field) shape() string {
	switch {
	case f.Form != "":
		return f.Form
	case len(f.Schemes) > 0:
		begins := make([]string, len(f.Schemes))
		for i, s := range f.Schemes {
			begins[i] = s + "://"
		}
		text := "an address that begins with " + joinWords(begins)
		if f.Host {
			text += " and a host"
		}
		return text
	case f.Host:
		return "an address with a host"
	case f.Pattern != "" || f.Values != "":
		return "of another form"
	}
	return ""
}

// most is how much a value may hold, in words; "" where that is not bounded.
func (f *Field) most() string {
	switch {
	case f.Max == "":
		return ""
	case f.Type == Text:
		return "at most " + f.Max + " bytes"
	case f.Max == "1":
		return "one entry"
	}
	return "at most " + f.Max + " entries"
}

// withoutReserved is the names that a map must not have, in words; "" for none.
func (f *Field) withoutReserved() string {
	names := make([]string, len(f.Reserved))
	for i, r := range f.Reserved {
		names[i] = r
		if begin, all := strings.CutSuffix(r, "*"); all {
			names[i] = begin + "…"
		}
	}
	return joinWords(names)
}
