// Package python holds the library for event listeners in Python, which "supervisorctl listener new" writes next to a new listener.
package python

import _ "embed"

//go:embed hark_listener.py
var library string

// Library is hark_listener.py.
func Library() string { return library }
