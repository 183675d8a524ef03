package config

import (
	"reflect"
	"strings"

	"github.com/hark-supervisor/hark/internal/pytext"
)

// reader reads the keys of one section.
type reader struct {
	l       *loader
	section string
	written *section         // nil until it is looked at
	names   []map[string]any // what %(name)s may name besides the environment; the last ones come first
	outer   []map[string]any // names without own
	own     map[string]any   // where the variables of the section's environment= are put, as ENV_NAME
}

// reads is a reader of a section whose keys may name here.
func (l *loader) reads(section string) *reader {
	here := []map[string]any{l.here}
	return &reader{l: l, section: section, names: here, outer: here}
}

// get is an expanded value.
func (r *reader) get(key string) setting { return r.l.get(r.section, key, r.names...) }

// has reports whether a key is written, in the section or in [DEFAULT]. Most of the keys of most sections are not.
func (r *reader) has(key string) bool {
	if r.written == nil {
		if r.written = r.l.doc.sections[r.section]; r.written == nil {
			return false
		}
	}
	defaults := r.l.doc.defaults.keys
	return r.written.keys[key] != nil || len(defaults) > 0 && defaults[key] != nil
}

// fill reads keys into the struct that they are declared in, whose fields hold the defaults.
func (r *reader) fill(keys []*key, to any) {
	v := reflect.ValueOf(to).Elem()
	for _, k := range keys {
		if k.like != nil {
			k.in(v).Set(k.like.in(v))
		}
		if !r.has(k.Key) && !(k.Required && k.Type.read != nil) {
			continue
		}
		if k.Origin == fromHark {
			r.l.own(func() { r.key(k, k.in(v)) })
		} else {
			r.key(k, k.in(v))
		}
	}
}

func (r *reader) key(k *key, to reflect.Value) {
	if k.envOnly {
		r = &reader{l: r.l, section: r.section, written: r.written}
	}
	if k.Type.read != nil {
		k.Type.read(r, k, to)
		return
	}
	v := r.get(k.Key)
	if v.state != present {
		return
	}
	if err := k.Type.parse(r.l, k, v.text, to); err != nil {
		r.l.refuse(v, err.Error())
	} else if k.Type.check != nil {
		k.Type.check(r, k, v, to)
	}
}

// inOrder is the order of sections that Supervisor does not read, or of which it reads one key.
func inOrder() []string { return nil }

// fresh is a struct with the default of every key.
func fresh[T any](t *table) T { return *at[T](t.defaults) }

// readVariables reads environment=, and puts the variables where the keys that are read behind it can name them.
func readVariables(r *reader, k *key, def []EnvVar) []EnvVar {
	names := append([]map[string]any{{"host_node_name": r.l.o.Hostname}}, r.names...)
	v := r.l.expand(r.l.raw(r.section, k.Key), k.Key, names...)
	all := convert(r.l, v, def, keyValuePairs)
	for _, e := range all {
		r.own["ENV_"+e.Name] = e.Value
		r.l.hidden[e.Name] = append(r.l.hidden[e.Name], e.Value)
	}
	return all
}

// command splits a command line that was read. What comes from the environment may be a secret, so it is shown as it is written.
func (r *reader) command(v setting) Command {
	c := ParseCommand(v.text)
	raw := r.l.raw(v.section, v.key)
	if v.state != present || !strings.Contains(raw.text, "%(ENV_") {
		return c
	}
	names := append(pytext.Names{asWritten(r.l.env)}, r.outer...)
	shown, err := pytext.Format(raw.text, append(names, asWritten(r.own)))
	if err != nil { // such as %(ENV_x)d, which needs the number
		shown = masked
	}
	c.Shown = shown
	return c
}
