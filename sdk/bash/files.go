// Package bash holds the library for event listeners in bash, which "supervisorctl listener new" writes next to a new listener.
package bash

import _ "embed"

//go:embed hark-listener.bash
var library string

// Library is hark-listener.bash.
func Library() string { return library }
