package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/bundled"
	"github.com/hark-supervisor/hark/plugins/launch"
	"github.com/hark-supervisor/hark/plugins/sections"
	"github.com/hark-supervisor/hark/plugins/trust"
)

// listed is one plugin of plugin list and plugin info, in JSON too.
type listed struct {
	Name        string          `json:"name"`
	Version     string          `json:"version"`
	Doc         string          `json:"doc"`
	Kinds       []string        `json:"kinds"`
	Where       string          `json:"where"` // a directory, "command" or "bundled"
	SHA256      string          `json:"sha256"`
	Command     []string        `json:"command,omitempty"`
	Trouble     string          `json:"trouble,omitempty"` // why it would not be started
	Description json.RawMessage `json:"description,omitempty"`
}

// list prints what is installed and what comes with Hark.
func (t *tool) list(words []string) error {
	defer t.close()
	if len(words) > 0 {
		return fmt.Errorf("list takes no name; %w", errUsage)
	}
	installed, err := t.policy.List()
	if err != nil {
		return err
	}
	have := map[string]bool{}
	rows := t.byCommand(have)
	for i := range installed {
		e := &installed[i]
		if have[e.Name] {
			continue
		}
		have[e.Name] = true
		row := listed{Name: e.Name, Version: e.Version, Doc: e.Doc, Kinds: e.Kinds, Where: e.Dir, SHA256: e.SHA256, Command: e.Command}
		if _, err := t.policy.Verify(e.Name); err != nil {
			row.Trouble = err.Error()
		}
		rows = append(rows, row)
	}
	if t.policy.Bundled != "" {
		for _, name := range bundled.Names() {
			if have[name] {
				continue // what is installed comes first
			}
			row := listed{Name: name, Where: "bundled", Kinds: []string{}}
			if d, sum, err := t.describe(name); err != nil {
				row.Trouble = err.Error()
			} else {
				row.Version, row.Doc, row.Kinds, row.SHA256 = d.Version, d.Doc, d.Kinds, sum
			}
			rows = append(rows, row)
		}
	}
	if t.json {
		return t.printJSON(rows)
	}
	table := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tVERSION\tKINDS\tWHERE\t")
	for _, row := range rows {
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t\n", row.Name, row.Version, strings.Join(row.Kinds, ", "), row.Where)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, row := range rows {
		if row.Trouble != "" {
			_, _ = fmt.Fprintf(t.stderr, "%s: %s\n", row.Name, row.Trouble)
		}
	}
	return nil
}

// byCommand are the plugins that sections [plugin:x] name by their command, which come before what is installed under that name.
func (t *tool) byCommand(have map[string]bool) []listed {
	rows := []listed{}
	if t.cfg == nil {
		return rows
	}
	for i := range t.cfg.Plugins {
		p := &t.cfg.Plugins[i]
		if have[p.Name] || len(p.Command.Argv) == 0 && p.Command.Err == nil {
			continue
		}
		have[p.Name] = true
		row := listed{Name: p.Name, Where: "command", Kinds: []string{}, Command: p.Command.Argv}
		if d, sum, err := t.describe(p.Name); err != nil {
			row.Trouble = err.Error()
		} else {
			row.Version, row.Doc, row.Kinds, row.SHA256 = d.Version, d.Doc, d.Kinds, sum
		}
		rows = append(rows, row)
	}
	return rows
}

