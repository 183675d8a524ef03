package tool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/hark-supervisor/hark/core/child"
	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/internal/pluginkeys"
	"github.com/hark-supervisor/hark/internal/pluginrpc"
	"github.com/hark-supervisor/hark/internal/wire"
	"github.com/hark-supervisor/hark/plugins/host"
	"github.com/hark-supervisor/hark/plugins/launch"
	"github.com/hark-supervisor/hark/plugins/sections"
	"github.com/hark-supervisor/hark/plugins/trust"
	"github.com/hark-supervisor/hark/sdk"
)

// checkTime is how long a check of a running plugin may take.
const checkTime = 40 * time.Second

// check looks at a plugin, installed or not: its file, what it says of itself, the keys; with keys it is
// started, configured and asked how it is.
func (t *tool) check(words []string) error {
	defer t.close()
	if len(words) == 0 {
		return fmt.Errorf("check takes a NAME or a FILE; %w", errUsage)
	}
	what, rest := words[0], words[1:]
	w, user, err := t.wanted(what)
	if err != nil {
		return err
	}
	if strings.ContainsRune(what, '/') {
		if what, err = filepath.Abs(what); err != nil {
			return err
		}
		w = trust.Wanted{Name: filepath.Base(what), Command: []string{what}}
	}
	x, err := t.policy.Resolve(w)
	if err != nil {
		return sections.Suggested(t.policy, w.Name, err)
	}
	defer x.Close() //nolint:errcheck // only a descriptor
	_, _ = fmt.Fprintf(t.stdout, "file: ok, sha256 %s\n", x.SHA256)
	d, err := launch.Describe(x, sections.AccountOf(user))
	if err != nil {
		return fmt.Errorf("it cannot describe itself: %w", err)
	}
	description, err := pluginrpc.ParseDescription(d.Raw)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(t.stdout, "description: ok, %s %s (%s)\n", d.Name, d.Version, strings.Join(d.Kinds, ", "))
	kind, values, err := checkArguments(&description, rest)
	if err != nil {
		return err
	}
	if values == nil {
		if keys := requiredKeys(description.Kind(kind)); keys != "" {
			_, err := fmt.Fprintf(t.stdout, "not started: a %s needs keys; to try it: supervisord plugin check %s %s %s\n", kind, words[0], kind, keys)
			return err
		}
		values = map[string]string{}
	}
	if err := pluginkeys.Check(description.Kind(kind).Fields, values); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(t.stdout, "keys: ok")
	return t.checkRunning(w, d.Name, user, kind, values)
}

// checkRunning starts the plugin as the daemon would, configures it, asks how it is and stops it.
func (t *tool) checkRunning(w trust.Wanted, name string, user *config.User, kind wire.Kind, values map[string]string) error {
	system, err := child.New(child.Options{})
	if err != nil {
		return err
	}
	defer system.Close()
	quiet := func(level config.Level, text string) {
		if level >= config.WARN {
			_, _ = fmt.Fprintln(t.stderr, text)
		}
	}
	hostname, _ := os.Hostname()
	plugins := host.New(host.Options{
		Launcher: launch.New(system, quiet, t.run), RunDir: func() (string, error) { return filepath.Join(t.run, "h"), nil },
		Daemon: sdk.Daemon{Identifier: "check", Hostname: hostname, Version: t.version},
		Log:    hclog.New(&hclog.LoggerOptions{Output: t.stderr, Level: hclog.Warn, DisableTime: true}),
		Resolve: func(host.Settings) (*host.Executable, error) {
			return sections.Resolve(t.policy, host.Settings{Name: w.Name, Command: w.Command, SHA256: w.SHA256, Files: w.Files})
		},
		Call: func(context.Context, bool, string, []any) (any, error) {
			return nil, errors.New("there is no daemon to call back in a check")
		},
		ReadSecret: func(string) (string, error) { return "", errors.New("there are no secret files in a check") },
		Changed:    func(host.StateChange) {},
		Namespaces: func() {},
	})
	ctx, cancel := context.WithTimeout(context.Background(), checkTime)
	defer cancel()
	defer plugins.Close(ctx)
	plugins.SetPlugin(host.Settings{Name: name, User: sections.AccountOf(user)})
	const section = "check"
	instance := host.Instance{Kind: kind, Name: section, Section: string(kind) + ":" + section, Plugin: name}
	for key, value := range values {
		instance.Keys = append(instance.Keys, host.Key{Name: key, Value: value})
	}
	plugins.SetInstance(instance)
	if err := awaitInstance(ctx, plugins); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(t.stdout, "start and configuration: ok")
	_, _ = fmt.Fprintln(t.stdout, "health: ok")
	return nil
}

// requiredKeys are the keys without which a plugin cannot be started, as KEY=…; "" for none. Of alternatives the first stands for all.
func requiredKeys(k *pluginrpc.Kind) string {
	var keys, instead []string
	for i := range k.Fields {
		f := &k.Fields[i]
		if (f.Required || len(f.Or) > 0) && f.When == "" && !slices.Contains(instead, f.Key) {
			keys, instead = append(keys, f.Key+"=…"), append(instead, f.Or...)
		}
	}
	return strings.Join(keys, " ")
}

// checkArguments reads [KIND] [KEY=VALUE...]; values are nil where there are none.
func checkArguments(d *pluginrpc.Description, words []string) (wire.Kind, map[string]string, error) {
	kind := d.Kinds[0].Name
	if len(words) == 0 {
		return kind, nil, nil
	}
	if !strings.Contains(words[0], "=") {
		kind, words = wire.Kind(words[0]), words[1:]
	}
	if d.Kind(kind) == nil {
		return "", nil, fmt.Errorf("it is not a %s; %w", kind, errUsage)
	}
	values := map[string]string{}
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return "", nil, fmt.Errorf("%q is not KEY=VALUE; %w", word, errUsage)
		}
		if file, secret := strings.CutSuffix(key, "_file"); secret {
			text, err := os.ReadFile(value)
			if err != nil {
				return "", nil, fmt.Errorf("cannot read %s: %w", key, err)
			}
			key, value = file, strings.TrimRight(string(text), "\n")
		}
		values[key] = value
	}
	return kind, values, nil
}

// awaitInstance waits until the one instance of a host is ready and well, or is known not to be.
func awaitInstance(ctx context.Context, plugins *host.Host) error {
	const every = 10 * time.Millisecond
	for {
		for _, p := range plugins.Plugins() {
			switch {
			case p.State == host.Backoff || p.State == host.Fatal:
				return fmt.Errorf("it cannot be started: %s", p.Trouble)
			case len(p.Instances) == 0:
			case p.Instances[0].Ready && p.Instances[0].Trouble == "" && p.Trouble == "":
				return nil
			case p.Instances[0].Trouble != "":
				return fmt.Errorf("it cannot be configured: %s", p.Instances[0].Trouble)
			case p.Instances[0].Ready:
				return fmt.Errorf("it is not well: %s", p.Trouble)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it was not ready within %v", checkTime)
		case <-time.After(every):
		}
	}
}
