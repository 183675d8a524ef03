package pluginkeys

// form is what many plugins' values look like. A field has one by the tag is:"NAME"; what is empty fits, too.
type form struct {
	pattern, values string
	schemes         []string // and a host
	words           string
}

// namedForms are those that a field can have by their names.
func namedForms() map[string]form {
	const (
		port   = `0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`
		value  = `[^\x00-\x08\x0a-\x1f\x7f]*` // RFC 9110, 5.5
		header = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
	)
	return map[string]form{
		"web":  {schemes: []string{"http", "https"}, words: "an address such as https://host/path, which begins with https:// or http://"},
		"mail": {pattern: `(?s).*[^@\s<>]@[^@\s<>].*`, words: "an address such as ops@example.com or Ops <ops@example.com>"},
		"host:port": {
			pattern: `\[[0-9A-Fa-f:.]+(%[^]\s]+)?\](:` + port + `)?|[^\s/@:\[\]]+(:` + port + `)?|[0-9A-Fa-f:.]+`,
			words:   "host or host:port",
		},
		"path":    {pattern: `/.*[^/].*`, words: "an absolute path"},
		"header":  {pattern: value, words: "what can stand in a header"},
		"headers": {pattern: header, values: value, words: "names and values that can stand in a header"},
	}
}

// formOf sets a field's form by its name; false if there is none.
func (k *key) formOf(name string) bool {
	f, ok := namedForms()[name]
	if !ok {
		return false
	}
	if len(f.schemes) > 0 {
		k.Schemes, k.Host = f.schemes, true
	}
	if f.pattern != "" {
		k.Pattern, k.Values = f.pattern, f.values
		if k.Type == Text {
			k.Pattern = "(" + f.pattern + ")?"
		}
	}
	if k.Form == "" {
		k.Form = f.words
	}
	return true
}
