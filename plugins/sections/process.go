package sections

import (
	"os"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/host"
)

// SettingsOf returns what a section [plugin:x] says of its process. The error is of its command, which is refused when it is
// resolved.
func SettingsOf(p *config.Plugin) (host.Settings, error) {
	s := host.Settings{Name: p.Name, SHA256: p.SHA256, Files: p.Files, Permissions: permissionsOf(p.Permissions), MaxProcesses: p.MaxProcesses, User: AccountOf(p.User)}
	s.Command = p.Command.Argv
	if p.Command.Err != nil {
		s.Command = []string{p.Command.Line} // which is refused when it is resolved
	}
	return s, p.Command.Err
}

func permissionsOf(p config.Permission) host.Permissions {
	switch p {
	case config.ReadCalls:
		return host.ReadCalls
	case config.AllCalls:
		return host.AllCalls
	}
	return host.NoCalls
}

// KindOf returns the kind of a section in the words of plugins.
func KindOf(i *config.PluginInstance) wire.Kind {
	switch i.Kind {
	case config.NotifierInstance:
		return wire.Notifier
	case config.LogSinkInstance:
		return wire.LogSink
	}
	return wire.Namespace
}

// InstanceOf returns a section as the host of plugins takes it.
func InstanceOf(i *config.PluginInstance) host.Instance {
	in := host.Instance{Kind: KindOf(i), Name: i.Name, Section: i.Section, Plugin: i.Plugin, File: i.File, Line: i.Line}
	for _, k := range i.Keys {
		in.Keys = append(in.Keys, host.Key{Name: k.Name, Value: k.Value.Reveal(), File: k.File, Line: k.Line, Near: k.Near})
	}
	return in
}

// AccountOf returns the account that a plugin runs as; nil: our own.
func AccountOf(u *config.User) *host.Account {
	if u == nil || u.UID == os.Geteuid() {
		return nil
	}
	a := &host.Account{Name: u.Name, UID: uint32(u.UID), GID: uint32(u.GID)} //nolint:gosec // ids come from the account database
	for _, g := range u.Groups {
		a.Groups = append(a.Groups, uint32(g)) //nolint:gosec // as above
	}
	return a
}