func (t *tool) printJSON(v any) error {
	out := json.NewEncoder(t.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// describe checks a plugin and asks what it is, as the user of its section.
func (t *tool) describe(name string) (trust.Described, string, error) {
	w, user, err := t.wanted(name)
	if err != nil {
		return trust.Described{}, "", err
	}
	x, err := t.policy.Resolve(w)
	if err != nil {
		return trust.Described{}, "", sections.Suggested(t.policy, w.Name, err)
	}
	defer x.Close() //nolint:errcheck // only a descriptor
	d, err := launch.Describe(x, sections.AccountOf(user))
	return d, x.SHA256, err
}

// info reports what a plugin is and takes.
func (t *tool) info(words []string) error {
	defer t.close()
	if len(words) != 1 {
		return fmt.Errorf("info takes one NAME; %w", errUsage)
	}
	d, sum, err := t.describe(words[0])
	if err != nil {
		return err
	}
	if t.json {
		return t.printJSON(listed{Name: d.Name, Version: d.Version, Doc: d.Doc, Kinds: d.Kinds, Where: t.where(words[0]), SHA256: sum, Description: d.Raw})
	}
	described, err := pluginrpc.ParseDescription(d.Raw)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(t.stdout, "%s %s: %s\nfrom %s, sha256 %s\n", d.Name, d.Version, d.Doc, t.where(words[0]), sum)
	if may := described.Permission; may != wire.NoCalls {
		_, _ = fmt.Fprintf(t.stdout, "calls the daemon: permissions = %s\n", may)
	}
	for _, k := range described.Kinds {
		section := string(k.Name)
		if k.Name == wire.Namespace {
			section = "rpcinterface"
		}
		_, _ = fmt.Fprintf(t.stdout, "\n[%s:NAME]\nplugin = %s\n", section, d.Name)
		for _, f := range k.Fields {
			_, _ = fmt.Fprintf(t.stdout, "; %s%s\n", f.Doc, remarks(&f))
			sign := ""
			if !f.Required {
				sign = ";"
			}
			_, _ = fmt.Fprintf(t.stdout, "%s%s = %s\n", sign, f.Key, f.Default)
		}
	}
	return nil
}

// remarks is what a key's line of help has behind it.
func remarks(f *pluginkeys.Field) string {
	var words []string
	if f.Required {
		words = append(words, "required")
	}
	if f.Secret {
		words = append(words, "secret; or "+f.Key+"_file = a file that holds it")
	}
	if len(f.Choices) > 0 {
		words = append(words, "one of "+strings.Join(f.Choices, ", "))
	}
	if bounds := f.Bounds(); bounds != "" {
		words = append(words, bounds)
	}
	if f.File {
		words = append(words, "the name of a file")
	}
	if relations := f.Relations(); relations != "" {
		words = append(words, relations)
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, "; ") + ")"
}

// where is the directory of a plugin, or "bundled".
func (t *tool) where(name string) string {
	installed, err := t.policy.List()
	if err == nil {
		for _, e := range installed {
			if e.Name == name {
				return e.Dir
			}
		}
	}
	if w, _, err := t.wanted(name); err == nil && len(w.Command) > 0 {
		return w.Command[0]
	}
	return "bundled"
}

// errBroken ends verify when something was found, which it has printed.
var errBroken = errors.New("not all is well; nothing of that is started")

// verify checks what is installed as a start would.
func (t *tool) verify(words []string) error {
	defer t.close()
	names := words
	if len(names) == 0 {
		installed, err := t.policy.List()
		if err != nil {
			return err
		}
		for _, e := range installed {
			names = append(names, e.Name)
		}
	}
	broken := false
	for _, name := range names {
		sum, err := t.policy.Verify(name)
		if errors.Is(err, trust.ErrNotFound) {
			var w trust.Wanted
			if w, _, err = t.wanted(name); err == nil {
				var x *trust.Executable
				if x, err = t.policy.Resolve(w); err == nil {
					sum = x.SHA256
					err = x.Close()
				}
			}
		}
		if err != nil {
			broken = true
			_, _ = fmt.Fprintf(t.stdout, "%s: %v\n", name, err)
			continue
		}
		_, _ = fmt.Fprintf(t.stdout, "%s: ok, sha256 %s\n", name, sum)
	}
	if len(words) == 0 {
		stray, err := t.policy.VerifyDirs()
		if err != nil {
			return err
		}
		for _, path := range stray {
			broken = true
			_, _ = fmt.Fprintf(t.stdout, "%s: is not in %s; install it or remove it\n", path, trust.LockName)
		}
	}
	if broken {
		return errBroken
	}
	return nil
}
