// Package node is the example plugin in Node.js: its files, which plugin new copies, and their tests.
package node

import "embed"

// Files are hark_plugin.js and plugin.proto, which any plugin in Node.js needs.
//
//go:embed hark_plugin.js plugin.proto
var Files embed.FS
