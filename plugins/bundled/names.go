// Package bundled names the plugins that come with Hark, all in the program supervisor-plugins: each folder here that has an
// example of its sections is one, of the folder's name. The daemon knows their names without having their code.
package bundled

import "embed"

//go:embed */example.conf
var examples embed.FS

// Names are the plugins of supervisor-plugins, in the order in which it lists them.
func Names() []string {
	entries, err := examples.ReadDir(".")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
