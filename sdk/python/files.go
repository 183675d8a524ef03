// Package python is the library of listeners in Python: its file, which listener new puts beside a listener.
package python

import _ "embed"

//go:embed hark_listener.py
var library string

// Library is hark_listener.py.
func Library() string { return library }
