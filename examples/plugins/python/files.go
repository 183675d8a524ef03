// Package python is the example plugin in Python: its files, which plugin new copies, and their tests.
package python

import "embed"

// Files are hark_plugin.py and plugin_pb2.py, which any plugin in Python needs.
//
//go:embed hark_plugin.py plugin_pb2.py
var Files embed.FS
