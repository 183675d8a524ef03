// Package bash is the library of listeners in bash: its file, which listener new puts beside a listener.
package bash

import _ "embed"

//go:embed hark-listener.bash
var library string

// Library is hark-listener.bash.
func Library() string { return library }
