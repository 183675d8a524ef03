package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/redact"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/sdk"
)

// instance is a section at its plugin. Everything is under the plugin's lock.
type instance struct {
	Instance
	version int  // of what was set
	tried   int  // the version of which the outcome is known, in the process that runs
	taken   int  // the version that a process took last; over its end too
	busy    bool // it is being configured, by a goroutine
	ready   bool // the process has it, of some version
	refused bool // the version tried was
	trouble string
	health  string
	methods []sdk.Method // declared last, whether or not the plugin runs
	secrets []string
	given   map[string]string // the values that were taken last, in the process that runs: those of secrets may change in their files
}

// reset drops what is known from the previous process.
func (i *instance) reset() {
	i.tried, i.ready, i.refused, i.health, i.trouble, i.given = 0, false, false, "", "", nil
}

func (p *plugin) setInstance(i Instance) {
	p.locked(func() {
		k := instanceKey{i.Kind, i.Name}
		have := p.instances[k]
		if have == nil {
			have = &instance{}
			p.instances[k] = have
			p.removed = slices.DeleteFunc(p.removed, func(r instanceKey) bool { return r == k })
		}
		have.Instance = i
		have.version++
		if p.state == Fatal || p.state == Backoff { // the change may be a correction: try it at once
			p.changed, p.failures = true, 0
		}
	})
	p.ring()
	if i.Kind == wire.Namespace {
		p.tellNamespaces()
	}
}

func (p *plugin) removeInstance(k instanceKey) {
	p.locked(func() {
		if p.instances[k] != nil {
			delete(p.instances, k)
			p.removed = append(p.removed, k)
			p.setSecrets()
		}
	})
	p.ring()
	if k.kind == wire.Namespace {
		p.tellNamespaces()
	}
}

// tellNamespaces is off the caller's goroutine, who may hold the host's lock.
func (p *plugin) tellNamespaces() {
	if f := p.host.o.Namespaces; f != nil {
		p.part.Start(&p.host.telling, "the change of the namespaces", f)
	}
}

func (p *plugin) hasInstances() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.instances) > 0
}

func (p *plugin) methods(k instanceKey) []sdk.Method {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.instances[k]; i != nil {
		return i.methods
	}
	return nil
}

// sorted is the instances by kind and name. Under the lock.
func (p *plugin) sorted() []*instance {
	all := make([]*instance, 0, len(p.instances))
	for _, i := range p.instances {
		all = append(all, i)
	}
	slices.SortFunc(all, func(a, b *instance) int { return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name)) })
	return all
}

// settled reports whether of every instance it is known whether the plugin takes it.
func (p *plugin) settled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.instances {
		if i.tried == 0 {
			return false
		}
	}
	return true
}

// retry has what was refused or failed tried again at once, and files with secrets read again.
func (p *plugin) retry() {
	p.locked(func() {
		for _, i := range p.instances {
			if !i.busy && (i.refused || i.fromFiles(p.live)) {
				i.tried = min(i.tried, i.version-1)
			}
		}
		if p.state == Fatal || p.state == Backoff {
			p.changed, p.failures = true, 0
		}
	})
	p.ring()
}

// fromFiles reports whether an instance has secrets in files, as far as its plugin has said what it knows.
func (i *instance) fromFiles(l *live) bool {
	return l != nil && len(secretFiles(&l.description, &i.Instance)) > 0
}

// retryRefused has instances that were refused tried again: what was wrong may not have been in the configuration.
func (p *plugin) retryRefused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, i := range p.instances {
		if i.refused && !i.busy {
			i.tried = min(i.tried, i.version-1)
		}
	}
}

// reconcile makes the instances of the process those that are wanted, each by a goroutine of its own: one that hangs holds up no other.
func (p *plugin) reconcile(l *live) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.removed {
		p.part.Start(&l.calls, "the end of an instance", func() { p.remove(l, k) })
	}
	p.removed = nil
	for k, i := range p.instances {
		if i.busy || i.tried == i.version {
			continue
		}
		i.busy = true
		version, spec := i.version, i.Instance
		p.part.Start(&l.calls, "the configuration of an instance", func() { p.configure(l, k, i, version, spec) })
	}
}

func (p *plugin) remove(l *live, k instanceKey) {
	ctx, cancel := context.WithTimeout(l.ctx, removeTime)
	defer cancel()
	if err := l.rpc.Remove(ctx, k.kind, k.name); err != nil && !l.over() {
		p.log.Warn("an instance did not end in order", "kind", string(k.kind), "instance", k.name, "error", p.redacted(err))
	}
}

// configure passes an instance to the plugin and records the result.
func (p *plugin) configure(l *live, k instanceKey, i *instance, version int, spec Instance) {
	defect := p.part.Try("the configuration of an instance", func() { p.give(l, k, i, version, spec) })
	if defect == nil {
		return
	}
	p.locked(func() {
		i.busy, i.tried, i.refused, i.trouble = false, version, true, defect.Error()
	})
	p.ring()
}

