package tool

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hark-supervisor/hark/core/config"
	"github.com/hark-supervisor/hark/plugins/bundled"
	"github.com/hark-supervisor/hark/plugins/launch"
	"github.com/hark-supervisor/hark/plugins/sections"
	"github.com/hark-supervisor/hark/plugins/trust"
)

// install puts a plugin into a plugin directory.
func (t *tool) install(words []string) error {
	defer t.close()
	if len(words) == 0 || t.files == "" && len(words) != 1 {
		return fmt.Errorf("install takes one FILE, or --files and a command behind --; %w", errUsage)
	}
	user, err := t.account()
	if err != nil {
		return err
	}
	src := trust.Source{}
	if t.files == "" {
		src.File = words[0]
	} else {
		src.Command = words
		for path := range strings.SplitSeq(t.files, ",") {
			src.Files = append(src.Files, strings.TrimSpace(path))
		}
	}
	e, dir, err := t.policy.Install(context.Background(), src, func(_ context.Context, x *trust.Executable) (trust.Described, error) {
		d, err := launch.Describe(x, sections.AccountOf(user))
		if err == nil && !t.shadow && slices.Contains(bundled.Names(), d.Name) {
			err = fmt.Errorf("a plugin of the name %s comes with Hark, and this one would take its place in every section that names it; give it another name, or say --shadow", d.Name)
		}
		return d, err
	}, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.stdout, "%s %s (%s) is installed in %s, sha256 %s\n", e.Name, e.Version, strings.Join(e.Kinds, ", "), dir, short(e))
	return err
}

// short is what people compare of a hash.
func short(e *trust.Entry) string {
	if e.SHA256 == "" {
		return "of its files"
	}
	return e.SHA256[:16] + "…"
}

// account returns the account that --user names, nil for none.
func (t *tool) account() (*config.User, error) {
	if t.user == "" {
		return nil, nil
	}
	u, err := (&config.AccountFiles{Fallback: getent}).User(t.user)
	if err != nil {
		return nil, fmt.Errorf("cannot find the user %q: %w", t.user, err)
	}
	return &u, nil
}

// remove takes a plugin away.
func (t *tool) remove(words []string) error {
	defer t.close()
	if len(words) != 1 {
		return fmt.Errorf("remove takes one NAME; %w", errUsage)
	}
	if err := t.policy.Remove(words[0]); err != nil {
		return err
	}
	_, err := fmt.Fprintf(t.stdout, "%s is removed\n", words[0])
	return err
}
