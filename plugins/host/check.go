package host

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
)

// CheckKeys returns everything that is wrong with a section, as far as its plugin's description allows: keys under the names under which they
// are written. The files of secrets are not read: their content may change.
func CheckKeys(d *pluginrpc.Description, i *Instance) (wrong []*pluginkeys.Error) {
	kind := d.Kind(i.Kind)
	if kind == nil {
		return []*pluginkeys.Error{{Key: "plugin", Text: notOfKind(i)}}
	}
	values := map[string]string{}
	var files []string // keys whose values are in files
	for _, k := range i.Keys {
		if secret := secretOf(kind.Fields, k.Name); secret != "" {
			files = append(files, secret)
		} else {
			values[k.Name] = k.Value
		}
	}
	for _, secret := range files {
		if _, both := values[secret]; both {
			wrong = append(wrong, &pluginkeys.Error{Key: secret + fileSuffix, Text: bothThere(secret)})
			delete(values, secret)
		}
	}
	wrong = append(wrong, pluginkeys.CheckAll(kind.Fields, values, files...)...)
	for _, w := range wrong {
		i.suggest(w)
	}
	return wrong
}

// suggest names the key of the daemon's own that may be meant: a plugin knows its own keys alone.
func (i *Instance) suggest(wrong *pluginkeys.Error) {
	if at := slices.IndexFunc(i.Keys, func(k Key) bool { return k.Name == wrong.Key }); at >= 0 {
		wrong.Suggest(i.Keys[at].Near)
	}
}

// Files returns the keys of a section whose values are names of files that must exist, as far as its plugin's description allows: files with
// secrets, and others that the plugin reads.
func Files(d *pluginrpc.Description, i *Instance) (secrets, others []Key) {
	kind := d.Kind(i.Kind)
	if kind == nil {
		return nil, nil
	}
	for _, k := range i.Keys {
		if f := fieldOf(kind.Fields, k.Name); f != nil && f.File && filepath.IsAbs(k.Value) {
			others = append(others, k)
		}
	}
	return secretFiles(d, i), others
}

// secretFiles are the keys of a section that name files with secrets.
func secretFiles(d *pluginrpc.Description, i *Instance) (files []Key) {
	kind := d.Kind(i.Kind)
	if kind == nil {
		return nil
	}
	for _, k := range i.Keys {
		if secretOf(kind.Fields, k.Name) != "" {
			files = append(files, k)
		}
	}
	return files
}

// Description is what the process that runs by these settings says of itself, and the hash of what was executed for it.
func (h *Host) Description(s Settings) (d pluginrpc.Description, sha256 string, ok bool) {
	p := h.named(s.Name)
	if p == nil {
		return d, "", false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live == nil || p.changed || !p.settings.equal(&s) {
		return d, "", false
	}
	return p.live.description, p.sha256, true
}

// Resolve finds what would be executed by these settings, as a start does. It may block on a disk.
func (h *Host) Resolve(s Settings) (*Executable, error) {
	if err := h.directories(); err != nil {
		return nil, err
	}
	return h.o.Resolve(s)
}

// fileSuffix is what is behind the name of a secret in the key that names its file.
const fileSuffix = "_file"

// secretOf returns the secret whose file a key names, "" if it is not such a key.
func secretOf(fields []pluginkeys.Field, key string) string {
	secret, twin := strings.CutSuffix(key, fileSuffix)
	if !twin || fieldOf(fields, key) != nil {
		return ""
	}
	if f := fieldOf(fields, secret); f == nil || !f.Secret {
		return ""
	}
	return secret
}

func fieldOf(fields []pluginkeys.Field, key string) *pluginkeys.Field {
	if at := slices.IndexFunc(fields, func(f pluginkeys.Field) bool { return f.Key == key }); at >= 0 {
		return &fields[at]
	}
	return nil
}

func notOfKind(i *Instance) string { return fmt.Sprintf("plugin %q is not a %s", i.Plugin, i.Kind) }

func bothThere(secret string) string {
	return fmt.Sprintf("%s and %s%s are both there; accepted: one of them", secret, secret, fileSuffix)
}