func (p *plugin) give(l *live, k instanceKey, i *instance, version int, spec Instance) {
	values, secrets, err := p.values(&l.description, &spec)
	var methods []sdk.Method
	same := false
	if err == nil {
		p.locked(func() { same = p.live == l && i.ready && i.taken == version && maps.Equal(i.given, values) })
	}
	if err == nil && !same {
		p.locked(func() {
			i.secrets = append(i.secrets, secrets...) // the old ones may still be said
			p.setSecrets()
		})
		ctx, cancel := context.WithTimeout(l.ctx, p.host.o.Timing.Configure)
		defer cancel()
		methods, err = l.rpc.Configure(ctx, spec.Kind, spec.Name, values, p.host.daemon(), l.socket)
		err = located(&spec, err)
	}
	known, fresh := false, false
	p.locked(func() {
		i.busy = false
		if p.live != l || p.instances[k] != i { // another process, or it is not wanted any more
			return
		}
		i.tried, i.refused, i.trouble = version, err != nil, ""
		switch {
		case wire.IsUnavailable(err) && l.over(): // the process has ended, which is reported elsewhere
		case err != nil:
			known = true
			i.trouble = p.redact(err.Error())
			err = errors.New(i.trouble)
		default:
			known, fresh = true, !same && (i.taken != version || i.given != nil)
			i.ready, i.taken, i.given = true, version, values
			i.secrets = secrets
			if !same {
				i.methods = methods
			}
			p.setSecrets()
		}
	})
	p.ring()
	switch {
	case !known:
		return
	case err != nil:
		p.log.Error("cannot use an instance", "section", spec.Section, "error", err)
	case spec.Kind == wire.Namespace && !same:
		p.tellNamespaces()
	}
	if f := p.host.o.Configured; f != nil && fresh { // it has taken settings that no process of it had
		f(spec.Kind, spec.Name)
	}
}

// values returns a section's keys in the form for its plugin, with secrets read from their files, and the secrets among them.
func (p *plugin) values(d *pluginrpc.Description, i *Instance) (values map[string]string, secrets []string, err error) {
	kind := d.Kind(i.Kind)
	if kind == nil {
		return nil, nil, fmt.Errorf("%s: [%s] plugin: %s", place(i, ""), i.Section, notOfKind(i))
	}
	fields := kind.Fields
	values = map[string]string{}
	files := map[string]string{} // secret: the key that names its file
	for _, k := range i.Keys {
		name, value := k.Name, k.Value
		if secret := secretOf(fields, name); secret != "" {
			if value, err = p.host.o.ReadSecret(value); err != nil {
				return nil, nil, fmt.Errorf("%s: [%s] %s: %w", place(i, k.Name), i.Section, k.Name, err)
			}
			files[secret] = k.Name
			name = secret
		}
		if _, both := values[name]; both {
			return nil, nil, fmt.Errorf("%s: [%s] %s: %s", place(i, k.Name), i.Section, k.Name, bothThere(name))
		}
		values[name] = value
		if f := fieldOf(fields, name); f != nil && f.Secret {
			secrets = append(secrets, value)
		}
	}
	err = pluginkeys.Check(fields, values)
	var wrong *pluginkeys.Error
	if errors.As(err, &wrong) {
		i.suggest(wrong)
		if files[wrong.Key] != "" {
			err = &pluginkeys.Error{Key: files[wrong.Key], Text: wrong.Text}
		}
	}
	return values, secrets, located(i, err)
}

// located adds to an error about a section where it was written.
func located(i *Instance, err error) error {
	var wrong *pluginkeys.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Key != "":
		return fmt.Errorf("%s: [%s] %w", place(i, wrong.Key), i.Section, err)
	}
	return fmt.Errorf("%s: [%s] %w", place(i, ""), i.Section, err)
}

// place is file:line of a key, or of the section.
func place(i *Instance, key string) string {
	file, line := i.File, i.Line
	for _, k := range i.Keys {
		if k.Name == key {
			file, line = k.File, k.Line
		}
	}
	return fmt.Sprintf("%s:%d", file, line)
}

// setSecrets makes what redact takes out: the secrets in every form in which texts quote them, as the log has them too. The longest go first,
// so that one that begins like another leaves no rest. Under the lock.
func (p *plugin) setSecrets() {
	var all []string
	for _, i := range p.instances {
		for _, s := range i.secrets {
			all = append(all, redact.Forms([]string{s, clean(s)})...)
			if strings.Contains(s, "\n") {
				all = append(all, redact.Forms(strings.Split(s, "\n"))...)
			}
		}
	}
	slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
	p.redaction = nil
	if len(all) > 0 {
		var pairs []string
		for _, s := range all {
			pairs = append(pairs, s, "[secret]")
		}
		p.redaction = strings.NewReplacer(pairs...)
	}
}

// redact takes secrets out of a text. Under the lock.
func (p *plugin) redact(s string) string {
	if p.redaction == nil {
		return s
	}
	return p.redaction.Replace(s)
}

// redactText is redact for those without the lock.
func (p *plugin) redactText(s string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.redact(s)
}

func (p *plugin) redacted(err error) string { return p.redactText(err.Error()) }
